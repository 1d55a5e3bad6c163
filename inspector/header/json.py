"""JSON as serde_json reads it, with the place of every value; Python's own reader is laxer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from rowscope.inspector.frozen import record

JsonPath = tuple[str | int, ...]

MAX_DEPTH = 127  # serde_json gives up at the 128th open bracket
MAX_FAULTS = 10_000  # nobody reads more, and a hostile header has millions
_U64 = 2**64 - 1
_I64 = -(2**63)
_MAX_DOUBLE_DIGITS = 309  # an integer of more digits is above the largest double

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]|[^ \t\r\n\[\]{}:,"]+', re.DOTALL)


class JsonError(ValueError):
    """Text that serde_json refuses.

    Attributes:
        message: what is wrong, quoting the text.
        position: index of the offending character, or None where finding it would take too long.
        rule: `json` or `duplicate-key`.
    """

    def __init__(self, message: str, position: int | None, rule: str = "json") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.rule = rule


@record
class Place:
    """A key or a value in the text.

    Attributes:
        path: keys and list positions that lead to it; a key has the path of its value.
        position: index of its first character.
        token: its text; the bracket alone for a container.
        is_key: whether it is the key rather than the value.
        repeated: whether the same object has had this key before.
    """

    path: JsonPath
    position: int
    token: str
    is_key: bool
    repeated: bool


def parse(text: str) -> Any:  # noqa: ANN401 - a JSON value
    """Read one JSON document; duplicate keys, which serde_json lets pass, are refused too.

    Integers outside i64 and u64, and `-0`, become floats, as they do in serde_json.

    Raises:
        JsonError: the first fault.
    """
    tree, suspect = _decode(text)
    if suspect or _SURROGATE_ESCAPE.search(text):
        for fault in lexical_faults(text):
            raise fault
    return tree


def parse_all(text: str) -> tuple[Any, list[JsonError]]:
    """Like `parse`, but a text whose grammar is right is read to its end: the tree and its faults.

    At most `MAX_FAULTS` faults.

    Raises:
        JsonError: the text is not JSON, so that nothing behind the place can be judged.
    """
    tree, suspect = _decode(text)
    if suspect or _SURROGATE_ESCAPE.search(text):
        return tree, list(islice(lexical_faults(text), MAX_FAULTS))
    return tree, []


def lexical_faults(text: str) -> Iterator[JsonError]:
    """What Python's reader accepts and rowscope does not, in order; the grammar of `text` is right."""
    for place in walk(text):
        if place.repeated:
            key = shorten(repr(place.path[-1]))
            yield JsonError(f"the key {key} occurs twice", place.position, "duplicate-key")
        message = _token_fault(place.token)
        if message is not None:
            yield JsonError(message, place.position)


def walk(text: str) -> Iterator[Place]:
    """Every key and value of a text whose grammar is right, in order."""
    path: list[str | int] = []
    seen: list[set[str] | None] = []  # keys of each open object; None for a list
    key_next = False
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in ("{", "["):
            yield Place(tuple(path), match.start(), token, False, False)
            key_next = token == "{"
            seen.append(set() if key_next else None)
            path.append("" if key_next else 0)
        elif token in ("}", "]"):
            seen.pop()
            path.pop()
            key_next = False
        elif token == ",":
            key_next = seen[-1] is not None
            if not key_next:
                path[-1] = int(path[-1]) + 1
        elif token != ":":
            keys = seen[-1] if seen else None
            repeated = False
            if key_next and keys is not None:
                path[-1] = key = json.loads(token)
                repeated = key in keys
                keys.add(key)
            yield Place(tuple(path), match.start(), token, key_next, repeated)
            key_next = False


def byte_offsets(text: str, positions: Iterable[int]) -> dict[int, int]:
    """Position in characters -> position in the UTF-8 bytes of `text`, for each of `positions`."""
    offsets = {}
    last = offset = 0
    for position in sorted(set(positions)):
        offset += len(text[last:position].encode("utf-8"))
        offsets[position] = offset
        last = position
    return offsets


def depth(value: Any) -> int:  # noqa: ANN401 - a JSON value
    """Number of brackets open at the deepest point of `value`; 0 for a scalar. Not recursive."""
    deepest = 0
    level = [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        deepest += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def shorten(text: str, limit: int = 120) -> str:
    """`text`, cut to `limit` characters, so that a hostile file cannot fill the terminal."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _decode(text: str) -> tuple[Any, bool]:
    """The tree, and whether a hook met something that `lexical_faults` has to look for."""
    suspect = False

    def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal suspect
        result = dict(pairs)
        suspect |= len(result) != len(pairs)
        return result

    def to_float(token: str) -> float:
        nonlocal suspect
        value = float(token)
        suspect |= math.isinf(value)
        return value

    def to_integer(token: str) -> int | float:
        # The length test keeps int() away from literals of millions of digits, which it reads slowly.
        if len(token) < 19 and token != "-0":
            return int(token)
        nonlocal suspect
        value = _long_integer(token)
        suspect |= math.isinf(value)
        return value

    def to_constant(token: str) -> float:
        nonlocal suspect
        suspect = True
        return float(token)

    decoder = json.JSONDecoder(
        object_pairs_hook=to_object,
        parse_float=to_float,
        parse_int=to_integer,
        parse_constant=to_constant,
    )
    try:
        return decoder.decode(text), suspect
    except json.JSONDecodeError as error:
        near = repr(text[error.pos : error.pos + 30]) if error.pos < len(text) else "the end"
        raise JsonError(f"not JSON: {error.msg.removesuffix(' at')} before {near}", error.pos) from error
    except RecursionError as error:
        raise JsonError(f"brackets nested deeper than {MAX_DEPTH}", None) from error


def _long_integer(token: str) -> int | float:
    if len(token) > _MAX_DOUBLE_DIGITS + 1:
        return math.inf
    value = int(token)
    if token != "-0" and _I64 <= value <= _U64:
        return value
    return float(token)


def _token_fault(token: str) -> str | None:
    first = token[0]
    if first == '"':
        if _SURROGATE_ESCAPE.search(token) and _SURROGATE.search(text := json.loads(token)):
            return f"the string {shorten(repr(text))} escapes half of a surrogate pair"
    elif token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is not JSON"
    elif first in "-0123456789" and math.isinf(float(token)):
        return f"the number {shorten(token, 40)} is out of range"
    return None
