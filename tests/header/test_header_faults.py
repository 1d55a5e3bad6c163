"""What a refusal says: rule, value, tensor, byte and next step; and every fault on request."""

from __future__ import annotations

import json

import pytest

from rowscope.inspector.checkpoint import diagnose
from rowscope.inspector.errors import CheckpointError, MalformedFileError
from rowscope.inspector.header.read import examine_file, read_header
from rowscope.inspector.storage.local import local_file

from ..writing import entry, one, pack


@pytest.mark.parametrize(
    ("header", "byte", "quoted"),
    [
        (one(dtype="F128"), '"F128"', "'F128'"),
        (one(shape="[2,-7]"), "-7", "-7"),
        (one(offsets="[0,8.5]"), "8.5", "8.5"),
        ('{"é":' + entry(shape="[true]") + "}", "true", "true"),
        ('{"__metadata__":{"k":12}}', "12", "'k'"),
        (one(extra=',"dtype":"F32"'), '"dtype":"F32"}', "'dtype'"),
        (one(extra=',"x":NaN'), "NaN", "NaN"),
        (one(shape="[2 7]"), "7]", "7]"),
        (one(offsets="[0,9]"), "[2]", "9"),
    ],
)
def test_fault_names_the_byte_and_quotes_the_value(header, byte, quoted, tmp_path):
    path = tmp_path / "x.safetensors"
    file = pack(header)
    path.write_bytes(file)
    offset = file.rindex(byte.encode())
    with pytest.raises(MalformedFileError) as caught:
        read_header(local_file(path))
    assert f"(byte {offset})" in caught.value.message
    assert quoted in caught.value.message
    assert "; " in caught.value.message
    assert diagnose(path)[0].offset == offset


def test_every_fault_is_diagnosed(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {
        "a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        "b": {"dtype": "F99", "shape": [1], "data_offsets": [8, 12]},
        "c": {"dtype": "F32", "shape": [-1, 2.5], "data_offsets": "x"},
        "d": {"shape": [1]},
        "__metadata__": {"k": 1},
    }
    file = pack(json.dumps(tensors), 12)
    path.write_bytes(file)
    faults = diagnose(path)
    assert sorted((fault.tensor or "", fault.rule) for fault in faults) == [
        ("", "metadata"),
        ("a", "size"),
        ("b", "dtype"),
        ("c", "offsets"),
        ("c", "shape"),
        ("c", "shape"),
        ("d", "entry"),
        ("d", "entry"),
    ]
    assert all(fault.offset is not None and fault.hint for fault in faults)
    at = {fault.rule: file[fault.offset :] for fault in faults if fault.tensor in ("a", "b")}
    assert at["size"].startswith(b"[3]")
    assert at["dtype"].startswith(b'"F99"')


def test_gaps_overlaps_and_ends_are_diagnosed_together(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {
        "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
        "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]},
        "c": {"dtype": "U8", "shape": [4], "data_offsets": [10, 14]},
    }
    path.write_bytes(pack(json.dumps(tensors), 20))
    found = [(fault.rule, fault.tensor) for fault in diagnose(path)]
    assert found == [("overlap", "b"), ("gap", "c"), ("coverage", None)]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"PK\x03\x04" + bytes(range(60)), "zip"),
        (b"GGUF" + bytes([3, 0, 0, 0]) * 9, "GGUF"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x80\x02}q\x00X\x01\x00\x00\x00aq", "pickle"),
    ],
)
def test_other_formats_under_this_name_are_recognised(content, word, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(MalformedFileError, match=word):
        read_header(local_file(path))


def test_a_large_header_is_judged_without_locating_its_fault(tmp_path):
    padding = " " * (1 << 22)
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack(one(dtype="F77") + padding))
    with pytest.raises(MalformedFileError, match="F77"):
        read_header(local_file(path))
    assert diagnose(path)[0].offset is None


def test_missing_file_is_a_checkpoint_error(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        examine_file(local_file(tmp_path / "none.safetensors"))


def test_long_names_are_cut_in_messages(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack(f'{{"{"n" * 100_000}":{entry(dtype="F77")}}}'))
    with pytest.raises(MalformedFileError) as caught:
        read_header(local_file(path))
    assert len(caught.value.message) < 800


def test_faults_without_number_are_cut(tmp_path):
    """A header of a hundred thousand faults: the first 10,000, and that there are more."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack("{" + ",".join(f'"{i}":0' for i in range(100_000)) + "}", 0))
    faults = diagnose(path)
    assert len(faults) < 10_010
    assert "more than 10,000 faults" in faults[-1].message
    path.write_bytes(pack("{" + ",".join(['"":0'] * 100_000) + "}", 0))
    assert 10_000 <= len(diagnose(path)) < 10_010


def test_more_than_two_million_values_are_refused_unparsed(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack('{"a":{"x":[' + "0," * 2_000_001 + "0]}}", 0))
    with pytest.raises(MalformedFileError, match="2,000,000 values"):
        read_header(local_file(path))
    comment = "," * 2_100_000
    path.write_bytes(pack(json.dumps({"__metadata__": {"note": comment}}), 0))
    assert read_header(local_file(path)).metadata["note"] == comment
