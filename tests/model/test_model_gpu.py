"""The same numbers on CUDA as on the CPU, within what float32 gives."""

from __future__ import annotations

import pytest

from rowscope.inspector import model
from rowscope.inspector.model.loading import memory

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", autouse=True)
def cuda():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch


@pytest.fixture(scope="module")
def pair(demo):
    return demo, model.load("demo", probe="train", device="cuda", dtype="float32")


def test_auto_takes_it_and_asks_for_its_free_memory(cuda):
    loaded = model.load("demo", probe="forward")
    assert loaded.device == "cuda"
    free, total = cuda.cuda.mem_get_info()
    assert 0 < memory.available(cuda, "cuda") <= total
    assert free <= total


def test_forward(pair):
    here, there = (model.forward(loaded) for loaded in pair)
    for a, b in zip(here.groups, there.groups, strict=True):
        assert b.logits.mean == pytest.approx(a.logits.mean, rel=1e-3, abs=1e-4)
        assert b.entropy.mean == pytest.approx(a.entropy.mean, rel=1e-4)
        assert b.divergence.js_nats == pytest.approx(a.divergence.js_nats, rel=1e-2, abs=1e-6)
        assert b.layers[-1].mean == pytest.approx(a.layers[-1].mean, rel=1e-4)


def test_gradient(pair):
    here, there = (model.gradient(loaded) for loaded in pair)
    for a, b in zip(here.experiments, there.experiments, strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.closure < 1e-5
        assert b.agreement.max_error < 1e-4
        for left, right in zip(a.parts, b.parts, strict=True):
            for x, y in zip(left.groups, right.groups, strict=True):
                assert y.norm_total == pytest.approx(x.norm_total, rel=1e-3, nan_ok=True)


def test_leak(pair):
    here, there = (model.leak(loaded) for loaded in pair)
    for a, b in zip(here.cells, there.cells, strict=True):
        # A filter's edge may fall on the other side of a token: a mean moves by less than one position.
        assert b.mean == pytest.approx(a.mean, rel=1e-3, abs=1e-4)
    assert there.find(1.0, "mask").mean == 0
    assert here.advice.code == there.advice.code


def test_train(pair):
    here, there = (model.train(loaded, steps=20) for loaded in pair)
    for a, b in zip(here.variants, there.variants, strict=True):
        assert b.loss_last == pytest.approx(a.loss_last, rel=2e-2)
        for x, y in zip(a.drift, b.drift, strict=True):
            assert y.changed == x.changed
            assert y.relative == pytest.approx(x.relative, rel=5e-2, abs=1e-6)


def test_rollouts_are_drawn_alike(pair):
    here, there = (model.leak(loaded, prompts=["def f(x):", "The"], rollout_tokens=8) for loaded in pair)
    for a, b in zip(here.rollouts.prompts, there.rollouts.prompts, strict=True):
        # A draw at the edge of two tokens may fall on either: the first ones are the same.
        assert a.ids[:2] == b.ids[:2]
        assert len(b.ids) > 0
    assert there.find(1.0, "mask", scope="rollouts").max == 0


@pytest.mark.parametrize("optimizer", model.OPTIMIZERS)
def test_policy_steps(pair, optimizer):
    policy = model.Policy(steps=3, learning_rate=1e-4, optimizer=optimizer)
    settings = {"prompts": ["def f(x):", "The"], "rollout_tokens": 4, "policy": policy}
    here, there = (model.leak(loaded, **settings).policy for loaded in pair)
    for a, b in zip(here.variants, there.variants, strict=True):
        assert b.losses == pytest.approx(a.losses, rel=1e-2)
        for x, y in zip(a.cells, b.cells, strict=True):
            assert y.mean == pytest.approx(x.mean, rel=1e-2, abs=1e-6)
    weight = pair[1].head.weight
    assert weight is pair[1].embedding.weight
    assert weight.device.type == "cuda"


def test_verify(pair):
    ids = [*range(300, 340), *range(4008, 4020)]
    here, there = (model.verify(loaded, ids=ids, controls=40) for loaded in pair)
    assert here.ability.decided_by == there.ability.decided_by
    for a, b in zip(here.tokens, there.tokens, strict=True):
        assert b.measured.p == pytest.approx(a.measured.p, rel=1e-2, abs=1e-6)
        assert b.measured.second == pytest.approx(a.measured.second, rel=1e-2, abs=1e-6)
    states = [(a.state, b.state) for a, b in zip(here.tokens, there.tokens, strict=True)]
    assert sum(a == b for a, b in states) >= 0.95 * len(states)


def test_verify_takes_bfloat16_by_itself(cuda):
    found = model.verify("demo", ids=[300, 4010], controls=20)
    there = cuda.cuda.is_bf16_supported(including_emulation=False)
    assert found.settings.dtype == ("bfloat16" if there else "float32")
    assert found.settings.device in found.settings.dtype_reason or not there


def test_distil(pair):
    texts = ["The lamp costs <NUM> 12 today.", "Room <NUM> 7 is on the second floor, behind the stairs."]
    here, there = (model.distil(loaded, {"<NUM>": 4016}, texts, steps=5).rows[0] for loaded in pair)
    assert there.before == pytest.approx(here.before, rel=1e-3)
    assert there.after == pytest.approx(here.after, rel=5e-2)
    assert there.output_max == pytest.approx(here.output_max, rel=0.2, abs=1e-6)


def test_lessons_from_initial_rows(pair):
    row = pair[0].embedding.weight[300].double().numpy()
    values = [model.InitialRow("one", "row 300", {"both": row}), model.InitialRow("keep", "stored", {})]
    settings = {"variants": ("token-only",), "steps": 5, "learning_rate": 1e-3, "values": values}
    here, there = (model.train(loaded, **settings) for loaded in pair)
    for a, b in zip(here.values, there.values, strict=True):
        found = (b.loss_before, b.loss_after, b.after.text_loss)
        assert found == pytest.approx((a.loss_before, a.loss_after, a.after.text_loss), rel=1e-2)


def test_the_mask_in_generate(pair):
    import torch

    loaded = pair[1]
    torch.manual_seed(0)
    ids = torch.tensor([loaded.tokenizer("def ")["input_ids"]], device="cuda")
    output = loaded.network.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        temperature=3.0,
        top_k=0,
        max_new_tokens=100,
        logits_processor=[model.SuppressReserved.from_checkpoint("demo")],
        pad_token_id=4000,
    )
    assert int((output >= 4008).sum()) == 0
