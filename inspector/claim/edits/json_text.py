"""JSON text changed in place: only the bytes of what changes differ, in the style that surrounds it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.frozen import record

Path = tuple[str | int, ...]

_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_FIRST_LINE: Final = re.compile(r"[\[{]([ \t\r]*\n)([ \t]*)[^\s]")
_ESCAPED: Final = re.compile(r"\\u(?!00[01])")
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an object or a list, by positions in the text.

    Attributes:
        key: its key, or its place in the list.
        start: of the key, or of the value in a list.
        value: of the value.
        stop: behind the value.
    """

    key: str | int
    start: int
    value: int
    stop: int


@record
class Spacing:
    """White space of a container: behind `{`, behind a comma, before `}`; and what parts key and value."""

    first: str
    between: str
    last: str
    colon: str


def members(text: str, at: int) -> Iterator[Member]:
    """The entries of the object or list whose bracket is at `at`.

    Raises:
        json.JSONDecodeError, IndexError: the text is not JSON there.
    """
    is_object = text[at] == "{"
    at = _skip(text, at + 1)
    place = 0
    while text[at] not in "]}":
        start = at
        key: str | int = place
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        value = at
        at = _DECODER.raw_decode(text, at)[1]
        yield Member(key, start, value, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        place += 1


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


class JsonText:
    """A JSON document, changed as text; it is never written out anew.

    Of a key that an object has twice the last counts, as in Python's reader. Methods take the path of keys
    and list places that leads to a value; a path that leads nowhere is a KeyError.

    Attributes:
        name: the file's name, for messages.
        text: the document as it stands now.

    Raises:
        TokenizerError: the bytes are not UTF-8.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        self._bom = _BOM if data.startswith(_BOM) else b""
        try:
            self.text = data[len(self._bom) :].decode()
        except UnicodeDecodeError as error:
            raise TokenizerError(
                f"{name} cannot be edited, it is not UTF-8: {error}; download it again", location=name
            ) from error
        self._ascii = self.text.isascii() and _ESCAPED.search(self.text) is not None

    @classmethod
    def of(cls, value: object, name: str) -> Self:
        """A new document in the style of transformers' own files."""
        return cls((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(), name)

    def encode(self) -> bytes:
        """The document as bytes, with the byte order mark that it came with."""
        return self._bom + self.text.encode()

    def get(self, *path: str | int) -> Any:  # noqa: ANN401 - a JSON value
        """The value at `path`; None where there is none."""
        try:
            return _DECODER.raw_decode(self.text, self._open(path))[0]
        except KeyError:
            return None

    def replace(self, path: Path, value: str | int | bool | None) -> None:
        """Put a scalar in the place of the value at `path`; equal text stays as it is."""
        found = self._find(path)
        there = _DECODER.raw_decode(self.text, found.value)[0]
        if there != value or type(there) is not type(value):
            self._splice(found.value, found.stop, self._scalar(value))

    def put(self, path: Path, key: str, value: str | int | bool | None) -> None:
        """Give the object at `path` a scalar under `key`, in its place or as the last entry."""
        if key in self.get(*path):
            self.replace((*path, key), value)
        else:
            self.insert(path, [(key, value)])

    def rename(self, path: Path, names: Mapping[str, str]) -> None:
        """Give keys of the object at `path` other names; their places and values stay."""
        pieces, at = [], 0
        for member in members(self.text, self._open(path)):
            if member.key in names:
                end = _DECODER.raw_decode(self.text, member.start)[1]
                pieces += [self.text[at : member.start], self._scalar(names[str(member.key)])]
                at = end
        self.text = "".join(pieces) + self.text[at:]

    def remove(self, path: Path) -> None:
        """Take the entry at `path` out of its list or object, with one comma."""
        opening = self._open(path[:-1])
        entries = list(members(self.text, opening))
        place = max((at for at, member in enumerate(entries) if member.key == path[-1]), default=None)
        if place is None:
            raise KeyError(path)
        if place + 1 < len(entries):
            self._splice(entries[place].start, entries[place + 1].start, "")
        elif place:
            self._splice(entries[place - 1].stop, entries[place].stop, "")
        else:
            self._splice(opening + 1, _skip(self.text, entries[0].stop), "")

    def insert(self, path: Path, entries: Sequence[Any], place: int | None = None) -> None:
        """Put entries into the list (values) or object (pairs of key and value) at `path`.

        They stand before the entry at `place`, or last, and look like the entries beside them.
        """
        opening = self._open(path)
        there = list(members(self.text, opening))
        spacing = self._spacing(opening, there) if there else self._general(len(path))
        inner = self._inner_spacing(there) or self._general(len(path) + 1)
        keyed = self.text[opening] == "{"
        parts = [self._entry(entry, keyed, spacing, inner) for entry in entries]
        comma = f",{spacing.between}"
        if not there:
            body = spacing.first + comma.join(parts) + spacing.last
            self._splice(opening + 1, _skip(self.text, opening + 1), body)
        elif place is not None and place < len(there):
            at = there[place].start
            self._splice(at, at, "".join(part + comma for part in parts))
        else:
            at = there[-1].stop
            self._splice(at, at, "".join(comma + part for part in parts))

    def _find(self, path: Path) -> Member:
        at = _skip(self.text, 0)
        for step in path[:-1]:
            at = self._entry_of(at, step).value
        return self._entry_of(at, path[-1])

    def _entry_of(self, at: int, step: str | int) -> Member:
        found = None
        if self.text[at] == ("{" if isinstance(step, str) else "["):
            # Where the key cannot occur again the rest of a large file need not be read.
            once = isinstance(step, int) or self.text.count(json.dumps(step, ensure_ascii=False)) == 1
            for member in members(self.text, at):
                if member.key == step:
                    found = member
                    if once:
                        break
        if found is None:
            raise KeyError(step)
        return found

    def _open(self, path: Path) -> int:
        return self._find(path).value if path else _skip(self.text, 0)

    def _splice(self, start: int, stop: int, new: str) -> None:
        self.text = self.text[:start] + new + self.text[stop:]

    def _scalar(self, value: object) -> str:
        return json.dumps(value, ensure_ascii=self._ascii)

    def _spacing(self, opening: int, there: Sequence[Member]) -> Spacing:
        """How a container with entries is spaced."""
        general = self._general(0)
        first = self.text[opening + 1 : there[0].start]
        last = self.text[there[-1].stop : _skip(self.text, there[-1].stop)]
        if len(there) > 1:
            between = self.text[there[0].stop : there[1].start].partition(",")[2]
        else:
            between = first if "\n" in first else general.colon[1:]
        colon = general.colon
        if isinstance(there[-1].key, str):
            key_end = _DECODER.raw_decode(self.text, there[-1].start)[1]
            colon = self.text[key_end : there[-1].value]
        return Spacing(first, between, last, colon)

    def _inner_spacing(self, there: Sequence[Member]) -> Spacing | None:
        """How the last of the entries that is an object with entries is spaced inside."""
        for member in reversed(there[-4:]):
            if self.text[member.value] == "{":
                inside = list(members(self.text, member.value))
                return self._spacing(member.value, inside) if inside else None
        return None

    def _general(self, depth: int) -> Spacing:
        """The document's own style for a container `depth` levels below its top."""
        match = _FIRST_LINE.match(self.text, _skip(self.text, 0))
        if match is None:
            gap = " " if '": ' in self.text[:4096] else ""
            return Spacing("", gap, "", f":{gap}")
        newline, unit = match[1].lstrip(" \t"), match[2]
        inner = newline + unit * (depth + 1)
        return Spacing(inner, inner, newline + unit * depth, ": ")

    def _entry(self, entry: Any, keyed: bool, spacing: Spacing, inner: Spacing) -> str:  # noqa: ANN401
        if not keyed:
            return self._value(entry, inner)
        key, value = entry
        return self._scalar(key) + spacing.colon + self._value(value, inner)

    def _value(self, value: object, inner: Spacing) -> str:
        if not isinstance(value, dict) or not value:
            return self._scalar(value)
        pairs = (f"{self._scalar(key)}{inner.colon}{self._scalar(item)}" for key, item in value.items())
        return f"{{{inner.first}{f',{inner.between}'.join(pairs)}{inner.last}}}"
