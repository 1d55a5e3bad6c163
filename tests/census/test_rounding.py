"""Why a table has its number of rows: said where rounding explains it, and not where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.census.rounding import STEPS, take_rounding


def of(ids: int, rows: int):
    class Tokens:
        tokens = {ids - 1: "last", 0: "first"} if ids else {}

    return take_rounding(Tokens(), rows)  # type: ignore[arg-type]


# Rows of released models, and ids that give them.
@pytest.mark.parametrize(
    ("ids", "rows", "multiples", "words"),
    [
        (151_851, 151_936, (128,), "the 151,851 ids rounded up to a multiple of 128."),
        (
            151_851,
            152_064,
            (256, 512),
            "the 151,851 ids rounded up to a multiple of 256 (as well as of 512), as for 2 tensor-parallel "
            "ranks.",
        ),
        (50_257, 50_304, (64, 128), "the 50,257 ids rounded up to a multiple of 64 (as well as of 128)."),
        (32_011, 32_064, (64,), "the 32,011 ids rounded up to a multiple of 64."),
        (
            151_665,
            151_936,
            (),
            "a multiple of 128, yet 256 rows more than the 151,665 ids rounded up to one.",
        ),
        (100, 320, (), "a multiple of 64, yet 192 rows more than the 100 ids rounded up to one."),
    ],
)
def test_known_sizes(ids, rows, multiples, words):
    found = of(ids, rows)
    assert found.multiples == multiples
    assert found.sentence == f"Why {rows:,} rows: {words}"


@pytest.mark.parametrize(("ids", "rows"), [(100, 100), (0, 64), (128, 100), (100, 101), (32_000, 32_001)])
def test_nothing_is_said_where_nothing_explains_it(ids, rows):
    found = of(ids, rows)
    assert found is None or found.sentence is None
    assert take_rounding(None, 64) is None


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_is_said_is_so(ids, rows):
    found = of(ids, rows)
    if found is None:
        assert ids >= rows
        return
    for step in STEPS:
        assert (step in found.multiples) == (rows % step == 0 and 0 <= rows - ids < step)
    assert found.divisor is None or rows % found.divisor == 0
    if found.multiples or found.divisor is None:
        assert found.beyond == 0
    else:
        step = min(found.divisor, 128)
        assert found.beyond > 0
        assert (rows - found.beyond) % step == 0
        assert 0 <= rows - found.beyond - ids < step


def test_the_report_says_so(write_checkpoint, tmp_path, run):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 192}
    tensors = {"model.embed_tokens.weight": np.random.default_rng(0).normal(size=(192, 8)).astype("f4")}
    tokens = {f"w{id}": id for id in range(150)}
    folder = write_checkpoint(tmp_path / "m", tensors, {**config, "tie_word_embeddings": True}, tokens)
    report = rowscope.audit(folder)
    assert report.to_dict()["capacity"]["rounding"] == {
        "rows": 192,
        "ids": 150,
        "multiples": [64],
        "divisor": 64,
        "beyond": 0,
    }
    out = " ".join(run("audit", folder)[1].split())
    assert "Why 192 rows: the 150 ids rounded up to a multiple of 64." in out
