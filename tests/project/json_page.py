"""docs/json.md as data, and what of it real documents have: each line of its tables is about one place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
# Places that the page names by words -> patterns of paths, in which `*` is one name.
IN_WORDS = {
    "each group": ["groups.*", "covered", "missed", "others", "without_row"],
    "`total` and each group": ["matrices[].total", "matrices[].groups.*.*"],
    "a row of the three lists": ["drifted_reserved[]", "new_tokens[]", "still_specials[]"],
}
TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "list": list,
    "array": list,
    "range": list,
    "null": type(None),
}


@dataclass
class Row:
    """One key of the page, and where it may stand: the place named last before it, else an earlier one."""

    key: str
    type: str
    meaning: str
    places: list[list[str]]
    bound: set[str] = field(default_factory=set)

    @property
    def line(self) -> str:
        return f"{' '.join(self.places[0])}: {self.key}"


def sections() -> dict[str, list[Row]]:
    """Heading -> its rows; the tables of `fleet status` and `fleet report` have headings of their own."""
    text = re.sub(r"^`(fleet \w+)`:$", r"## \1", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    return {name: list(_rows(body)) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _rows(body: str) -> Iterator[Row]:
    places: list[list[str]] = [[""]]
    for line in body.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if not line.startswith("| ") or cells[0] in ("key", "---"):
            continue
        named, _, rest = cells[0].partition(":") if cells[0].startswith("in ") else ("", "", cells[0])
        if named:
            places = [_places(named.removeprefix("in ").partition(", not")[0]), *places]
        keys = re.findall(r"`([^`]+)`", rest)
        types = cells[1].split(", ") if cells[1].count(", ") == len(keys) - 1 else [cells[1]] * len(keys)
        for key, type in zip(keys, types, strict=True):
            yield Row(key, type, cells[2], places)


def _places(words: str) -> list[str]:
    if words in IN_WORDS:
        return IN_WORDS[words]
    found: list[str] = []
    for name in re.findall(r"`([^`]+)`", words):
        before = found[0].rpartition(".")[0] if found and name.startswith(".") else ""
        found.append(before + name)
    return found


def walk(document: Any, path: str = "", open_: Iterable[str] = ()) -> Iterator[tuple[str, str, Any]]:
    """(path of the object, key, value) of every key; the keys of objects at `open_` are names from files."""
    if isinstance(document, list):
        for item in document:
            yield from walk(item, f"{path}[]", open_)
    elif isinstance(document, dict) and not any(matches(path, place) for place in open_):
        for key, value in document.items():
            yield path, key, value
            yield from walk(value, f"{path}.{key}".lstrip("."), open_)


def matches(path: str, place: str) -> bool:
    """Whether a path ends as a place says; the place of no name is the document itself."""
    if not place:
        return not path
    pattern = re.escape(place).replace(r"\*", r"\w+")
    return re.search(rf"(?:^|[.\]]\.?){pattern}$", path) is not None


def bind(rows: list[Row], seen: dict[tuple[str, str], list[Any]]) -> tuple[list[str], list[str], list[str]]:
    """(keys that no row describes, rows that no document has, values that are of another type)."""
    taken: set[tuple[str, str]] = set()
    wrong: list[str] = []
    every = {place for row in rows for place in row.places[0]}
    for row in rows:
        for places in row.places:
            found = {at for at in seen if at[1] == row.key and _nearest(at[0], every) in places}
            found -= taken if len(row.places) > 1 else set()
            if found:
                row.bound = {path for path, _ in found}
                taken |= found
                wrong += [f"{at}: {row.type}: {value!r}" for at in found for value in _others(row, seen[at])]
                break
    told = {
        (f"{path}.{row.key}".lstrip("."), word) for row in rows for path in row.bound for word in _told(row)
    }
    rest = {at for at in seen if at not in taken and not any(_is_told(at, one) for one in told)}
    return sorted(map(str, rest)), [row.line for row in rows if not row.bound], wrong


def _nearest(path: str, places: Iterable[str]) -> str | None:
    """The longest of the places that a path matches: `rollouts.prompts[]` before `prompts[]`."""
    return max((place for place in places if matches(path, place)), key=len, default=None)


def _told(row: Row) -> list[str]:
    """Keys of its entries that a line of a list names in its own text."""
    return re.findall(r"`(\w+)`", row.meaning) if row.type.startswith(("list", "object", "array")) else []


def _is_told(at: tuple[str, str], told: tuple[str, str]) -> bool:
    return at[1] == told[1] and at[0].removesuffix("[]") == told[0]


def _others(row: Row, values: list[Any]) -> list[Any]:
    """Up to three values that the type does not allow."""
    words = re.findall(r"\w+", re.sub(r"(list|array)s? of \w+", "list", row.type))
    allowed = tuple(TYPES[word] for word in words if word in TYPES)
    flat = tuple(kind for one in allowed for kind in (one if isinstance(one, tuple) else (one,)))
    strange = [v for v in values if not isinstance(v, flat) or (isinstance(v, bool) and bool not in flat)]
    return strange[:3] if flat else []
