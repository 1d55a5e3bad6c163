"""The per-row table for people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from rowscope.inspector.listing import VocabularyRows
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import by_recipe, columns_of, graded, shorten, widest
from rowscope.inspector.render.spoken import in_language, spoken_lines
from rowscope.inspector.text import cosine, real, say, told
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


def rows_lines(rows: VocabularyRows, *, width: int, limit: int | None, lang: str = "en") -> Iterator[Line]:
    """A table of the most useful columns; what the terminal cannot show is left to the other formats."""
    count = min(limit or len(rows), len(rows))
    yield from (Line(line) for line in _layout(_Shown(rows, count, lang), width, lang))
    fresh = ((record["id"], record.get("recipe")) for record in islice(rows.records(), count))
    below: list[str] = list(by_recipe(fresh))
    if count < len(rows):
        below.append(say("{count:# row|# rows} more: --limit 0 lists all", count=len(rows) - count))
    if rows.judged_on and rows.judged_on != "all rows":
        below.append(say("judged on {judged}; --full judges against all rows", judged=rows.judged_on))
    if rows.note:
        below.append(rows.note)
    yield from spoken_lines(below, width, "", lang, "dim")


class _Shown:
    """The cells of the first rows under their headings, made anew each time that they are gone through."""

    def __init__(self, rows: VocabularyRows, count: int, lang: str) -> None:
        self._rows, self._count, self._lang = rows, count, lang
        there = rows.columns
        # A column of zeros tells nothing; NaN and infinities stand out where they occur.
        quiet = {name for name in ("nan", "inf") if not there[name][:count].any()}
        self.names = [name for name in _TEXT_COLUMNS if name in there and name not in quiet]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        if self._count:
            heads = tuple(_SHORT_NAMES.get(name, name) for name in self.names)
            yield in_language([heads], self._lang, "rows")[0]
        for record in islice(self._rows.records(), self._count):
            if "token" in record:
                record["token"] = shown_token(record["token"], record["text"])
            if "verdict" in record:
                record["verdict"] = graded(record["verdict"], record.get("grade"))
            yield tuple(_cell(name, record[name]) for name in self.names)


def _layout(shown: _Shown, width: int, lang: str) -> Iterator[str]:
    """Words to the left, numbers to the right, two blanks between; less of it where there is no room."""
    sizes = dict(zip(shown.names, widest(shown), strict=False))
    if not sizes:
        yield told(say("no rows"), lang)
        return
    for spare in ("mean", "std", "confidence", "group"):
        if sum(size + 2 for size in sizes.values()) - 2 > width:
            sizes.pop(spare, None)
    kept = [(at, sizes[name], name in _WORDS) for at, name in enumerate(shown.names) if name in sizes]
    for cells in shown:
        parts = ((cells[at], " " * (size - columns_of(cells[at])), left) for at, size, left in kept)
        yield "  ".join(cell + gap if left else gap + cell for cell, gap, left in parts).rstrip()


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - a column's value
    if value is None:
        return "-"
    if name == "token":
        return shorten(value, _TOKEN_WIDTH)
    if isinstance(value, float):
        return cosine(value) if name == "cosine_to_reference" else real(value)
    return str(value)
