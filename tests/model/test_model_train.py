"""The train probe: what is learned, what else moves, and that nothing stays changed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.train.steps import mean_loss
from rowscope.inspector.model.train.task import batches, make_task
from rowscope.inspector.model.train.train import VARIANTS

STEPS, RATE, DECAY = 60, 1e-3, 0.1


@pytest.fixture(scope="module")
def state(demo):
    return {name: tensor.clone() for name, tensor in demo.network.state_dict().items()}


@pytest.fixture(scope="module")
def result(demo, state):
    return model.train(demo, steps=STEPS, learning_rate=RATE, weight_decay=DECAY)


def test_a_claimed_slot_is_learned(result):
    assert result.id == 4016
    assert result.token == "<NUM>"
    full = result.find("full")
    assert full.after.where_due > 0.3
    assert full.after.where_due > 100 * full.after.elsewhere
    assert full.before.where_due < 1e-4
    assert full.loss_last < full.loss_first / 5
    assert full.after.after_it > full.before.after_it
    assert [variant.name for variant in result.variants] == list(VARIANTS)
    assert all(variant.before == full.before for variant in result.variants)
    assert all(variant.loss_first == full.loss_first for variant in result.variants)


def test_the_stored_row_is_less_likely_than_the_filled_one(result):
    assert result.unclaimed.where_due < result.find("full").before.where_due / 10


def test_nothing_is_left_changed(demo, state, result):
    import torch

    for name, tensor in demo.network.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert demo.tied
    assert not any(p.requires_grad or p.grad is not None for p in demo.network.parameters())


def test_the_row_is_filled_with_the_mean_of_trained_rows(demo, state, result):
    from rowscope.inspector.model.train import claim_row

    with claim_row.claimed(demo, 4016) as started_rows:
        assert started_rows == result.started_rows == demo.subject.trained.size
        filled = demo.embedding.weight[4016].double().numpy()
    rows = state["model.embed_tokens.weight"].double().numpy()[demo.subject.trained]
    mean = rows.mean(axis=0)
    expected = mean * np.median(np.linalg.norm(rows, axis=1)) / np.linalg.norm(mean)
    np.testing.assert_allclose(filled, expected, rtol=1e-5, atol=1e-7)


def test_full_training_moves_the_other_reserved_rows_together(result):
    for name in ("full", "full-no-decay"):
        moved = result.find(name).find("reserved")
        assert (moved.matrix, moved.rows, moved.changed) == ("both", 87, 87)
        assert moved.relative > 0.01
        assert moved.common_direction > 0.95


def test_frozen_matrices_do_not_move(result):
    frozen = result.find("frozen-embeddings")
    assert all(drift.changed == 0 and drift.relative == 0 for drift in frozen.drift)
    assert frozen.trainable == 1078912 - 4096 * 128


def test_one_row_moves_one_row(result):
    only = result.find("token-only")
    assert only.trainable == 128
    assert only.find("new").changed == 1
    assert only.find("reserved").changed == only.find("used").changed == 0
    assert only.after.where_due > 10 * only.before.where_due


def test_weight_decay_shrinks_rows_without_gradient(result):
    """AdamW: theta_T = theta_0 (1 - learning rate x decay)^T (Loshchilov and Hutter, arXiv 1711.05101)."""
    trap = result.find("token-only-decay")
    factor = (1 - RATE * DECAY) ** STEPS
    assert trap.decay_factor == pytest.approx(factor)
    for group in ("reserved", "used"):
        drift = trap.find(group)
        assert drift.changed == drift.rows
        assert drift.norm_ratio == pytest.approx(factor, rel=1e-5)
        assert drift.relative == pytest.approx(1 - factor, rel=1e-3)
        assert drift.cosine == pytest.approx(1, abs=1e-9)


def test_untied_rows_that_are_not_read_stay(load_zoo):
    result = model.train(load_zoo("llama"), steps=4, learning_rate=RATE, variants=("full-no-decay", "full"))
    plain = result.find("full-no-decay")
    assert plain.find("reserved", "input").changed == 0
    assert plain.find("reserved", "output").changed == 25
    assert plain.find("new", "input").changed == 1
    decayed = result.find("full").find("reserved", "input")
    assert decayed.norm_ratio == pytest.approx((1 - RATE * DECAY) ** 4, rel=1e-6)


@pytest.mark.parametrize("family", ["qwen2", "gpt2", "gpt_neox", "gemma3", "t5"])
def test_families(load_zoo, family):
    result = model.train(load_zoo(family), steps=6, learning_rate=3e-3, variants=("full", "token-only"))
    json.dumps(result.to_dict(), allow_nan=False)
    assert result.id == 264
    full = result.find("full")
    assert full.loss_last < full.loss_first
    assert full.after.where_due > full.before.where_due
    assert full.seconds_per_step > 0
    only = result.find("token-only")
    assert {drift.changed for drift in only.drift if drift.group != "new"} == {0}
    assert {drift.changed for drift in only.drift if drift.group == "new"} == {1}


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_the_loss_is_the_one_of_transformers(load_zoo, family):
    import torch

    loaded = load_zoo(family)
    items = batches(make_task(loaded, 264), 5, 1, 0)[0]
    longest = max(len(i.context) + len(i.continuation) for i in items)
    if loaded.kind == "seq2seq":
        rows, targets = [i.context for i in items], [i.continuation for i in items]
        width = max(map(len, targets))
        labels = torch.tensor([[*t, *[-100] * (width - len(t))] for t in targets])
    else:
        rows = [(*i.context, *i.continuation) for i in items]
        labels = torch.tensor([[*r, *[-100] * (longest - len(r))] for r in rows])
    width = max(map(len, rows))
    ids = torch.tensor([[*r, *[0] * (width - len(r))] for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    with torch.no_grad():
        expected = loaded.network(ids, attention_mask=mask, labels=labels).loss
        assert float(mean_loss(loaded, items)) == pytest.approx(float(expected), rel=1e-6)


def test_the_task_gives_the_token_a_meaning_and_holds_things_back(load_zoo):
    loaded = load_zoo("qwen2")
    task = make_task(loaded, 264)
    for item in (*task.training, *task.held_out):
        assert (item.continuation[0] == 264) == item.counted
        assert 264 not in item.context
    assert sum(item.counted for item in task.training) * 2 == len(task.training)
    assert not {item.context for item in task.training} & {item.context for item in task.held_out}
    assert make_task(loaded, 264) == task


def test_the_same_seed_gives_the_same_result(load_zoo):
    first, second = (model.train(load_zoo("gpt2"), steps=2, variants=("full",)).to_dict() for _ in range(2))
    assert first == second
    assert first["results"]["variants"][0]["seconds_per_step"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "--steps 0"),
        ({"batch": 0}, "--batch 0"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"weight_decay": -1.0}, "--weight-decay"),
        ({"variants": ("full", "lora")}, "'lora' is not known"),
        ({"variants": ()}, "not known"),
    ],
)
def test_wrong_options(demo, options, words):
    with pytest.raises(UsageError, match=words):
        model.train(demo, **options)


@pytest.mark.parametrize("family", ["bert", "encoder"])
def test_models_that_generate_nothing_are_refused(load_zoo, family):
    with pytest.raises(RefusedError, match="train probe cannot run"):
        model.train(load_zoo(family))
