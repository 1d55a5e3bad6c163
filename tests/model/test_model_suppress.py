"""SuppressReserved inside model.generate, and on scores of any shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.model import SuppressReserved

BATCH, STEPS = 50, 200


def sample(demo, processors):
    """10,000 sampled tokens at temperature 3, without a filter."""
    import torch

    torch.manual_seed(3)
    prompt = torch.tensor(demo.tokenizer(["def "] * BATCH)["input_ids"])
    output = demo.network.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        temperature=3.0,
        top_k=0,
        top_p=1.0,
        min_new_tokens=STEPS,
        max_new_tokens=STEPS,
        logits_processor=processors,
        pad_token_id=4000,
    )
    return output[:, prompt.shape[1] :].numpy()


def test_ten_thousand_tokens_at_high_temperature(demo):
    reserved = rowscope.reserved_ids("demo")
    free = sample(demo, [])
    assert free.size == BATCH * STEPS
    assert np.isin(free, reserved).sum() > 0
    masked = sample(demo, [SuppressReserved(reserved)])
    assert masked.size == BATCH * STEPS
    assert np.isin(masked, reserved).sum() == 0


def test_works_beside_other_processors_and_in_beam_search(demo):
    import torch
    from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor

    suppress = SuppressReserved.from_checkpoint("demo")
    processors = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(1.3), suppress])
    prompt = torch.tensor([demo.tokenizer("class ")["input_ids"]])
    output = demo.network.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        num_beams=3,
        do_sample=False,
        max_new_tokens=8,
        logits_processor=processors,
        pad_token_id=4000,
    )
    assert not np.isin(output.numpy(), list(suppress)).any()


@given(
    ids=st.lists(st.integers(0, 40), max_size=12),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 30)),
    half=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_only_the_ids_change_and_others_stay_bit_for_bit(ids, shape, half):
    import torch

    scores = torch.randn(shape, dtype=torch.float16 if half else torch.float32)
    before = scores.clone()
    after = SuppressReserved(ids)(None, scores)
    assert torch.equal(scores, before)
    assert after.shape == scores.shape
    assert after.dtype == scores.dtype
    hidden = [id for id in range(shape[1]) if id in ids]
    kept = [id for id in range(shape[1]) if id not in ids]
    assert torch.equal(after[:, kept], before[:, kept])
    assert bool(torch.isneginf(after[:, hidden]).all())


def test_narrow_logits_pass_over_ids_beyond_them():
    import torch

    scores = torch.zeros(2, 10)
    after = SuppressReserved([3, 10, 4095])(None, scores)
    assert torch.isneginf(after).nonzero().tolist() == [[0, 3], [1, 3]]


def test_ids_of_a_checkpoint_are_the_census(demo):
    assert list(SuppressReserved.from_checkpoint("demo")) == rowscope.reserved_ids("demo").tolist()
    assert list(SuppressReserved.from_checkpoint(rowscope.open_checkpoint("demo"))) == list(range(4008, 4096))
    assert repr(SuppressReserved([5, 5, 6])) == "SuppressReserved(2 ids)"


def test_a_placeholder_in_use_stays_possible(write_model, tmp_path, reserved):
    folder = write_model(tmp_path / "used", "qwen2", eos_token_id=reserved[1])
    assert list(SuppressReserved.from_checkpoint(folder)) == [id for id in reserved if id != reserved[1]]


def test_a_negative_id_is_refused():
    with pytest.raises(UsageError, match="-4 is no token id"):
        SuppressReserved([3, -4])
