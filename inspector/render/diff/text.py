"""A comparison of two checkpoints for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import rowscope
from rowscope.inspector.diff import (
    Diff,
    GroupChange,
    MatrixDiff,
    MovedToken,
    RenamedId,
    RowChange,
    TokenId,
    TokenizerDiff,
)
from rowscope.inspector.render.audit.brief import LEVEL_WORDS
from rowscope.inspector.render.audit.tables import ROLE_WORDS
from rowscope.inspector.render.lines import Line, to_plain_text
from rowscope.inspector.render.plain import columns, shorten, wrap
from rowscope.inspector.render.spoken import Cells, heading_lines, in_language, spoken_lines
from rowscope.inspector.text import cosine, count, joined, real, say, told, visible
from rowscope.inspector.vocabulary import quoted_token, shown_token

_SHOWN: Final = 10
_MATRIX: Final = {"both": say("tied matrix"), "input": say("input matrix"), "output": say("output matrix")}
_TOKEN_WIDTH: Final = 28


def render_diff_text(diff: Diff, *, width: int = 80, lang: str = "en") -> str:
    """The whole result as plain text of `width` columns."""
    return to_plain_text(diff_lines(diff, width=width, lang=lang))


def diff_lines(diff: Diff, *, width: int = 80, lang: str = "en") -> Iterator[Line]:
    """The whole result as styled lines of `width` columns; every name from a file is made visible."""
    head = f"rowscope {rowscope.__version__} · {visible(diff.base.path)} → {visible(diff.tuned.path)}"
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    for matrix in diff.matrices:
        yield from _matrix(matrix, width, lang)
    yield from heading_lines(say("what this means"), lang)
    yield from spoken_lines(diff.summary, width, "  ", lang)
    for matrix in diff.matrices:
        yield from _named_rows(matrix, width, lang)
    if diff.tokenizer is not None:
        yield from _tokenizer(diff.tokenizer, width, lang)
    yield from _findings(diff, width, lang)
    if diff.notes:
        yield from heading_lines(say("notes"), lang)
        yield from spoken_lines(diff.notes, width, "  ", lang)
    yield Line("")
    yield Line(told(_closing(diff), lang), "dim")


def _closing(diff: Diff) -> str:
    rows = sum(len(matrix.table) for matrix in diff.matrices)
    seconds = diff.timings.get("total")
    compared = say("{count:# row|# rows} compared", count=rows)
    if seconds is not None:
        compared = say("{count:# row|# rows} compared in {seconds:.2f} s", count=rows, seconds=seconds)
    return joined(" · ", [compared, say("exit {code}", code=diff.exit_code)])


def _matrix(matrix: MatrixDiff, width: int, lang: str) -> Iterator[Line]:
    base, tuned = matrix.base, matrix.tuned
    shapes = (
        f"{visible(base.tensor)} {base.dtype} [{base.rows}, {matrix.width}] → "
        f"{visible(tuned.tensor)} {tuned.dtype} [{tuned.rows}, {matrix.width}]"
    )
    yield Line("")
    title = say("{role}: {tensor}", role=ROLE_WORDS[matrix.role], tensor=shapes)
    yield from spoken_lines([title], width, "", lang, "heading")
    yield from _table(changes_rows(matrix), width, set(range(1, 8)), lang)


def changes_rows(matrix: MatrixDiff) -> list[Cells]:
    """What happened to the rows of every group; the first row is the heading."""
    rows: list[Cells] = [("", "rows", "identical", "rounded", "changed", "median", "largest", "cosine")]
    rows.append(("all", *_changes(matrix.total)))
    return rows + [(name, *_changes(group)) for name, group in matrix.groups_tuned.items()]


def _changes(group: GroupChange) -> Cells:
    return (
        count(group.rows),
        count(group.identical),
        count(group.identical_after_rounding),
        count(group.changed),
        real(group.distance_median),
        real(group.distance_max),
        cosine(group.cosine_mean),
    )


def _named_rows(matrix: MatrixDiff, width: int, lang: str) -> Iterator[Line]:
    role = _MATRIX[matrix.role]
    drifted = say("reserved rows that changed, {role}", role=role)
    yield from _rows(drifted, matrix.drifted_reserved, width, lang)
    yield from _rows(say("new tokens, {role}", role=role), matrix.new_tokens, width, lang)
    yield from _claimed(matrix, say("rows that a claim wrote, {role}", role=role), width, lang)
    if matrix.total.changed:
        still = say("special tokens that did not move, {role}", role=role)
        yield from _rows(still, matrix.still_specials, width, lang)


def _titled(title: str, shown: int, all: int) -> str:
    """The title of a list, and how much of it stands here where that is not all."""
    if shown == all:
        return title
    return say("{title} ({shown} of {all}; --format json has all)", title=title, shown=shown, all=all)


def _claimed(matrix: MatrixDiff, title: str, width: int, lang: str) -> Iterator[Line]:
    if not matrix.claimed:
        return
    shown = matrix.claimed[:_SHOWN]
    cells: list[Cells] = [("id", "token", "initial values", "now")]
    cells += [
        (str(row.id), _token(row.token, row.token), shorten(visible(row.recipe), _TOKEN_WIDTH), row.words)
        for row in shown
    ]
    yield from heading_lines(_titled(title, len(shown), len(matrix.claimed)), lang)
    yield from _table(cells, width, {0}, lang)


def _rows(title: str, rows: Sequence[RowChange], width: int, lang: str) -> Iterator[Line]:
    if not rows:
        return
    shown = rows[:_SHOWN]
    cells: list[Cells] = [("id", "token", "movement", "distance", "relative", "cosine")]
    cells += [
        (
            str(row.id),
            _token(row.token, row.text),
            row.movement,
            real(row.distance),
            real(row.relative),
            cosine(row.cosine),
        )
        for row in shown
    ]
    yield from heading_lines(_titled(title, len(shown), len(rows)), lang)
    yield from _table(cells, width, {0, 3, 4, 5}, lang)


def _token(token: str | None, text: str | None) -> str:
    return shorten(shown_token(token, text), _TOKEN_WIDTH)


def _table(cells: Sequence[Cells], width: int, numbers: set[int], lang: str) -> Iterator[Line]:
    yield from (Line(line) for line in columns(in_language(cells, lang, "diff"), width, numbers))


def _tokenizer(diff: TokenizerDiff, width: int, lang: str) -> Iterator[Line]:
    present = tokenizer_lists(diff)
    if present:
        yield from heading_lines(say("tokenizer"), lang)
        yield from spoken_lines(map(_listed, present), width, "  ", lang)


def tokenizer_lists(diff: TokenizerDiff) -> list[tuple[str, list[str]]]:
    """What changed in the tokenizer: title and items of every list that is not empty."""
    lists = (
        (say("added"), [f"{item.id} {_quoted(item)}" for item in diff.added]),
        (say("removed"), [f"{item.id} {_quoted(item)}" for item in diff.removed]),
        (say("renamed"), [_renamed(item) for item in diff.renamed]),
        (say("under another id"), [f"{_quoted(item)} {item.base} → {item.tuned}" for item in diff.moved]),
        (say("now special"), [f"{item.id} {_quoted(item)}" for item in diff.specials_gained]),
        (say("no longer special"), [f"{item.id} {_quoted(item)}" for item in diff.specials_lost]),
    )
    return [(title, items) for title, items in lists if items]


def _quoted(item: TokenId | MovedToken) -> str:
    return quoted_token(item.token, item.text)


def _renamed(item: RenamedId) -> str:
    before, after = quoted_token(item.base, item.base_text), quoted_token(item.tuned, item.tuned_text)
    return f"{item.id} {before} → {after}"


def _listed(entry: tuple[str, list[str]]) -> str:
    title, items = entry
    shown: str = ", ".join(items[:_SHOWN])
    if len(items) > _SHOWN:
        shown = say("{shown}, and {more} more", shown=shown, more=len(items) - _SHOWN)
    return say("{name}: {said}", name=title, said=shown)


def _findings(diff: Diff, width: int, lang: str) -> Iterator[Line]:
    if diff.expected_unchanged is None:
        return
    yield from heading_lines(say("expected unchanged"), lang)
    if not diff.findings:
        yield Line(f"  {told(say('every row expected unchanged is'), lang)}", "good")
    for finding in diff.findings:
        head = f"{told(LEVEL_WORDS[finding.severity], lang)} {finding.code}: {told(finding.message, lang)}"
        chinese = lang == "zh"
        for text in wrap(visible(head), width, "  ", chinese=chinese):
            yield Line(text, finding.severity)
        step = f"→ {told(finding.hint, lang)}"
        yield from (Line(text, "dim") for text in wrap(step, width, "    ", chinese=chinese))
