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
from rowscope.inspector.render.audit.tables import ROLE_WORDS, Cells
from rowscope.inspector.render.lines import Line, to_plain_text
from rowscope.inspector.render.plain import columns, plural, shorten, taken, wrap
from rowscope.inspector.text import cosine, count, real, visible
from rowscope.inspector.vocabulary import quoted_token, shown_token

_SHOWN: Final = 10
_TOKEN_WIDTH: Final = 28


def render_diff_text(diff: Diff, *, width: int = 80) -> str:
    """The whole result as plain text of `width` columns."""
    return to_plain_text(diff_lines(diff, width=width))


def diff_lines(diff: Diff, *, width: int = 80) -> Iterator[Line]:
    """The whole result as styled lines of `width` columns; every name from a file is made visible."""
    head = f"rowscope {rowscope.__version__} · {visible(diff.base.path)} → {visible(diff.tuned.path)}"
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    for matrix in diff.matrices:
        yield from _matrix(matrix, width)
    yield from _section("what this means", _paragraphs(diff.summary, width))
    for matrix in diff.matrices:
        yield from _named_rows(matrix, width)
    if diff.tokenizer is not None:
        yield from _tokenizer(diff.tokenizer, width)
    yield from _findings(diff, width)
    if diff.notes:
        yield from _section("notes", _paragraphs(diff.notes, width))
    rows = sum(len(matrix.table) for matrix in diff.matrices)
    yield Line("")
    yield Line(f"{plural(rows, 'row')} compared{taken(diff.timings)} · exit {diff.exit_code}", "dim")


def _section(title: str, lines: Iterator[Line]) -> Iterator[Line]:
    yield Line("")
    yield Line(title, "heading")
    yield from lines


def _paragraphs(texts: Sequence[str], width: int) -> Iterator[Line]:
    for text in texts:
        yield from (Line(line) for line in wrap(visible(text), width, "  "))


def _matrix(matrix: MatrixDiff, width: int) -> Iterator[Line]:
    base, tuned = matrix.base, matrix.tuned
    title = (
        f"{ROLE_WORDS[matrix.role]}: {visible(base.tensor)} {base.dtype} [{base.rows}, {matrix.width}] → "
        f"{visible(tuned.tensor)} {tuned.dtype} [{tuned.rows}, {matrix.width}]"
    )
    yield Line("")
    yield from (Line(text, "heading") for text in wrap(title, width, ""))
    yield from _table(changes_rows(matrix), width, numbers=set(range(1, 8)))


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


def _named_rows(matrix: MatrixDiff, width: int) -> Iterator[Line]:
    role = "tied matrix" if matrix.role == "both" else f"{matrix.role} matrix"
    yield from _rows(f"reserved rows that changed, {role}", matrix.drifted_reserved, width)
    yield from _rows(f"new tokens, {role}", matrix.new_tokens, width)
    yield from _claimed(matrix, role, width)
    if matrix.total.changed:
        yield from _rows(f"special tokens that did not move, {role}", matrix.still_specials, width)


def _claimed(matrix: MatrixDiff, role: str, width: int) -> Iterator[Line]:
    if not matrix.claimed:
        return
    shown = matrix.claimed[:_SHOWN]
    title = f"rows that a claim wrote, {role}"
    if len(shown) < len(matrix.claimed):
        title += f" ({len(shown):,} of {len(matrix.claimed):,}; --format json has all)"
    cells: list[Cells] = [("id", "token", "initial values", "now")]
    cells += [
        (str(row.id), _token(row.token, row.token), shorten(visible(row.recipe), _TOKEN_WIDTH), row.words)
        for row in shown
    ]
    yield from _section(title, _table(cells, width, numbers={0}))


def _rows(title: str, rows: Sequence[RowChange], width: int) -> Iterator[Line]:
    if not rows:
        return
    shown = rows[:_SHOWN]
    if len(shown) < len(rows):
        title += f" ({len(shown):,} of {len(rows):,}; --format json has all)"
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
    yield from _section(title, _table(cells, width, numbers={0, 3, 4, 5}))


def _token(token: str | None, text: str | None) -> str:
    return shorten(shown_token(token, text), _TOKEN_WIDTH)


def _table(cells: Sequence[Cells], width: int, numbers: set[int]) -> Iterator[Line]:
    yield from (Line(line) for line in columns(cells, width, numbers))


def _tokenizer(diff: TokenizerDiff, width: int) -> Iterator[Line]:
    present = tokenizer_lists(diff)
    if present:
        yield from _section("tokenizer", _listed(present, width))


def tokenizer_lists(diff: TokenizerDiff) -> list[tuple[str, list[str]]]:
    """What changed in the tokenizer: title and items of every list that is not empty."""
    lists = (
        ("added", [f"{item.id} {_quoted(item)}" for item in diff.added]),
        ("removed", [f"{item.id} {_quoted(item)}" for item in diff.removed]),
        ("renamed", [_renamed(item) for item in diff.renamed]),
        ("under another id", [f"{_quoted(item)} {item.base} → {item.tuned}" for item in diff.moved]),
        ("now special", [f"{item.id} {_quoted(item)}" for item in diff.specials_gained]),
        ("no longer special", [f"{item.id} {_quoted(item)}" for item in diff.specials_lost]),
    )
    return [(title, items) for title, items in lists if items]


def _quoted(item: TokenId | MovedToken) -> str:
    return quoted_token(item.token, item.text)


def _renamed(item: RenamedId) -> str:
    before, after = quoted_token(item.base, item.base_text), quoted_token(item.tuned, item.tuned_text)
    return f"{item.id} {before} → {after}"


def _listed(lists: Sequence[tuple[str, list[str]]], width: int) -> Iterator[Line]:
    for title, items in lists:
        more = f", and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
        text = f"{title}: {', '.join(visible(item) for item in items[:_SHOWN])}{more}"
        yield from (Line(line) for line in wrap(text, width, "  "))


def _findings(diff: Diff, width: int) -> Iterator[Line]:
    if diff.expected_unchanged is None:
        return
    yield Line("")
    yield Line("expected unchanged", "heading")
    if not diff.findings:
        yield Line("  every row expected unchanged is", "good")
    for finding in diff.findings:
        head = f"{finding.severity} {finding.code}: {visible(finding.message)}"
        yield from (Line(text, finding.severity) for text in wrap(head, width, "  "))
        yield from (Line(text, "dim") for text in wrap(f"→ {finding.hint}", width, "    "))
