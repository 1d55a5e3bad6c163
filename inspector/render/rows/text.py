"""The per-row table for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.listing import VocabularyRows
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import by_recipe, columns_of, graded, plural, shorten, wrap
from rowscope.inspector.text import cosine, real, visible
from rowscope.inspector.vocabulary import shown_token

_TEXT_COLUMNS: Final = (
    "id",
    "token",
    "group",
    "norm",
    "mean",
    "std",
    "nan",
    "inf",
    "verdict",
    "confidence",
    "cosine_to_reference",
    "duplicates",
)
_SHORT_NAMES: Final = {"cosine_to_reference": "cosine", "duplicates": "copies"}
_WORDS: Final = ("token", "group", "verdict", "confidence")
_TOKEN_WIDTH: Final = 24


def rows_lines(rows: VocabularyRows, *, width: int, limit: int | None) -> Iterator[Line]:
    """A table of the most useful columns; what the terminal cannot show is left to the other formats."""
    shown = [record for _, record in zip(range(limit or len(rows)), rows.records(), strict=False)]
    yield from (Line(line) for line in _layout(shown, width))
    fresh = ((record["id"], record.get("recipe")) for record in shown)
    yield from (Line(line, "dim") for line in by_recipe(fresh, width))
    if len(shown) < len(rows):
        yield Line(f"{plural(len(rows) - len(shown), 'row')} more: --limit 0 lists all", "dim")
    if rows.judged_on and rows.judged_on != "all rows":
        text = f"judged on {rows.judged_on}; --full judges against all rows"
        yield from (Line(line, "dim") for line in wrap(text, width, ""))
    if rows.note:
        yield from (Line(line, "dim") for line in wrap(visible(rows.note), width, ""))


def _layout(records: list[dict[str, Any]], width: int) -> Iterator[str]:
    if not records:
        yield "no rows"
        return
    names = [name for name in _TEXT_COLUMNS if name in records[0]]
    for quiet in ("nan", "inf"):
        # A column of zeros tells nothing; NaN and infinities stand out where they occur.
        if not any(record[quiet] for record in records):
            names.remove(quiet)
    values = {name: [record[name] for record in records] for name in names}
    if "token" in values:
        values["token"] = [shown_token(record["token"], record["text"]) for record in records]
    if "verdict" in values:
        values["verdict"] = [graded(record["verdict"], record.get("grade")) for record in records]
    cells = {name: _column(name, column) for name, column in values.items()}
    for spare in ("mean", "std", "confidence", "group"):
        if sum(columns_of(column[0]) + 2 for column in cells.values()) - 2 > width:
            cells.pop(spare, None)
    yield from ("  ".join(row).rstrip() for row in zip(*cells.values(), strict=True))


def _column(name: str, values: list[Any]) -> list[str]:
    """A heading and its values, padded to one width: words to the left, numbers to the right."""
    cells = [_SHORT_NAMES.get(name, name), *(_cell(name, value) for value in values)]
    size = max(columns_of(cell) for cell in cells)
    gaps = [" " * (size - columns_of(cell)) for cell in cells]
    left = name in _WORDS
    return [cell + gap if left else gap + cell for cell, gap in zip(cells, gaps, strict=True)]


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - a column's value
    if value is None:
        return "-"
    if name == "token":
        return shorten(value, _TOKEN_WIDTH)
    if isinstance(value, float):
        return cosine(value) if name == "cosine_to_reference" else real(value)
    return str(value)
