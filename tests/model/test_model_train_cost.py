"""What a lesson costs: loss on ordinary text, and a learning rate that leaves the model alive."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.model.loading.prompts import BUILT_IN
from rowscope.inspector.model.train.ordinary import ALIVE, HELD_OUT, mean_text_loss, text_items
from rowscope.inspector.model.train.rates import RATES, ROW_RATES


@pytest.fixture(scope="module")
def result(demo):
    return model.train(demo, variants=("full", "token-only"))


def plain_loss(loaded, texts):
    """Mean cross-entropy of all tokens, by transformers' own loss, one text at a time."""
    import torch

    total, tokens = 0.0, 0
    for text in texts:
        ids = torch.tensor([loaded.tokenizer(text)["input_ids"][:96]])
        with torch.no_grad():
            total += float(loaded.network(ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return total / tokens


@pytest.mark.parametrize("family", ["qwen2", "llama", "gemma3"])
def test_the_losses_are_those_of_transformers(load_zoo, family):
    loaded = load_zoo(family)
    found = model.train(loaded, steps=1, learning_rate=1e-9, variants=("token-only",)).unclaimed
    assert found.text_loss == pytest.approx(plain_loss(loaded, HELD_OUT), rel=1e-5)
    prompts = plain_loss(loaded, [prompt.text for prompt in BUILT_IN])
    assert found.prompts_loss == pytest.approx(prompts, rel=1e-5)


def test_a_decoder_is_asked_for_the_second_half(load_zoo):
    import torch

    loaded = load_zoo("t5")
    expected = []
    for text in HELD_OUT:
        ids = loaded.tokenizer(text)["input_ids"][:96]
        given, rest = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        with torch.no_grad():
            logits = loaded.network(
                torch.tensor([given]), decoder_input_ids=torch.tensor([[256, *rest[:-1]]])
            ).logits[0]
        expected += (-logits.double().log_softmax(-1)[range(len(rest)), rest]).tolist()
    assert mean_text_loss(loaded, text_items(loaded)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_rate_that_is_found_leaves_the_model_alive_and_teaches(result):
    full, row = result.find("full"), result.find("token-only")
    for variant, rates in ((full, RATES), (row, ROW_RATES)):
        assert variant.alive
        assert variant.after.text_loss <= variant.before.text_loss + ALIVE
        given_up = [tried.learning_rate for tried in result.tried if tried.variant == variant.name]
        assert given_up == list(rates[: rates.index(variant.learning_rate)])
    assert all(t.text_loss > full.before.text_loss + ALIVE for t in result.tried if t.variant == "full")
    assert result.learning_rate == full.learning_rate
    assert row.after.where_due > 0.3
    assert row.after.first_choice > 0.5
    assert row.after.where_due > 100 * row.after.elsewhere
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_rate_that_was_asked_for_is_taken_and_its_cost_told(demo):
    found = model.train(demo, learning_rate=1e-3, variants=("full",))
    full = found.find("full")
    assert found.tried == ()
    assert not full.alive
    assert full.after.where_due > 0.3
    assert full.after.text_loss > full.before.text_loss + 1


def test_where_no_rate_will_do_the_lowest_is_taken_and_said_to_cost(demo, monkeypatch):
    from rowscope.inspector.model.train import rates

    monkeypatch.setattr(rates, "RATES", (3e-3, 1e-3))
    found = model.train(demo, steps=20, variants=("full", "full-no-decay"))
    assert [(t.variant, t.learning_rate) for t in found.tried] == [("full", 3e-3)]
    assert [v.learning_rate for v in found.variants] == [1e-3, 1e-3]
    assert not found.find("full").alive


def test_two_runs_are_one(demo):
    first, second = (
        model.train(demo, steps=3, variants=("full", "token-only"), seed=5).to_dict() for _ in range(2)
    )
    assert first == second
