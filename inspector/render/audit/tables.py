"""The tables of an audit as rows of cells: text and Markdown lay the same ones out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rowscope.inspector.audit import GroupReport, MatrixReport, NotableRow, Report, SpecialTokenReport
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.plain import bytes_text, graded, shorten
from rowscope.inspector.render.spoken import Cells
from rowscope.inspector.text import cosine, count, joined, ratio, real, say, template, visible
from rowscope.inspector.vocabulary import shown_token

ROLE_WORDS: Final = {
    "both": say("input and output (tied)"),
    "input": say("input"),
    "output": say("output"),
}

_TOKEN_WIDTH: Final = 28
_VERDICT_ORDER: Final = (
    "damaged",
    "nonfinite",
    "zero",
    "vanishing",
    "collapsed",
    "fresh",
    "initial",
    "trained",
)


def size_rows(report: Report) -> list[Cells]:
    """What each source says the size of the vocabulary is: name, size, note."""
    census = report.census
    rows: list[Cells] = [("config vocab_size", count(census.config_vocab_size), "config.json")]
    if census.tokenizer is not None:
        facts = census.tokenizer
        rows += [
            ("tokenizer base", count(facts.base_size), visible(facts.kind)),
            ("tokenizer entries", count(facts.entries), say("largest id {id}", id=count(facts.max_id))),
        ]
    else:
        rows.append(("tokenizer entries", "-", say("no readable tokenizer files")))
    rows += [
        ("input rows", count(census.input_rows), _matrix_note(report, "input")),
        ("output rows", count(census.output_rows), _matrix_note(report, "output")),
        ("used", count(census.used.count), _group_note(report, ("base", "added"))),
        ("reserved", count(census.reserved.count), _group_note(report, ("unmapped", "placeholder"))),
    ]
    if census.reserved.count:
        rows.append(("", "", format_ranges(census.reserved.ranges, limit=3)))
    rows += _capacity_rows(report)
    if census.holes.count:
        rows.append(("holes", count(census.holes.count), format_ranges(census.holes.ranges, limit=3)))
    if census.out_of_range:
        rows.append(("ids without a row", count(len(census.out_of_range)), say("see VOC102")))
    return rows


def _capacity_rows(report: Report) -> list[Cells]:
    capacity = report.capacity
    free = capacity.without_resize + capacity.placeholders.count
    note = say(
        "{next} next ids, {placeholders} placeholders",
        next=capacity.without_resize,
        placeholders=capacity.placeholders.count,
    )
    rows: list[Cells] = [("free slots", count(free), note)]
    for step in capacity.resizes[:1]:
        words = say(
            "next multiple of {step}: {rows} more rows, {bytes}",
            step=step.multiple,
            rows=step.new_rows,
            bytes=bytes_text(step.bytes),
        )
        rows.append(("after a resize", count(step.rows), words))
    return rows


def table_rows(report: Report) -> list[Cells]:
    """The vocabulary tables that were not judged: name, role, shape, what names the rows."""
    judged = {matrix.tensor for matrix in report.matrices}
    named = {"tokenizer": say("rows are the tokenizer's"), "draft": say("rows are a draft vocabulary")}
    return [
        (
            visible(table.name),
            table.role,
            f"[{table.rows}, {table.width}]",
            named.get(table.vocabulary or "", say("no tokenizer names the rows")),
        )
        for table in report.tables
        if table.name not in judged
    ]


def _matrix_note(report: Report, role: str) -> str:
    for matrix in report.matrices:
        if matrix.role == role or (matrix.role == "both" and role == "input"):
            rows, width = matrix.shape
            stored = f"{visible(matrix.tensor)} {matrix.dtype} [{rows}, {width}]"
            if matrix.storage is None:
                return stored
            return say("{table}, decoded from {format}", table=stored, format=matrix.storage.label)
    if role == "output" and report.census.tied:
        return say("tied to the input ({source})", source=report.census.tie_source)
    return say("not audited" if role != "output" and report.census.input_rows else "not stored")


def _group_note(report: Report, names: Sequence[str]) -> str:
    groups = report.census.groups
    counts = {
        "base": template("{count} base"),
        "added": template("{count} added"),
        "unmapped": template("{count} unmapped"),
        "placeholder": template("{count} placeholder"),
    }
    return joined(", ", [say(counts[n], count=groups[n].count) for n in names if groups[n].count])


def statistic_rows(matrix: MatrixReport) -> list[Cells]:
    """One column a group, used against reserved first; the first row is the heading."""
    names = _columns(matrix)
    groups = [matrix.groups[name] for name in names]
    rows: list[Cells] = [("", *names)]
    for label, cell in _STATISTICS:
        rows.append((label, *(cell(group) for group in groups)))
    for verdict in _VERDICT_ORDER:
        if any(group.verdicts[verdict] for group in groups):
            counts = (count(group.verdicts[verdict]) for group in groups)
            rows.append((say("verdict {verdict}", verdict=verdict), *counts))
    if any(group.grades.get("barely") for group in groups):
        rows.append((say("of these barely"), *(count(group.grades.get("barely", 0)) for group in groups)))
    return rows


def whole_matrix(matrix: MatrixReport) -> list[str]:
    """Sentences on the matrix as a whole."""
    texts: list[str] = [
        say("Shift of the mean: |mean row| / median norm = {shift}.", shift=real(matrix.mean_shift))
    ]
    stored = matrix.storage
    if stored is not None:
        how: str = say("Values decoded from {format}", format=stored.label)
        if stored.group is not None:
            how = say("{how} in groups of {columns} columns", how=how, columns=stored.group)
        if stored.scale_shape is not None:
            how = say("{how}, scales {shape}", how=how, shape=str(list(stored.scale_shape)))
        texts.insert(0, say("{how}.", how=how))
    decay = matrix.weight_decay
    if decay is not None:
        texts.append(
            say(
                "Weight decay of training: {total:.4g} ± {error:.1g} in all, by {rows:# row|# rows} that no "
                "step has read: -ln(std {std} / initializer_range {start}).",
                total=decay.total,
                error=decay.error,
                rows=decay.rows,
                std=real(decay.std),
                start=real(decay.initializer_range),
            )
        )
    return texts


def _columns(matrix: MatrixReport) -> list[str]:
    """Used and reserved, then the parts of whichever of them has two."""
    names = [name for name in ("used", "reserved") if name in matrix.groups]
    for parts in (("added", "base"), ("unmapped", "placeholder")):
        if all(part in matrix.groups for part in parts):
            names += [part for part in parts if part != "base"]
    return names


_STATISTICS: Final[tuple[tuple[str, Callable[[GroupReport], str]], ...]] = (
    ("rows", lambda g: count(g.stats.rows)),
    ("mean", lambda g: real(g.stats.mean)),
    ("std", lambda g: real(g.stats.std)),
    ("min", lambda g: real(g.stats.min)),
    ("max", lambda g: real(g.stats.max)),
    ("non-zero", lambda g: ratio(g.stats.nonzero, g.stats.elements)),
    ("NaN, inf", lambda g: f"{count(g.stats.nan)}, {count(g.stats.inf)}"),
    ("norm median", lambda g: real(g.stats.norm.median)),
    ("norm min", lambda g: real(g.stats.norm.min)),
    ("norm max", lambda g: real(g.stats.norm.max)),
    ("distinct rows", lambda g: count(g.stats.distinct_rows)),
    ("largest duplicate", lambda g: count(g.stats.largest_duplicate)),
    ("between-row std", lambda g: real(g.stats.between_row_std)),
    ("pairwise cosine", lambda g: cosine(g.stats.pairwise_cosine)),
)


def special_rows(tokens: Sequence[SpecialTokenReport]) -> list[Cells]:
    """id, token, roles, verdicts, flags, uses; the first row is the heading."""
    rows: list[Cells] = [("id", "token", "roles", "input", "output", "flags", "use")]
    for token in tokens:
        rows.append(
            (
                str(token.id),
                _token(token.token, token.text),
                ", ".join(token.roles) or "-",
                graded(token.verdict["input"], token.grade["input"]),
                graded(token.verdict["output"], token.grade["output"]),
                ", ".join(token.flags) or "-",
                ", ".join(use for use in token.uses if use != "template") or "-",
            )
        )
    return rows


def untrained_first(tokens: Sequence[SpecialTokenReport]) -> list[SpecialTokenReport]:
    """Tokens with roles first, then the others; of each those that do not look trained first; by id."""

    def key(token: SpecialTokenReport) -> tuple[bool, bool, int]:
        found = [graded(verdict, token.grade[role]) for role, verdict in token.verdict.items() if verdict]
        return (not token.roles, all(verdict == "trained" for verdict in found), token.id)

    return sorted((token for token in tokens if token.group != "placeholder" or token.roles), key=key)


def notable_cells(rows: Sequence[NotableRow]) -> list[Cells]:
    """id, token, verdict, confidence, norm, cosine; the first row is the heading."""
    cells: list[Cells] = [("id", "token", "verdict", "confidence", "norm", "cosine")]
    for row in rows:
        cells.append(
            (
                str(row.id),
                _token(row.token, row.text),
                graded(row.verdict, row.grade),
                row.confidence,
                real(row.norm),
                cosine(row.cosine_to_reference),
            )
        )
    return cells


def _token(token: str | None, text: str | None) -> str:
    return shorten(shown_token(token, text), _TOKEN_WIDTH)
