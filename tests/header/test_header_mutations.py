"""Random changes to headers that safetensors takes: the reader's verdict is safetensors' verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowscope.inspector.header.read import examine_file
from rowscope.inspector.storage.local import local_file

from ..writing import oracle, pack

PLAIN = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
SEEDS = [
    PLAIN,
    '{"__metadata__":{"format":"pt"},"a.0":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},'
    '"b":{"dtype":"F4","shape":[8],"data_offsets":[4,8]}}  ',
    '{"z":{"data_offsets":[0,0],"shape":[0,3],"dtype":"I64"},"\\u00e9":["U8",[8],[0,8]]}',
    '{"a":{"dtype":{"F32":null},"x":[1,-2,3.5e-1,true,null,"\\ud83d\\ude00"],"shape":[2],"data_offsets":[0,8]}}',
]
FRAGMENTS = [
    "0", "1", "8", "-0", "-1", "00", "1e2", "2.0", "18446744073709551615", "18446744073709551616", "null",
    "true", "NaN", "-Infinity", "1e999", '""', '"F32"', '"dtype"', '"__metadata__"', "\\u0000", "\\ud800",
    "\\udfff", "{", "}", "[", "]", ",", ":", '"', " ", "\n", "\0", "\x1f", "\ufeff", "[]", "{}", "[0,8]",
    '"a":', "\\", "é", "F16", "U8", "[[[[", "e", ".", "-", "+",
]  # fmt: skip


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.+-]+|\s+|.')


@st.composite
def token_mutated(draw):
    """One or two tokens replaced: mostly JSON, mostly wrong in its values."""
    tokens = TOKEN.findall(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 2))):
        tokens[draw(st.integers(0, len(tokens) - 1))] = draw(st.sampled_from([*FRAGMENTS, *tokens]))
    return pack("".join(tokens).encode("utf-8", "surrogatepass"), draw(st.sampled_from([8, 8, 8, 0, 4])))


@st.composite
def text_mutated(draw):
    """Characters, bytes and the length changed anywhere: mostly no JSON."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20])))
        insert = draw(
            st.one_of(
                st.sampled_from(FRAGMENTS), st.just(""), st.text(max_size=3), st.just(text[start:stop] * 2)
            )
        )
        text = text[:start] + insert + text[stop:]
    raw = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0 and raw:
        position = draw(st.integers(0, len(raw) - 1))
        raw = raw[:position] + bytes([draw(st.integers(0, 255))]) + raw[position + 1 :]
    data = draw(st.sampled_from([8, 8, 8, 8, 0, 4, 9]))
    length = len(raw) + draw(st.sampled_from([0] * 20 + [-1, 1, 8, 2**40]))
    return pack(raw, data, length=max(length, 0))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("mutations") / "x.safetensors"


def judge(path: Path, file: bytes) -> tuple[bool, bool]:
    """Whether the reader takes the file, and whether it objects to a duplicate key."""
    path.write_bytes(file)
    header, faults = examine_file(local_file(path))
    rules = {fault.rule for fault in faults}
    assert (header is None) == bool(rules)
    return header is not None, "duplicate-key" in rules


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(file=st.one_of(token_mutated(), text_mutated()))
def test_mutations_are_judged_as_safetensors_does(scratch, file):
    accepted, repeated = judge(scratch, file)
    assert not (accepted and repeated)
    if not repeated:
        assert accepted == oracle(file)
