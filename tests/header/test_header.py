"""The header reader accepts and refuses what safetensors does; duplicate keys are the one stricter case."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from rowscope.inspector.checkpoint import diagnose
from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.header.read import DTYPE_BITS, MAX_HEADER_BYTES, parse_header, read_header
from rowscope.inspector.storage.local import local_file

from ..writing import entry, one, oracle, pack

PLAIN = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'


def accepts(folder: Path, file: bytes) -> bool:
    """Whether the reader takes the file; it refuses with FIL001 and one line, or it has crashed."""
    path = folder / "x.safetensors"
    path.write_bytes(file)
    caught = None
    try:
        read_header(local_file(path))
    except MalformedFileError as error:
        caught = error
    if caught is not None:
        assert caught.code == "FIL001"
        assert "\n" not in caught.message
        assert str(path) in str(caught.location)
    return caught is None


LEGAL = {
    "plain": pack(PLAIN),
    "space in front": pack(" \n\t\r" + PLAIN),
    "padding behind": pack(PLAIN + "   \n\t\r"),
    "no tensor": pack("{}", 0),
    "metadata": pack('{"__metadata__":{"format":"pt","empty":""}}', 0),
    "metadata null": pack('{"__metadata__":null}', 0),
    "metadata empty": pack('{"__metadata__":{}}', 0),
    "metadata key escaped": pack('{"\\u005f_metadata__":{"a":"b"}}', 0),
    "scalar": pack(one(shape="[]", offsets="[0,4]"), 4),
    "zero size": pack(one(shape="[0]", offsets="[0,0]"), 0),
    "zero size between": pack(
        f'{{"a":{entry(shape="[1]", offsets="[0,4]")},"z":{entry(shape="[0,5]", offsets="[4,4]")},'
        f'"b":{entry(shape="[1]", offsets="[4,8]")}}}'
    ),
    "two zero sizes at one place": pack(
        f'{{"y":{entry(shape="[0]", offsets="[0,0]")},"z":{entry(shape="[0]", offsets="[0,0]")}}}', 0
    ),
    "order by name, not by offset": pack(
        f'{{"a":{entry(shape="[1]", offsets="[4,8]")},"b":{entry(shape="[1]", offsets="[0,4]")}}}'
    ),
    "unknown field": pack(one(extra=',"x":{"deep":[1,2,{"y":null}]}')),
    "unknown field tiny number": pack(one(extra=',"x":1e-999')),
    "unknown field zero with huge exponent": pack(one(extra=',"x":0e999999999999')),
    "unknown field long integer": pack(one(extra=f',"x":{"9" * 300}')),
    "unknown field 125 brackets": pack(one(extra=f',"x":{"[" * 125}{"]" * 125}')),
    "entry as list": pack('{"a":["F32",[2],[0,8]]}'),
    "dtype as map": pack(one(dtype='{"F32":null}')),
    "empty name": pack(f'{{"":{entry()}}}'),
    "escaped control character": pack(f'{{"a\\u0001\\u001b":{entry()}}}'),
    "surrogate pair": pack(f'{{"\\ud83d\\ude00":{entry()}}}'),
    "any script": pack(f'{{"名前.वज़न.😀":{entry()}}}'),
    "largest size, nothing in it": pack(one(shape="[18446744073709551615,0]", offsets="[0,0]"), 0),
    "zero before an overflow": pack(one(shape="[0,18446744073709551615,2]", offsets="[0,0]"), 0),
    "half bytes make whole ones": pack(one(dtype="F4", shape="[2,3]", offsets="[0,3]"), 3),
    "six bits make whole bytes": pack(one(dtype="F6_E2M3", shape="[4]", offsets="[0,3]"), 3),
}

MALFORMED = {
    "empty file": b"",
    "seven bytes": b"\2\0\0\0\0\0\0",
    "length only": b"\2\0\0\0\0\0\0\0",
    "length zero": pack("", 0),
    "length beyond file": pack(PLAIN, 0, length=1000),
    "length above cap": pack("{}", 0, length=MAX_HEADER_BYTES + 1),
    "length negative if signed": pack("{}", 0, length=2**63),
    "length u64 max": pack("{}", 0, length=2**64 - 1),
    "length too small": pack(PLAIN, 8, length=20),
    "length too large by one": pack(PLAIN, 8, length=len(PLAIN) + 1),
    "byte order mark": pack("\ufeff" + PLAIN),
    "NUL padding": pack(PLAIN + "\0"),
    "bad UTF-8": pack(b'{"\xff":{}}', 0),
    "overlong UTF-8": pack(b'{"\xc0\x80":{}}', 0),
    "surrogate in UTF-8": pack(f'{{"\ud800":{entry()}}}'),
    "top is a list": pack("[]", 0),
    "top is null": pack("null", 0),
    "top is a number": pack("1", 0),
    "two documents": pack("{}{}", 0),
    "trailing comma": pack(one(shape="[2,]")),
    "leading zero": pack(one(shape="[02]")),
    "plus sign": pack(one(shape="[+2]")),
    "hexadecimal": pack(one(shape="[0x2]")),
    "single quotes": pack(PLAIN.replace('"', "'")),
    "comment": pack("/* */" + PLAIN),
    "raw control character": pack(f'{{"a\x01":{entry()}}}'),
    "unknown escape": pack(f'{{"a\\q":{entry()}}}'),
    "lone leading surrogate": pack(f'{{"\\ud800":{entry()}}}'),
    "lone trailing surrogate": pack(f'{{"\\udc00":{entry()}}}'),
    "lone surrogate in a value": pack(one(extra=',"x":"\\uD800"')),
    "lone surrogate in metadata": pack('{"__metadata__":{"a":"\\uDfFf"}}', 0),
    "NaN": pack(one(extra=',"x":NaN')),
    "Infinity": pack(one(extra=',"x":Infinity')),
    "minus Infinity": pack(one(extra=',"x":-Infinity')),
    "number out of range": pack(one(extra=',"x":1e999')),
    "integer out of range": pack(one(extra=f',"x":{"9" * 5000}')),
    "negative integer out of range": pack(one(extra=f',"x":-{"9" * 310}')),
    "unknown field 126 brackets": pack(one(extra=f',"x":{"[" * 126}{"]" * 126}')),
    "unknown field 126 objects": pack(one(extra=',"x":' + '{"":' * 126 + "1" + "}" * 126)),
    "100,000 brackets": pack("[" * 100_000, 0),
    "metadata list": pack('{"__metadata__":[]}', 0),
    "metadata number": pack('{"__metadata__":{"a":1}}', 0),
    "metadata null value": pack('{"__metadata__":{"a":null}}', 0),
    "metadata object value": pack('{"__metadata__":{"a":{}}}', 0),
    "metadata is a tensor": pack(f'{{"__metadata__":{entry()}}}'),
    "metadata twice": pack('{"__metadata__":{},"__metadata__":{}}', 0),
    "entry null": pack('{"a":null}', 0),
    "entry string": pack('{"a":"F32"}', 0),
    "entry list of two": pack('{"a":["F32",[2]]}'),
    "entry list of four": pack('{"a":["F32",[2],[0,8],1]}'),
    "field twice": pack(one(extra=',"dtype":"F32"')),
    "no dtype": pack('{"a":{"shape":[2],"data_offsets":[0,8]}}'),
    "no shape": pack('{"a":{"dtype":"F32","data_offsets":[0,8]}}'),
    "no offsets": pack('{"a":{"dtype":"F32","shape":[2]}}'),
    "unknown dtype": pack(one(dtype="F128")),
    "dtype in lower case": pack(one(dtype="f32")),
    "dtype number": pack(one(dtype="[17]").replace("[17]", "17")),
    "dtype null": pack(one(dtype="[n]").replace("[n]", "null")),
    "dtype map of unknown": pack(one(dtype='{"F33":null}')),
    "dtype map with value": pack(one(dtype='{"F32":{}}')),
    "dtype map of two": pack(one(dtype='{"F32":null,"F16":null}')),
    "dtype map with false": pack(one(dtype='{"F32":false}')),
    "shape null": pack(one(shape="null")),
    "shape object": pack(one(shape='{"0":2}')),
    "shape number": pack(one(shape="2")),
    "size float": pack(one(shape="[2.0]")),
    "size with exponent": pack(one(shape="[2e0]")),
    "size 1e2": pack(one(shape="[1e2]", offsets="[0,400]"), 400),
    "size true": pack(one(shape="[true]", offsets="[0,4]"), 4),
    "size minus zero": pack(one(shape="[-0]", offsets="[0,0]"), 0),
    "size negative": pack(one(shape="[-2]")),
    "size string": pack(one(shape='["2"]')),
    "size list": pack(one(shape="[[2]]")),
    "size above u64": pack(one(shape="[18446744073709551616,0]", offsets="[0,0]"), 0),
    "offset float": pack(one(offsets="[0.0,8]")),
    "offset minus zero": pack(one(offsets="[-0,8]")),
    "offset false": pack(one(offsets="[false,8]")),
    "offset negative": pack(one(offsets="[-1,7]")),
    "one offset": pack(one(offsets="[0]")),
    "three offsets": pack(one(offsets="[0,8,8]")),
    "offsets object": pack(one(offsets='{"0":0,"1":8}')),
    "offsets turned round": pack(one(offsets="[8,0]")),
    "gap in front": pack(one(shape="[1]", offsets="[4,8]")),
    "gap between": pack(
        f'{{"a":{entry(shape="[1]", offsets="[0,4]")},"b":{entry(shape="[1]", offsets="[8,12]")}}}', 12
    ),
    "overlap": pack(f'{{"a":{entry()},"b":{entry(shape="[1]", offsets="[4,8]")}}}'),
    "same bytes twice": pack(f'{{"a":{entry()},"b":{entry()}}}'),
    "zero size inside another": pack(f'{{"a":{entry()},"z":{entry(shape="[0]", offsets="[4,4]")}}}'),
    "file cut": pack(PLAIN, 7),
    "byte too many": pack(PLAIN, 9),
    "data and no tensor": pack("{}", 8),
    "shape too large for its bytes": pack(one(shape="[3]")),
    "shape too small for its bytes": pack(one(shape="[1]")),
    "elements overflow": pack(one(shape="[4294967296,4294967296]", offsets="[0,0]"), 0),
    "elements overflow before a zero": pack(one(shape="[18446744073709551615,2,0]", offsets="[0,0]"), 0),
    "bits overflow": pack(
        one(dtype="U8", shape="[2305843009213693952]", offsets="[0,2305843009213693952]"), 0
    ),
    "bits just fit": pack(
        one(dtype="U8", shape="[2305843009213693951]", offsets="[0,2305843009213693951]"), 0
    ),
    "offsets at u64 max": pack(one(offsets="[0,18446744073709551615]"), 0),
    "half a byte": pack(one(dtype="F4", shape="[3]", offsets="[0,1]"), 1),
    "half-byte scalar": pack(one(dtype="F4", shape="[]", offsets="[0,1]"), 1),
    "six bits": pack(one(dtype="F6_E3M2", shape="[2]", offsets="[0,1]"), 1),
}

REPEATED = {
    "tensor twice": pack(f'{{"a":{entry()},"a":{entry()}}}'),
    "tensor twice, spelled differently": pack(f'{{"a":{entry()},"\\u0061":{entry()}}}'),
    "metadata key twice": pack('{"__metadata__":{"a":"1","a":"2"}}', 0),
    "unknown field twice": pack(one(extra=',"x":1,"x":2')),
}


@pytest.mark.parametrize("name", LEGAL)
def test_legal_as_safetensors_says(name, tmp_path):
    assert oracle(LEGAL[name])
    assert accepts(tmp_path, LEGAL[name])
    assert diagnose(tmp_path / "x.safetensors") == ()


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_as_safetensors_says(name, tmp_path):
    assert not oracle(MALFORMED[name])
    assert not accepts(tmp_path, MALFORMED[name])
    assert diagnose(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", REPEATED)
def test_duplicate_keys_are_refused_though_safetensors_takes_them(name, tmp_path):
    assert oracle(REPEATED[name])
    assert not accepts(tmp_path, REPEATED[name])
    assert diagnose(tmp_path / "x.safetensors")[0].rule == "duplicate-key"


def test_the_file_form_of_the_oracle_agrees(tmp_path):
    """`safe_open` on a path and `deserialize` on bytes are the same rules."""
    for number, file in enumerate([*LEGAL.values(), *MALFORMED.values()]):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(file)
        try:
            with safetensors.safe_open(path, framework="np") as handle:
                handle.keys()
            opened = True
        except (safetensors.SafetensorError, OSError):
            opened = False
        assert opened == oracle(file)


def test_dtypes_are_those_of_safetensors(tmp_path):
    """Bits are found by trying: eight elements take as many bytes as an element has bits."""
    listed = re.search(r"expected one of (.*) at line", _refusal(pack(one(dtype="NONE"))))
    assert set(re.findall(r"`(\w+)`", listed[1])) == set(DTYPE_BITS)
    assert len(DTYPE_BITS) == 22
    for dtype, bits in DTYPE_BITS.items():
        for size in (bits - 1, bits, bits + 1):
            file = pack(one(dtype=dtype, shape="[8]", offsets=f"[0,{size}]"), size)
            assert oracle(file) == accepts(tmp_path, file) == (size == bits)


def _refusal(file: bytes) -> str:
    with pytest.raises(safetensors.SafetensorError) as caught:
        safetensors.deserialize(file)
    return str(caught.value)


def test_header_is_what_safetensors_reads(tmp_path):
    path = tmp_path / "m.safetensors"
    arrays = {
        f"t.{name}": np.zeros(shape, dtype)
        for name, (dtype, shape) in enumerate(
            [
                ("bool", (3,)),
                ("uint8", (2, 3)),
                ("int8", ()),
                ("uint16", (1,)),
                ("int16", (0, 4)),
                ("float16", (5,)),
                ("uint32", (2,)),
                ("int32", (2,)),
                ("float32", (7, 3)),
                ("uint64", (1,)),
                ("int64", (1,)),
                ("float64", (2, 2)),
                ("complex64", (2,)),
            ]
        )
    }
    safetensors.numpy.save_file(arrays, path, metadata={"format": "np", "note": "é"})
    header = read_header(local_file(path))
    _equals_safetensors(header, path)
    assert dict(header.metadata) == {"format": "np", "note": "é"}


def test_torch_dtypes_round_trip(tmp_path):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    names = [
        "bool", "uint8", "int8", "uint16", "int16", "float16", "bfloat16", "uint32", "int32", "float32",
        "uint64", "int64", "float64", "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
        "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
    ]  # fmt: skip
    tensors = {name: torch.empty(2, 4, dtype=getattr(torch, name)) for name in names if hasattr(torch, name)}
    path = tmp_path / "m.safetensors"
    save_file(tensors, path)
    header = read_header(local_file(path))
    _equals_safetensors(header, path)
    assert {info.name for info in header.tensors} == set(tensors)
    assert {"BF16", "F8_E4M3", "F8_E5M2", "C64"} <= {info.dtype for info in header.tensors}


def _equals_safetensors(header, path):
    raw = path.read_bytes()
    stated = dict(safetensors.deserialize(raw))
    assert {info.name for info in header.tensors} == set(stated)
    for info in header.tensors:
        theirs = stated[info.name]
        assert (info.dtype, list(info.shape)) == (theirs["dtype"], list(theirs["shape"]))
        assert raw[header.data_start + info.start : header.data_start + info.stop] == bytes(theirs["data"])
    starts = [(info.start, info.stop) for info in header.tensors]
    assert starts == sorted(starts)
    assert header.file_bytes == len(raw)


def test_numpy_is_not_imported():
    code = (
        "import sys, rowscope.inspector.header, rowscope.inspector.checkpoint;"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'numba', 'safetensors')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_long_header_is_read_whole(tmp_path):
    """Longer than the first read, with its last tensor behind it."""
    tensors = {
        f"model.layers.{i}.weight": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]}
        for i in range(3000)
    }
    file = pack(json.dumps(tensors), 3000)
    path = tmp_path / "x.safetensors"
    path.write_bytes(file)
    header = read_header(local_file(path))
    assert len(header.tensors) == 3000
    assert header == parse_header(file[8 : header.data_start], len(file), "x")


def test_a_number_of_millions_of_digits_is_refused(tmp_path):
    """int() would take minutes, and Python's own guard would raise ValueError."""
    assert not accepts(tmp_path, pack(one(shape=f"[{'1' * 3_000_000}]")))
