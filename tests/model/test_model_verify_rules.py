"""States, ability and agreement from made-up numbers; refusals of the verify probe."""

from __future__ import annotations

import math
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.loading import fit
from rowscope.inspector.model.verify.agreement import ability, agree, by_carriers, by_prompts, state_of
from rowscope.inspector.model.verify.results import STATES, Measured
from rowscope.inspector.model.verify.weights import Opinion


def numbers(p=(0.0, 0.0, 0.0), standing=(0.5, 0.5)):
    names = ("copy", "explain", "repeat")
    carriers = ("sentence", "list")
    flat = dict.fromkeys(carriers, 1e-6)
    return Measured(dict(zip(names, p, strict=True)), flat, flat, dict(zip(carriers, standing, strict=False)))


@pytest.mark.parametrize(
    ("p", "state"),
    [
        ((0.0, 0.00999, 0.0), "verified"),
        ((0.01, 0.0, 0.0), "weak"),
        ((0.0, 0.0, 0.0999), "weak"),
        ((0.0, 0.1, 0.0), "known"),
        ((math.nan, 0.9, 0.0), "untold"),
    ],
)
def test_the_largest_probability_over_the_prompts_decides(p, state):
    assert by_prompts(numbers(p)) == state


def test_one_carrier_in_which_it_stands_out_is_enough():
    assert by_carriers(numbers(standing=(0.2, 0.99))) == "known"
    assert by_carriers(numbers(standing=(0.98, 0.98))) == "verified"
    assert by_carriers(numbers(standing=())) == "untold"


def test_a_model_is_asked_by_what_its_controls_know():
    good, standing, bad = numbers((0.9, 0, 0)), numbers(standing=(1.0, 1.0)), numbers()
    assert ability([good] * 15 + [bad] * 5).decided_by == "prompts"
    assert ability([good] * 5 + [standing] * 15).decided_by == "carriers"
    assert ability([bad] * 20).decided_by is None
    few = ability([good] * 19)
    assert few.decided_by is None
    assert state_of(good, few) == "untold"


VERDICTS = st.sampled_from(["collapsed", "zero", "initial", "fresh", "trained", "damaged", "unjudged"])


@given(VERDICTS, st.sampled_from([None, "barely", "partly", "clearly"]), st.sampled_from(STATES))
def test_nothing_is_claimed_where_either_side_cannot_tell(verdict, grade, state):
    opinion = Opinion("both", verdict, "high", grade if verdict == "trained" else None, 1.0)
    found = agree(opinion, state)
    doubtful = opinion.grade in ("barely", "partly")
    if state == "untold" or verdict in ("damaged", "unjudged") or doubtful:
        assert found is None
    elif verdict == "trained":
        assert found is (state != "verified")
    else:
        assert found is (state != "known")


def test_models_without_words_are_refused(zoo, load_zoo, tmp_path):
    with pytest.raises(RefusedError, match="gives hidden states, no probabilities") as caught:
        model.verify(load_zoo("encoder"))
    assert caught.value.code == "WRONG_KIND"
    bare = tmp_path / "bare"
    shutil.copytree(zoo["qwen2"], bare)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bare / name).unlink()
    with pytest.raises(RefusedError, match="cannot be asked in words") as caught:
        model.verify(bare, ids=[3])
    assert caught.value.code == "NO_TOKENIZER"


def test_a_masked_model_without_a_mask_token_is_refused(write_model, tmp_path):
    loaded = model.load(write_model(tmp_path / "bert", "bert"), probe="verify", device="cpu")
    loaded.tokenizer.mask_token = None
    with pytest.raises(RefusedError, match="names no mask token"):
        model.verify(loaded, ids=[3])


@pytest.mark.parametrize(
    "words",
    [{"ids": [1], "suspects": 3}, {"suspects": 3, "everything": True}, {"suspects": 0}, {"controls": -1}],
)
def test_choices_that_make_no_sense(demo, words):
    with pytest.raises(UsageError):
        model.verify(demo, **words)


@pytest.mark.parametrize(("there", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_where_the_device_computes_in_it(monkeypatch, there, dtype):
    monkeypatch.setattr(fit, "computes_bfloat16", lambda torch, device: there)
    assert model.load("demo", probe="verify", device="cpu").dtype == dtype
    assert model.load("demo", probe="leak", device="cpu").dtype == "float32"
