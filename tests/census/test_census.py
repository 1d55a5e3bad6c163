"""Groups, placeholder names, id ranges."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.census.census import GROUPS, group_codes
from rowscope.inspector.census.roles import roled_tokens
from rowscope.inspector.errors import MalformedFileError, UsageError
from rowscope.inspector.ranges import format_ranges, parse_ranges, to_ranges
from rowscope.inspector.vocabulary.placeholders import is_placeholder

PLACEHOLDERS = [
    "[unused12]",
    "<unused3>",
    "<|reserved_special_token_7|>",
    "<|extra_4|>",
    "<|dummy_9|>",
    "<SPECIAL_30>",
    "<|reserved_200017|>",
    "<reserved_107>",
    "[UNUSED_BRACKET_3]",
    "<|placeholder1|>",
    "<｜place▁holder▁no▁7｜>",
    "[control_8]",
    "<|reserved_token_163839|>",
    "madeupword0001",
]
USED_NAMES = [
    "<extra_id_5>",
    "<|im_start|>",
    "[CLS]",
    "reserved",
    "unused",
    "<0xF5>",
    "<|end_of_text|>",
    "<special>",
    "<|special|>",
    "[control]",
    "<s>",
    "<pad>",
    "<extra>",
    "<|fim_prefix|>",
    "<loc0001>",
    "<empty_output>",
    "",
    "<>",
]


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_placeholder_names(name):
    assert is_placeholder(name)


@pytest.mark.parametrize("name", USED_NAMES)
def test_names_of_used_tokens(name):
    assert not is_placeholder(name)


def vocabulary(tokens, added):
    return SimpleNamespace(tokens=tokens, added=dict.fromkeys(added))


@given(
    rows=st.integers(0, 60),
    tokens=st.dictionaries(
        st.integers(0, 80), st.sampled_from(["the", "[unused1]", "<|x|>", ""]), max_size=60
    ),
    added=st.sets(st.integers(0, 80), max_size=20),
)
def test_every_row_has_exactly_one_group(rows, tokens, added):
    """The naive definition, id by id."""
    tokens = tokens | {id: tokens.get(id, "<|x|>") for id in added}
    codes = group_codes(rows, vocabulary(tokens, added))
    assert codes.shape == (rows,)
    for id in range(rows):
        if id not in tokens:
            expected = "unmapped"
        elif tokens[id] == "[unused1]":
            expected = "placeholder"
        else:
            expected = "added" if id in added else "base"
        assert GROUPS[codes[id]] == expected


def test_census_of_the_demo():
    census = rowscope.audit("demo").census
    assert {name: group.count for name, group in census.groups.items()} == {
        "unmapped": 80,
        "placeholder": 8,
        "added": 8,
        "base": 4000,
    }
    assert census.reserved.ranges == ((4008, 4096),)
    assert (census.holes.count, census.out_of_range) == (0, ())
    assert sum(group.count for group in census.groups.values()) == census.rows == 4096


def test_sparse_ids_and_ids_without_a_row(write_checkpoint, tmp_path):
    """len(tokenizer) is the wrong bound where ids have holes; an id beyond the rows is listed."""
    tokens = {"a": 0, "b": 1, "c": 9, "<|end|>": 20}
    rows = np.random.default_rng(0).normal(size=(12, 8)).astype("f4")
    folder = write_checkpoint(
        tmp_path / "c",
        {"model.embed_tokens.weight": rows},
        {"vocab_size": 12, "eos_token_id": 20, "architectures": ["LlamaForCausalLM"]},
        tokens,
    )
    report = rowscope.audit(folder)
    census = report.census
    assert census.holes.ranges == ((2, 9), (10, 12))
    assert [(item.id, item.token) for item in census.out_of_range] == [(20, "<|end|>")]
    findings = {finding.code: finding for finding in report.findings}
    assert findings["VOC102"].severity == "error"
    assert findings["VOC105"].severity == "error"
    assert "21" in findings["VOC107"].hint


@given(st.sets(st.integers(0, 200)))
def test_ranges_round_trip(ids):
    ordered = np.array(sorted(ids), dtype=np.int64)
    ranges = to_ranges(ordered)
    assert [id for start, stop in ranges for id in range(start, stop)] == ordered.tolist()
    assert all(b < c for (_, b), (c, _) in pairwise(ranges))


def test_ranges_as_text():
    assert format_ranges(((3, 5), (9, 10), (12, 40))) == "[3, 5) 9 [12, 40)"
    assert format_ranges(((0, 1), (2, 3), (4, 5)), limit=1) == "0 and 2 more ranges"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0:3", [0, 1, 2]),
        ("7", [7]),
        ("8:", [8, 9]),
        (":2", [0, 1]),
        ("5,0:2,5", [5, 0, 1]),
        (":", [*range(10)]),
    ],
)
def test_parse_ranges(text, ids):
    assert parse_ranges(text, 10).tolist() == ids


@pytest.mark.parametrize("text", ["", "a", "1-3", "10", "0:11", "3,,4", "-1", "1:2:3"])
def test_parse_ranges_refuses(text):
    with pytest.raises(UsageError):
        parse_ranges(text, 10)


def test_a_config_that_lists_thousands_of_end_tokens_is_refused():
    with pytest.raises(MalformedFileError, match="eos_token_id lists 4,097 ids"):
        roled_tokens(None, {"eos_token_id": list(range(4097))}, None)
    assert len(roled_tokens(None, {"eos_token_id": list(range(4096))}, None)) == 4096
