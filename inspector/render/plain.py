"""Plain text in columns: tables, wrapped sentences, sizes and counts in words."""

from __future__ import annotations

import re
import unicodedata
from bisect import insort
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from rowscope.inspector.text import plural, say, visible

__all__ = [
    "by_recipe",
    "bytes_text",
    "columns",
    "columns_of",
    "graded",
    "plural",
    "shorten",
    "table",
    "wrap",
]

Row = tuple[str, ...]

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_LEAST_WIDTH = 12
_NAME_WIDTH, _MOST_CLASSES = 80, 3
_WORDS = re.compile(r"([ \t\n\r\f\v]*)([^ \t\n\r\f\v]+)")
_CHINESE = re.compile(
    "([ \t\n\r\f\v]*)((?:[（《“]?[\u2e80-\u9fff]|（?[^ \t\n\r\f\v\u2e80-\u9fff（]+|（)[。，、；：！？）》”]*)"
)
_JOINED_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")


def bytes_text(count: int) -> str:
    """A size in decimal units, as file listings on the web give it: `2.16 MB`."""
    if count < 1000:
        return f"{count} B"
    value = count / 1000
    units = iter(_UNITS)
    unit = next(units)
    while value >= 999.5 and (larger := next(units, None)):
        value /= 1000
        unit = larger
    return f"{value:.3g} {unit}"


def wrap(text: str, width: int, indent: str, *, chinese: bool = False) -> list[str]:
    """`text` in lines of `width` terminal columns, those after the first two deeper; long words stay whole.

    Like `textwrap.wrap`, which counts characters and lets text in Chinese run to twice the width. `chinese`
    text may end a line behind any character of its own; none begins with a full stop or a comma.
    """
    return _lines(_CHINESE if chinese else _WORDS, text, width, indent, f"{indent}  ")


def has_chinese(text: str) -> bool:
    """Whether a text is written in Chinese: full-width punctuation stands in it."""
    return bool(re.search("[。，、；：？（）]", text))


def fill_chinese(text: str, width: int, first: str, rest: str) -> list[str]:
    """`wrap` of text in Chinese with another beginning of the first line."""
    return _lines(_CHINESE, text, width, first, rest)


def _lines(words: re.Pattern[str], text: str, width: int, first: str, rest: str) -> list[str]:
    lines: list[str] = []
    line, used, empty = first, columns_of(first), True
    for gap, word in words.findall(text):
        size = columns_of(word)
        if not empty and used + len(gap) + size > max(width, _LEAST_WIDTH):
            lines.append(line)
            line, used, gap = rest, columns_of(rest), ""
        line += " " * len(gap) + word
        used += len(gap) + size
        empty = False
    return [*lines, line] if line.strip() else []


def table(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Rows in columns; a first cell that leaves no room for the others gets a line of its own."""
    if not rows:
        return
    rest = [max(columns_of(row[i]) for row in rows) for i in range(1, len(rows[0]))]
    room = max(width - 2 - sum(rest) - 2 * len(rest), _LEAST_WIDTH)
    first = min(room, max(columns_of(row[0]) for row in rows))
    for row in rows:
        tail = "".join(f"  {_pad(cell, size)}" for cell, size in zip(row[1:], rest, strict=True))
        if columns_of(row[0]) > first:
            yield f"  {row[0]}"
            yield f"  {' ' * first}{tail}"
        else:
            yield f"  {row[0]}{' ' * (first - columns_of(row[0]))}{tail}"


def _pad(cell: str, size: int) -> str:
    """Quantities with a unit to the right, all else to the left."""
    space = " " * (size - columns_of(cell))
    return space + cell if cell[:1].isdigit() and cell[-1:].isalpha() else cell + space


def columns_of(text: str) -> int:
    """Terminal columns: wide East Asian characters and emoji take two, marks none, nor do vowels and final
    consonants of a Hangul syllable spelt in letters. Expects `visible` text, which has no joiners.
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character)[0] == "M" or _JOINED_JAMO.match(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def by_recipe(pairs: Iterable[tuple[int, str | None]], most: int = 8) -> Iterator[str]:
    """Sentences on how fresh rows were made (`fresh, mean of all rows: 96, 97`); ids without a recipe left
    out."""
    lowest: dict[str, list[int]] = {}
    counts: Counter[str] = Counter()
    for id, recipe in pairs:
        if recipe is not None:
            counts[recipe] += 1
            kept = lowest.setdefault(recipe, [])
            insort(kept, id)
            del kept[most:]
    for recipe, ids in lowest.items():
        listed: str = ", ".join(map(str, ids))
        if counts[recipe] > most:
            listed = say("{shown} and {more} more", shown=listed, more=counts[recipe] - most)
        yield say("fresh, {recipe}: {ids}", recipe=recipe, ids=listed)


def shorten(text: str, size: int) -> str:
    """`text` in at most `size` terminal columns; the cut shows as `…`."""
    if columns_of(text) <= size:
        return text
    kept, taken = "", 0
    for character in text:
        taken += _columns(character)
        if taken > size - 1:
            break
        kept += character
    return kept + "…"


def name_text(name: str) -> str:
    """A name from a config, made visible; one of megabytes is cut."""
    return shorten(visible(name[: 4 * _NAME_WIDTH]), _NAME_WIDTH)


def class_text(architectures: Sequence[str], model_type: str | None, unknown: str = "") -> str:
    """The classes that a config names, the first three by name, else its model type."""
    shown = ", ".join(map(name_text, architectures[:_MOST_CLASSES])) or name_text(model_type or "")
    more = len(architectures) - _MOST_CLASSES
    return (f"{shown} and {more:,} more" if more > 0 else shown) or unknown


def widest(rows: Iterable[Sequence[str]]) -> list[int]:
    """Terminal columns of the widest cell in each place; empty where there are no rows."""
    sizes: list[int] = []
    for row in rows:
        sizes = [max(pair) for pair in zip(sizes or [0] * len(row), map(columns_of, row), strict=True)]
    return sizes


def columns(
    rows: Iterable[Sequence[str]], width: int, numbers: Container[int], indent: str = "  "
) -> Iterator[str]:
    """Columns two blanks apart, those in `numbers` set to the right; what does not fit is cut with `…`.

    `rows` is gone through twice: a long table need not be whole in memory.
    """
    sizes = widest(rows)
    for row in rows:
        parts = []
        for at, (cell, size) in enumerate(zip(row, sizes, strict=True)):
            space = " " * (size - columns_of(cell))
            parts.append(space + cell if at in numbers else cell + space)
        yield shorten(indent + "  ".join(parts).rstrip(), width)


def graded(verdict: str | None, grade: str | None) -> str:
    """A row's verdict as people read it: `barely trained` and `partly trained` where it says how far."""
    if verdict is None:
        return "-"
    return verdict if grade in (None, "clearly") else f"{grade} {verdict}"
