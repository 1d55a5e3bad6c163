"""Tokenizer files -> text and JSON, with every way to be unreadable turned into TokenizerError."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage import (
    MAX_VALUES,
    Folder,
    UnreadableError,
    decode_json,
    too_many_values,
    unlike_text,
)
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.limits import MOST_BYTES, MOST_PARSED, require

_BOM = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_MERGES = re.compile(rb'"merges"\s*:\s*\[')
_LAST_ARRAY_END = re.compile(rb"\]\s*\}\s*\}\s*$")
_KEY_BEHIND_ARRAY = re.compile(rb'\]\s*[,}][\s},]*"(?:[^"\\]|\\.)*"\s*:', re.DOTALL)


class TokenizerFolder:
    """A folder of tokenizer files; remembers what was read from it and what was odd about it.

    Attributes:
        folder: where the files are.
        instead: files read as these bytes, whether or not they are there: edits not yet written.
        columns: whether large vocabularies may be read by columns, which takes numpy.
        used: names of the files read so far, in order.
        notes: sentences for people.
    """

    def __init__(
        self,
        folder: Folder,
        instead: Mapping[str, bytes] = MappingProxyType({}),
        *,
        columns: bool = True,
    ) -> None:
        self.folder = folder
        self.instead = instead
        self.columns = columns
        self.used: list[str] = []
        self.notes: list[str] = []

    def has(self, name: str) -> bool:
        return name in self.instead or self._there(name)

    def names(self) -> tuple[str, ...]:
        """Names of the files in the folder, sorted; () where it cannot be listed."""
        try:
            there = {name for name in self.folder.names() if self._there(name)}
        except UnreadableError:
            there = set()
        return tuple(sorted(there | set(self.instead)))

    def files_in(self, folder: str, suffix: str) -> tuple[str, ...]:
        """Names, relative to the root, of the files in a folder within it that end in `suffix`; sorted."""
        try:
            return tuple(
                f"{folder}/{name}"
                for name in self.folder.names(folder)
                if name.endswith(suffix) and self._there(f"{folder}/{name}")
            )
        except UnreadableError:  # not there, or no folder
            return ()

    def read_bytes(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The file's bytes, `most` at most, without a byte order mark (a note says that there was one)."""
        try:
            data = self._read(name, most)
        except UnreadableError as error:
            raise TokenizerError(
                f"cannot read {name!r}: {error.why}; check its permissions", location=name
            ) from error
        if name not in self.used:
            self.used.append(name)
        content = unlike_text(data[:1024])
        if content is not None:
            raise TokenizerError(f"{name}: the content is {content.what}; {content.hint}", location=name)
        if data.startswith(_BOM):
            self.notes.append(
                say("{file} starts with a byte order mark, which other readers may refuse", file=name)
            )
            return data[len(_BOM) :]
        return data

    def _read(self, name: str, most: int = MOST_BYTES) -> bytes:
        if name in self.instead:
            return self.instead[name]
        data, size = self.folder.head(name, 0, most)
        require(name, "bytes", size, most)
        return data

    def _there(self, name: str) -> bool:
        try:
            return self.folder.kind(name) == "file"
        except UnreadableError:
            return False

    def read_text(self, name: str, most: int = MOST_PARSED) -> str:
        return decode_utf8(self.read_bytes(name, most), name)

    def read_json(self, name: str) -> object:
        return parse_json(self.read_bytes(name, MOST_PARSED), name)

    def read_object(self, name: str) -> dict[str, object]:
        """The file's JSON object; {} where the file is not there."""
        if not self.has(name):
            return {}
        value = self.read_json(name)
        if not isinstance(value, dict):
            raise wrong(name, "the file", value, "a JSON object")
        return value

    def peek(self, name: str) -> dict[str, object]:
        """A JSON object that is not the tokenizer's own; {} where it is not there or not usable.

        It is not counted among the files used, and what is wrong with it is for others to say.
        """
        try:
            value = parse_json(self._read(name, MOST_PARSED), name)
        except (UnreadableError, TokenizerError):
            return {}
        return value if isinstance(value, dict) else {}


def decode_utf8(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TokenizerError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; "
            "download the file again",
            location=name,
        ) from error


def parse_json(
    data: bytes, name: str, pairs: Callable[[list[tuple[str, object]]], object] | None = None
) -> object:
    """JSON text -> value; `pairs` turns each object's keys and values into something smaller than a dict.

    Strings with a lone surrogate are refused, as the tokenizers library does: they cannot be printed.
    """
    require(name, "bytes of JSON", len(data), MOST_PARSED)
    if too_many_values(data):
        raise TokenizerError(
            f"{name} lists more than {MAX_VALUES:,} values, more than any known tokenizer; check that it is "
            "the file you mean",
            location=name,
        )
    text = decode_utf8(data, name)
    try:
        value: object = decode_json(text, pairs)
        if _SURROGATE_ESCAPE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise TokenizerError(
            f"{name} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; "
            "download the file again",
            location=name,
        ) from error
    except RecursionError as error:
        raise TokenizerError(f"{name} is nested too deeply to be a tokenizer file", location=name) from error
    except UnicodeEncodeError as error:
        found = ascii(error.object[error.start])
        raise TokenizerError(
            f"{name} holds a string with half a surrogate pair, {found}; write the file again as UTF-8",
            location=name,
        ) from error
    except ValueError as error:  # an integer of too many digits
        raise TokenizerError(f"{name} is not usable JSON: {error}", location=name) from error
    return value


def parse_without_merges(data: bytes, name: str) -> object:
    """tokenizer.json -> value, with an empty list for the merges, which nothing here reads.

    Half of the file and most of its strings are merges: leaving them out halves the time and the memory.
    """
    short = _without_merges(data)
    if short is not data:
        try:
            return parse_json(short, name)
        except TokenizerError:  # the list does not end where it seemed to, or the file is broken: look again
            pass
    return parse_json(data, name)


def _without_merges(data: bytes) -> bytes:
    """The file without what stands in its `merges` list, or the file itself.

    Done only where the list seems to end with the file, `]}}`. If what is left is valid JSON, then the list
    stands in an object within the outermost one. Had it ended earlier, a key of one of the two objects would
    follow: a `]`, then `,` or `}`, then a key. Where anything looks like that, if only in a string, the file
    is left alone.
    """
    at = data.find(b'"merges"')
    while at >= 0:
        head = _MERGES.match(data, at)
        if head:
            end = _LAST_ARRAY_END.search(data, max(head.end(), len(data) - 64))
            if not end or _KEY_BEHIND_ARRAY.search(data, head.end(), end.start()):
                return data
            return data[: head.end()] + data[end.start() :]
        at = data.find(b'"merges"', at + 1)
    return data


def wrong(name: str, what: str, value: object, expected: str) -> TokenizerError:
    """The error for a value that a format does not allow there."""
    shown = ascii(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return TokenizerError(
        f"{name}: {what} is {shown}, not {expected}; download the file again", location=name
    )
