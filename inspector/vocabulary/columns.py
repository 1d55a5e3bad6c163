"""A vocabulary as `tokenizer.json` writes it, one entry a line, read by columns instead of entry by entry.

An entry costs a string, two numbers and two places in dicts: 100 ms for 150,000 of them, most of which
nobody asks for. Here the places of all tokens and all ids are found at once; a token becomes a string when
it is asked for. What is not written exactly as the tokenizers library writes it is left to the JSON parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.vocabulary.limits import MOST_ENTRIES

Integers = NDArray[np.int64]

MOST_LINES = MOST_ENTRIES // 2
"""Of a vocabulary read by columns, which take 150 bytes a line while they are found."""

MOST_DIGITS = 10
"""Of an id that fits in 32 bits."""

MOST_ALIKE = 64
"""Tokens that may share a hash: long ones that are told apart where it does not look."""

_HEAD = re.compile(rb'"vocab"\s*:\s*\{\n( {2,16})"')
_QUOTE, BACKSLASH, _NEWLINE, _BLANK, _COMMA, _COLON, _ZERO = b'"\\\n ,:0'
_MIXERS_OF_ONE = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
_MIXERS = np.array(_MIXERS_OF_ONE, dtype=np.uint64)
_WORD = 2**64 - 1
_DENSE = 16


@dataclass(frozen=True)
class Lines:
    """The entries of a vocabulary, in the order of the file.

    Attributes:
        text: their bytes, with 8 more at the end.
        starts, stops: where each token's bytes lie in it, without the quotes; shape (n,).
        ids: shape (n,).
        escaped: position -> token, for tokens written with a backslash.
        keys: a hash of each token's bytes, shape (n,).
    """

    text: bytes
    starts: Integers
    stops: Integers
    ids: Integers
    escaped: Mapping[int, str]
    keys: NDArray[np.uint64]

    def token(self, position: int) -> str:
        """The token at a position."""
        written = self.escaped.get(position)
        return self.written(position).decode() if written is None else written

    def written(self, position: int) -> bytes:
        """A token's bytes in the file."""
        return self.text[self.starts[position] : self.stops[position]]

    def find(self, token: str) -> int | None:
        """Position of a token."""
        escaped = self._escaped_positions.get(token)
        return escaped if escaped is not None else self.find_plain(token)

    def find_plain(self, token: str) -> int | None:
        """Position of the entry that writes a token without a backslash."""
        try:
            wanted = token.encode()
        except UnicodeEncodeError:  # half a surrogate pair is in no file
            return None
        keys, order = self.by_key
        key = np.uint64(_key(wanted))
        for at in range(int(keys.searchsorted(key)), keys.size):
            if keys[at] != key:
                break
            position = int(order[at])
            if self.written(position) == wanted and position not in self.escaped:
                return position
        return None

    def met(self, tokens: Iterable[str]) -> Iterator[str]:
        """Those of some tokens whose hash is there: all that `find_plain` finds, and hardly another.

        To look for them one by one takes some 10 us each, and most parts of a text are no token.
        """
        listed = list(tokens)
        written = [token.encode("utf-8", "surrogatepass") for token in listed]
        stops = np.cumsum(np.array([0, *map(len, written)], dtype=np.int64))
        wanted = _keys(b"".join(written) + bytes(8), stops[:-1], stops[1:])
        keys, _ = self.by_key
        if not keys.size:
            return iter(())
        there = keys[np.minimum(keys.searchsorted(wanted), keys.size - 1)]
        return (listed[at] for at in np.flatnonzero(there == wanted))

    def escapes(self, token: str) -> bool:
        """Whether a token is there and written with a backslash."""
        return token in self._escaped_positions

    def position_of(self, id: int) -> int | None:
        """Position of the last entry with an id."""
        if self.sequential:
            return id if 0 <= id < self.ids.size else None
        ids, order = self._by_id
        at = int(np.searchsorted(ids, id, side="right")) - 1
        return int(order[at]) if at >= 0 and ids[at] == id else None

    @cached_property
    def sequential(self) -> bool:
        """Whether each id is its position."""
        return bool((self.ids == np.arange(self.ids.size)).all())

    @cached_property
    def distinct_ids(self) -> Integers:
        """The ids, each once, sorted."""
        return self.ids if self.sequential else distinct(self.ids)

    @cached_property
    def all(self) -> dict[str, int]:
        """Token -> id, as the JSON parser would give it."""
        found: dict[str, int] = json.loads(b"{" + self.text[:-8] + b"}")
        return found

    @cached_property
    def by_key(self) -> tuple[NDArray[np.uint64], Integers]:
        """The keys, sorted, and their positions."""
        order = np.argsort(self.keys)
        return self.keys[order], order

    @cached_property
    def _by_id(self) -> tuple[Integers, Integers]:
        order = np.argsort(self.ids, kind="stable")
        return self.ids[order], order

    @cached_property
    def _escaped_positions(self) -> dict[str, int]:
        return {token: position for position, token in self.escaped.items()}


def cut_vocabulary(data: bytes, instead: bytes) -> tuple[bytes, Lines] | None:
    """The file with `instead` in the place of its vocabulary, and the vocabulary.

    None where it is not written one entry a line, or where anything about it is unusual or wrong.
    """
    head = _HEAD.search(data)
    if head is None:
        return None
    indent = head[1]
    start, brace = head.start(1), data.index(b"{", head.start())
    stop = data.find(b"\n" + indent[:-2] + b"}", start)
    if data.count(b"\n", start, max(start, stop)) >= MOST_LINES:
        return None
    lines = read_lines(data[start:stop] + bytes(8), len(indent)) if stop > 0 else None
    if lines is None:
        return None
    end = stop + len(indent)  # a newline, the indent less 2, a brace
    return data[:brace] + instead + data[end:], lines


def read_lines(text: bytes, indent: int) -> Lines | None:
    """Lines `<blanks>"token": id,` as columns; None where one of them is anything else.

    `text` ends without a comma or a newline, in 8 zeros.
    """
    data = np.frombuffer(text, dtype=np.uint8)[:-8]
    newlines = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate(([0], newlines + 1))
    ends = np.concatenate((newlines, [data.size])) - 1
    ends[-1] += 1  # each line's comma, and where the last one's would be
    if np.count_nonzero(data < _BLANK) != newlines.size or (ends - starts < indent + 5).any():
        return None
    numbers = _read_ids(data, ends)
    if numbers is None or (data[ends[:-1]] != _COMMA).any():
        return None
    ids, stops = numbers
    opening = starts + indent
    if any((data[starts + at] != _BLANK).any() for at in range(indent)) or (data[opening] != _QUOTE).any():
        return None
    escaped = _read_escaped(text, data, opening, stops, starts)
    if escaped is None or not _is_utf8(text) or (stops <= opening).any():
        return None
    found = Lines(text, opening + 1, stops, ids, escaped, _keys(text, opening + 1, stops))
    return found if _all_differ(found) else None


def _read_ids(data: NDArray[np.uint8], ends: Integers) -> tuple[Integers, Integers] | None:
    """The ids whose last digits stand before `ends`, and where the tokens' closing quotes stand."""
    ids, power = np.zeros(ends.size, dtype=np.int64), 1
    at, inside = ends - 1, np.ones(ends.size, dtype=np.bool_)
    for _ in range(MOST_DIGITS + 1):
        digit = data[at].astype(np.int64) - _ZERO
        inside &= (digit >= 0) & (digit <= 9)
        if not inside.any():
            break
        ids[inside] += digit[inside] * power
        at[inside] -= 1
        power *= 10
    else:
        return None
    digits = ends - 1 - at
    if (digits == 0).any():
        return None
    leading_zero = (digits > 1) & (data[at + 1] == _ZERO)
    marks = (data[at] == _BLANK) & (data[at - 1] == _COLON) & (data[at - 2] == _QUOTE)
    if leading_zero.any() or not marks.all() or (ids >= 1 << 32).any():
        return None
    return ids, at - 2


def _read_escaped(
    text: bytes, data: NDArray[np.uint8], opening: Integers, stops: Integers, starts: Integers
) -> dict[int, str] | None:
    """Tokens with a backslash, by position; None where a token is no JSON string."""
    backslashes = np.flatnonzero(data == BACKSLASH)
    positions = distinct(np.searchsorted(starts, backslashes, side="right") - 1)
    bounds = zip(opening[positions].tolist(), (stops[positions] + 1).tolist(), strict=True)
    written = [text[start:stop] for start, stop in bounds]
    # A string does not run on over a newline: each piece holds one at least, and no more if the counts agree.
    pieces = b",\n".join(written)
    try:
        tokens = json.loads(b"[" + pieces + b"]")
        "".join(tokens).encode()
    except (ValueError, TypeError):
        return None
    plain_quotes = int(np.count_nonzero(data == _QUOTE)) - pieces.count(b'"')
    if len(tokens) != positions.size or plain_quotes != 2 * (starts.size - positions.size):
        return None
    return dict(zip(positions.tolist(), tokens, strict=True))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _keys(text: bytes, starts: Integers, stops: Integers) -> NDArray[np.uint64]:
    """A hash of each piece of a text that ends in 8 spare bytes: its length, and 8 bytes in three places."""
    words = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text, strides=(1,))
    sizes = stops - starts
    over = np.maximum(sizes - 8, 0)
    spare = (64 - 8 * np.minimum(sizes, 8)).astype(np.uint64)  # numpy shifts all 64 bits out for an empty one
    mixed: NDArray[np.uint64] = sizes.astype(np.uint64) * _MIXERS[3]
    for offset, mixer in zip((0, over // 2, over), _MIXERS[:3], strict=True):
        mixed ^= (words[starts + offset] << spare) * mixer
    return mixed


def _key(piece: bytes) -> int:
    """The hash of one piece, without numpy: its calls would take longer than the hash."""
    size, over = len(piece), max(len(piece) - 8, 0)
    mixed = size * _MIXERS_OF_ONE[3]
    for offset, mixer in zip((0, over // 2, over), _MIXERS_OF_ONE[:3], strict=True):
        word = piece[offset : offset + 8]
        mixed ^= (int.from_bytes(word, "little") << 8 * (8 - len(word))) * mixer
    return mixed & _WORD


def distinct(numbers: Integers) -> Integers:
    """The numbers, none of them negative, each once and sorted."""
    largest = int(numbers.max(initial=0))
    if largest > _DENSE * numbers.size:
        ordered = np.sort(numbers)  # not np.unique, whose first call imports numpy.ma
        return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])])
    met = np.zeros(largest + 1, dtype=np.bool_)  # several times as fast as to sort them
    met[numbers] = True
    return np.flatnonzero(met)


def _all_differ(lines: Lines) -> bool:
    """Whether no token occurs twice, of which a JSON object would keep the last; and few share a hash, among
    which `find_plain` searches one by one."""
    keys, order = lines.by_key
    if (keys[MOST_ALIKE:] == keys[:-MOST_ALIKE]).any():
        return False
    same = np.flatnonzero(keys[1:] == keys[:-1])
    suspects = {*order[same].tolist(), *order[same + 1].tolist()}
    if len({lines.written(position) for position in suspects}) < len(suspects):
        return False
    if len(set(lines.escaped.values())) < len(lines.escaped):
        return False
    return not any(lines.find_plain(token) is not None for token in lines.met(lines.escaped.values()))
