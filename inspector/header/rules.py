"""What a safetensors header must obey: each rule of safetensors 0.8, as a function that yields faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rowscope.inspector.frozen import record
from rowscope.inspector.header.json import MAX_DEPTH, MAX_FAULTS, JsonPath, depth, shorten

DTYPE_BITS: Mapping[str, int] = MappingProxyType(
    {
        "BOOL": 8,
        "F4": 4,
        "F6_E2M3": 6,
        "F6_E3M2": 6,
        "U8": 8,
        "I8": 8,
        "F8_E5M2": 8,
        "F8_E4M3": 8,
        "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8,
        "I16": 16,
        "U16": 16,
        "F16": 16,
        "BF16": 16,
        "I32": 32,
        "U32": 32,
        "F32": 32,
        "C64": 64,
        "F64": 64,
        "I64": 64,
        "U64": 64,
    }
)
"""Bits of one element, for every dtype of safetensors 0.8."""

METADATA_KEY = "__metadata__"
RESAVE = "write the file again with safetensors' save_file"
REFETCH = "copy or download the file again"

_FIELDS = ("dtype", "shape", "data_offsets")
_U64 = 2**64 - 1

Entry = tuple[str, str, tuple[int, ...], int, int]
"""name, dtype, shape, start, stop."""


@record
class Fault:
    """One way in which a file breaks the format.

    Attributes:
        rule: which rule, in a word: `length`, `values`, `utf-8`, `json`, `duplicate-key`, `header`,
            `metadata`, `entry`, `dtype`, `shape`, `offsets`, `overflow`, `alignment`, `size`,
            `gap`, `overlap`, `coverage`; of a sharded checkpoint also `missing-shard`, `index`.
        message: what is wrong, quoting the value.
        hint: the next step.
        tensor: the tensor concerned, or None.
        offset: absolute position of the offending byte in the file, or None where it is not known.
        path: keys that lead to the value within the header, or None where it is not about one.
        file: the file, where several were examined.
    """

    rule: str
    message: str
    hint: str = RESAVE
    tensor: str | None = None
    offset: int | None = None
    path: JsonPath | None = None
    file: str | None = None


def check_tree(tree: Any) -> tuple[list[Entry], dict[str, str], list[Fault]]:  # noqa: ANN401 - a JSON value
    """Every entry whose own values are right, the metadata, and the faults of the rest."""
    if not isinstance(tree, dict):
        return [], {}, [Fault("header", f"the header is {kind(tree)}, not an object", path=())]
    faults: list[Fault] = []
    entries: list[Entry] = []
    for name, value in tree.items():
        if len(faults) > MAX_FAULTS:
            faults.append(Fault("header", f"more than {MAX_FAULTS:,} faults; the rest was not judged"))
            return [], {}, faults
        if name == METADATA_KEY:
            continue
        entry = check_entry(name, value, faults)
        if entry is not None:
            entries.append(entry)
    metadata = tree.get(METADATA_KEY)
    if metadata is None:
        metadata = {}
    faults.extend(check_metadata(metadata))
    return entries, metadata, faults


def check_metadata(metadata: Any) -> Iterator[Fault]:  # noqa: ANN401 - a JSON value
    """`__metadata__` maps strings to strings."""
    if not isinstance(metadata, dict):
        yield Fault("metadata", f"{METADATA_KEY} is {kind(metadata)}, not an object", path=(METADATA_KEY,))
        return
    for key, value in metadata.items():
        if not isinstance(value, str):
            message = f"{METADATA_KEY} entry {quote(key)} is {kind(value)}, not a string"
            yield Fault("metadata", message, path=(METADATA_KEY, key))


def check_entry(name: str, value: Any, faults: list[Fault]) -> Entry | None:  # noqa: ANN401 - a JSON value
    """One tensor's entry; None, and a reason in `faults`, where a value is not of its kind.

    serde also reads the three values from a list, and the dtype from `{"F32": null}`; both are legal.
    """
    keys: Sequence[str | int] = _FIELDS
    if isinstance(value, list) and len(value) == 3:
        value, keys = dict(zip(_FIELDS, value, strict=True)), (0, 1, 2)
    elif not isinstance(value, dict):
        message = f"the entry of tensor {quote(name)} is {kind(value)}, not an object"
        faults.append(Fault("entry", message, tensor=name, path=(name,)))
        return None
    before = len(faults)
    for field in _FIELDS:
        if field not in value:
            message = f"tensor {quote(name)} has no {field}"
            faults.append(Fault("entry", message, tensor=name, path=(name,)))
    if len(value) > 3:
        faults.extend(_unknown_faults(name, value))
    if len(faults) > before:
        return None
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if type(dtype) is dict and len(dtype) == 1 and None in dtype.values():
        (dtype,) = dtype
    if type(dtype) is not str or dtype not in DTYPE_BITS:
        faults.append(_dtype_fault(name, dtype, keys[0]))
    faults.extend(_list_faults(name, "shape", shape, keys[1]))
    faults.extend(_list_faults(name, "data_offsets", offsets, keys[2]))
    if len(faults) > before:
        return None
    return name, dtype, tuple(shape), offsets[0], offsets[1]


def _unknown_faults(name: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    """serde skips fields that it does not know, but counts their brackets."""
    for field, extra in value.items():
        if field not in _FIELDS and isinstance(extra, dict | list) and depth(extra) + 2 > MAX_DEPTH:
            message = f"tensor {quote(name)}: field {quote(field)} nests brackets deeper than {MAX_DEPTH}"
            yield Fault("json", message, tensor=name, path=(name, field))


def _dtype_fault(name: str, dtype: Any, key: str | int) -> Fault:  # noqa: ANN401 - a JSON value
    if isinstance(dtype, str):
        message = f"tensor {quote(name)} has the unknown dtype {quote(dtype)}"
        hint = f"safetensors 0.8 knows {', '.join(DTYPE_BITS)}; update rowscope if the dtype is newer"
        return Fault("dtype", message, hint, name, path=(name, key))
    message = f"tensor {quote(name)}: dtype is {kind(dtype)}, not a string"
    return Fault("dtype", message, tensor=name, path=(name, key))


def _list_faults(name: str, field: str, values: Any, key: str | int) -> Iterator[Fault]:  # noqa: ANN401
    """A list of u64; `type() is int` because Python counts booleans as integers."""
    rule = "shape" if field == "shape" else "offsets"
    if type(values) is not list:
        message = f"tensor {quote(name)}: {field} is {kind(values)}, not a list"
        yield Fault(rule, message, tensor=name, path=(name, key))
        return
    if field == "data_offsets" and len(values) != 2:
        message = f"tensor {quote(name)}: data_offsets has {len(values)} values, not 2"
        yield Fault(rule, message, tensor=name, path=(name, key))
    for position, number in enumerate(values):
        if type(number) is not int or number < 0:
            message = f"tensor {quote(name)}: {field}[{position}] is {kind(number)}, not an unsigned integer"
            yield Fault(rule, message, tensor=name, path=(name, key, position))


def check_sizes(entries: Sequence[Entry]) -> Iterator[Fault]:
    """Every entry's byte range is what its shape and dtype need."""
    for name, dtype, shape, start, stop in entries:
        if stop < start:
            message = f"tensor {quote(name)}: data_offsets [{start}, {stop}] end before they start"
            yield Fault("offsets", message, tensor=name, path=(name, "data_offsets"))
        else:
            yield from _size_faults(name, dtype, shape, stop - start)


def check_coverage(entries: Sequence[Entry], data_bytes: int, header_end: int) -> Iterator[Fault]:
    """Entries in order of their offsets follow each other from 0 and cover the file exactly."""
    covered, whole = 0, True
    for name, _, _, start, stop in entries:
        if start != covered:
            whole = False
            yield _order_fault(name, start, stop, covered)
        covered = max(covered, stop)
    if covered != data_bytes:
        yield _coverage_fault(covered, data_bytes, header_end, whole)


def _order_fault(name: str, start: int, stop: int, covered: int) -> Fault:
    tensor = f"tensor {quote(name)}: data_offsets [{start}, {stop}]"
    path = (name, "data_offsets")
    if start > covered:
        message = f"{tensor} leave a gap of {start - covered} bytes behind byte {covered} of the data"
        return Fault("gap", message, tensor=name, path=path)
    message = f"{tensor} overlap the tensor before, which ends at byte {covered} of the data"
    return Fault("overlap", message, tensor=name, path=path)


def _size_faults(name: str, dtype: str, shape: tuple[int, ...], length: int) -> Iterator[Fault]:
    """`length` bytes are what shape and dtype ask for; products are checked as u64, left to right."""
    elements = 1
    for size in shape:
        elements *= size
        if elements > _U64:
            break
    bits = elements * DTYPE_BITS[dtype]
    tensor = f"tensor {quote(name)}: shape {shorten(str(list(shape)))} of {dtype}"
    path = (name, "shape")
    if bits > _U64:
        yield Fault("overflow", f"{tensor} is more than 2^64 bits", tensor=name, path=path)
    elif bits % 8:
        yield Fault("alignment", f"{tensor} makes {bits} bits, no whole bytes", tensor=name, path=path)
    elif bits // 8 != length:
        message = f"{tensor} needs {bits // 8} bytes, its data_offsets give {length}"
        yield Fault("size", message, tensor=name, path=path)


def _coverage_fault(covered: int, data_bytes: int, header_end: int, whole: bool) -> Fault:
    if covered > data_bytes:
        message = f"the tensors need {covered} bytes of data, the file holds {data_bytes}"
        hint = f"{covered - data_bytes} bytes are missing at the end: {REFETCH}"
        return Fault("coverage", message, hint, offset=header_end + data_bytes)
    message = f"the file holds {data_bytes} bytes of data, the tensors cover {covered}"
    end = header_end + covered
    hint = f"{data_bytes - covered} bytes at the end belong to no tensor"
    if whole:
        cut = f"cutting the file to {end} bytes mends it (truncate -s {end} FILE)"
        hint += f", the data before them is whole: {cut}; or {REFETCH}"
    else:
        hint += f": {REFETCH}"
    return Fault("coverage", message, hint, offset=end)


def quote(text: str) -> str:
    """`text` as a literal, escaped and cut."""
    return shorten(repr(text))


def kind(value: Any) -> str:  # noqa: ANN401 - a JSON value
    """A JSON value in words: its value where it is short, else its kind."""
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return f"the number {shorten(repr(value), 40)}"
    return "a list" if isinstance(value, list) else "an object"
