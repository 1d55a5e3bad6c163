"""safetensors header: file bytes -> validated table of tensors. The only place that trusts nothing.

The rules are those of safetensors 0.8 (`header_rules.py`). Two are stricter: an object that has a key twice
is refused, because two readers may then see two different tensors; and so is a header of more than two
million values, which is no file of weights but an attack on memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.frozen import ReadOnly, record
from rowscope.inspector.header.json import MAX_FAULTS, JsonError, JsonPath, byte_offsets, parse_all, walk
from rowscope.inspector.header.rules import (
    DTYPE_BITS,
    REFETCH,
    Fault,
    check_coverage,
    check_sizes,
    check_tree,
)
from rowscope.inspector.storage import MAX_VALUES, File, too_many_values, unlike_tensors

__all__ = [
    "DTYPE_BITS",
    "HEADER_FIRST",
    "Fault",
    "Header",
    "TensorInfo",
    "examine_file",
    "parse_header",
    "read_header",
]

MAX_HEADER_BYTES = 100_000_000

PREFIX = 8
"""Bytes of the header's length, a little-endian u64, in front of it."""

HEADER_FIRST = 1 << 16
"""Bytes of a file that are read first: most headers fit, which makes one read a file."""

_LOCATABLE = 1 << 22  # a larger header is judged as well, but its faults are not located


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One entry of the header.

    Attributes:
        name: the tensor's name.
        dtype: the format's spelling, `BF16`.
        shape: non-negative sizes; `()` is a scalar.
        start, stop: half-open byte range relative to the data section.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@record
class Header:
    """A validated header.

    Attributes:
        tensors: in order of their bytes in the file.
        metadata: the `__metadata__` strings.
        data_start: absolute position of the data section: 8 + header length.
        file_bytes: size of the whole file.
    """

    tensors: tuple[TensorInfo, ...] = field(repr=False)
    metadata: ReadOnly[str, str]
    data_start: int
    file_bytes: int


def read_header(file: File) -> Header:
    """Read and validate the header of a file; its data is not touched.

    Raises:
        UnreadableError: no readable regular file.
        MalformedFileError: the file breaks the format; the message says where.
    """
    header, faults = examine_file(file)
    for fault in faults:
        raise _error(fault, file.location)
    assert header is not None
    return header


def parse_header(raw: bytes, file_bytes: int, name: str) -> Header:
    """Validate a header's JSON bytes.

    Args:
        raw: the bytes behind the 8-byte length, padding included.
        file_bytes: size of the whole file.
        name: the file's name, for messages.

    Raises:
        MalformedFileError: the header breaks the format; the message says where.
    """
    header, faults = _examine(raw, file_bytes)
    for fault in faults:
        raise _error(fault, name)
    assert header is not None
    return header


def examine_file(file: File) -> tuple[Header | None, Iterator[Fault]]:
    """The header of a file, or None with its faults, which are located as they are asked for.

    Raises:
        UnreadableError: no readable regular file.
    """
    first, file_bytes = file.head(0, HEADER_FIRST)
    length = int.from_bytes(first[:PREFIX], "little")
    fault = _prefix_fault(first, length, file_bytes)
    if fault is not None:
        return None, iter((fault,))
    stop = PREFIX + length
    raw = first[PREFIX:stop]
    if len(raw) < length:
        raw += file.head(len(first), stop)[0]
    if len(raw) < length:
        message = f"the file ended at byte {PREFIX + len(raw)} while its header was read"
        return None, iter((Fault("length", message, REFETCH, offset=PREFIX + len(raw)),))
    return _examine(raw, file_bytes)


def _examine(raw: bytes, file_bytes: int) -> tuple[Header | None, Iterator[Fault]]:
    header_end = PREFIX + len(raw)
    if too_many_values(raw):
        message = f"the header lists more than {MAX_VALUES:,} values, which no writer does"
        return None, iter((Fault("values", message, "do not trust the source of this file"),))
    try:
        text = raw.decode("utf-8")
        tree, lexical = parse_all(text)
    except UnicodeDecodeError as error:
        message = f"the header is not UTF-8: byte 0x{raw[error.start]:02x}"
        return None, iter((Fault("utf-8", message, REFETCH, offset=PREFIX + error.start),))
    except JsonError as error:
        return None, _located([error], [], text)
    entries, metadata, faults = check_tree(tree)
    entries.sort(key=lambda entry: (entry[3], entry[4], entry[0]))
    # Where an entry is unusable the gap that it leaves is no fault of its neighbours.
    whole = not lexical and not faults
    faults += islice(check_sizes(entries), MAX_FAULTS)
    if whole:
        faults += islice(check_coverage(entries, file_bytes - header_end, header_end), MAX_FAULTS)
    if lexical or faults:
        return None, _located(lexical, faults, text)
    tensors = tuple(TensorInfo(*entry) for entry in entries)
    return Header(tensors, ReadOnly(metadata), header_end, file_bytes), iter(())


def _prefix_fault(first: bytes, length: int, file_bytes: int) -> Fault | None:
    if length > MAX_HEADER_BYTES or file_bytes < PREFIX:
        content = unlike_tensors(first)
        if content is not None:
            return Fault("length", f"the content is {content.what}", content.hint, offset=0)
    if file_bytes < PREFIX:
        message = f"the file has {file_bytes} bytes, less than the {PREFIX} of a header length"
        return Fault("length", message, REFETCH, offset=file_bytes)
    if length == 0 and file_bytes > PREFIX and not any(first):
        message = f"the first {len(first)} of its {file_bytes} bytes are zero: room was made for a download"
        return Fault("json", message, f"finish it: {REFETCH}", offset=0)
    if length > MAX_HEADER_BYTES:
        message = f"the header length {length} is above the limit of {MAX_HEADER_BYTES}"
        return Fault("length", message, "check that this is a safetensors file", offset=0)
    if PREFIX + length > file_bytes:
        message = f"the header length {length} reaches behind the end of the file of {file_bytes} bytes"
        return Fault("length", message, REFETCH, offset=0)
    return None


def _located(lexical: Sequence[JsonError], faults: Sequence[Fault], text: str) -> Iterator[Fault]:
    """All faults with their offsets: who asks for the first does not wait for the search for the others."""
    positions = [error.position for error in lexical if error.position is not None]
    offsets = byte_offsets(text, positions)
    for error in lexical:
        offset = None if error.position is None else PREFIX + offsets[error.position]
        yield Fault(error.rule, error.message, offset=offset)
    places = _places({fault.path for fault in faults if fault.path is not None}, text)
    offsets = byte_offsets(text, places.values())
    for fault in faults:
        position = places.get(fault.path)
        yield fault if position is None else replace(fault, offset=PREFIX + offsets[position])


def _places(wanted: set[JsonPath], text: str) -> dict[JsonPath | None, int]:
    """Positions of the values at the wanted paths; none where the text is too long to search."""
    if not wanted or len(text) > _LOCATABLE:
        return {}
    places: dict[JsonPath | None, int] = {}
    for place in walk(text):
        if place.path in wanted and not place.is_key:
            places[place.path] = place.position
            if len(places) == len(wanted):
                break
    return places


def _error(fault: Fault, name: str) -> MalformedFileError:
    place = "" if fault.offset is None else f" (byte {fault.offset})"
    location = name if fault.tensor is None else f"{name}:{fault.tensor}"
    return MalformedFileError(f"{name!r}: {fault.message}{place}; {fault.hint}", location=location)
