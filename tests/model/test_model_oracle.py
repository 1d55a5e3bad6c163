"""Every probe on nine families against `oracle.py`, which knows the formulas and not rowscope."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.model.loading.prompts import CARRIER
from rowscope.inspector.model.train.ordinary import HELD_OUT
from rowscope.inspector.model.train.task import batches, make_task

PROMPTS = (model.Prompt("code", "def count(words):"), model.Prompt("short", "ab"))
CAP = {"gemma3": 5.0}
START = 256


@pytest.fixture
def loaded(nine):
    return nine


def family(loaded):
    return loaded.checkpoint.root.name


def decoder_of(loaded):
    return [START] if loaded.kind == "seq2seq" else None


def test_forward(loaded, oracle):
    result = model.forward(loaded)
    before = loaded.tokenizer(CARRIER[0])["input_ids"]
    after = loaded.tokenizer(CARRIER[1], add_special_tokens=False)["input_ids"]
    probed = loaded.subject.ids.tolist()
    used = np.setdiff1d(loaded.subject.trained, loaded.subject.ids).tolist()
    for frame, sequences, slot in (
        ("alone", [[id] for id in probed], 0),
        ("carrier", [[*before, id, *after] for id in probed], len(before)),
    ):
        read = 0 if loaded.kind == "seq2seq" else len(sequences[0]) - 1
        expected = oracle.forward(loaded.network, sequences, slot, read, probed, used, decoder_of(loaded))
        found = result.find("reserved", frame)
        stats, apart = found.logits, found.divergence
        for name in ("mean", "std", "spread", "used_mean", "used_std", "percentile", "mass"):
            assert getattr(stats, name) == pytest.approx(expected[name], rel=1e-4, abs=1e-6), (frame, name)
        assert stats.best_rank == expected["best_rank"]
        assert found.entropy.mean == pytest.approx(expected["entropy"], rel=1e-5)
        assert apart.js_nats == pytest.approx(expected["js_nats"], rel=1e-3, abs=1e-6)
        assert apart.max_total_variation == pytest.approx(expected["variation"], rel=1e-3, abs=1e-6)
        assert apart.hidden_cosine == pytest.approx(expected["hidden_cosine"], rel=1e-4, abs=1e-5)
        assert [layer.mean for layer in found.layers] == pytest.approx(expected["layers"], rel=1e-4)


def test_gradient(loaded, oracle):
    result = model.gradient(loaded).find("study")
    target = int(loaded.subject.ids[0])
    if loaded.kind == "seq2seq":
        decoder, targets = [START, 2, 3], {0: 2, 1: 3, 2: target}
    else:
        decoder, targets = None, {0: 3, 1: target}
    loss, whole, source, output = oracle.gradient(
        loaded.network, [1, 2, 3], targets, decoder, CAP.get(family(loaded))
    )
    assert result.loss == pytest.approx(loss, rel=1e-5)
    others = [id for id in loaded.subject.ids.tolist() if id != target]
    parts = {"both": whole} if loaded.tied else {}
    for path, expected in {**parts, "input": source, "output": output}.items():
        found = result.find("all", path)
        scale = float(expected.norm(dim=1).max())
        row = float(expected[target].norm())
        assert found.find("target").norm_total == pytest.approx(row, rel=1e-3, abs=1e-5 * scale), path
        median = float(np.median(expected[others].norm(dim=1)))
        assert found.find("others").norm_median == pytest.approx(median, rel=1e-3, abs=1e-5 * scale), path
        used = [id for id in range(len(expected)) if id not in loaded.subject.ids]
        norm = float(expected[used].norm())
        assert found.find("used").norm_total == pytest.approx(norm, rel=1e-3), path
    cosine = oracle.mean_pairwise_cosine(output[others])
    assert result.find("all", "output").find("others").pairwise_cosine == pytest.approx(cosine, abs=1e-4)


def test_leak(loaded, oracle):
    result = model.leak(loaded, prompts=PROMPTS, rollout_tokens=5)
    probed = loaded.subject.ids.tolist()
    ids = [loaded.tokenizer(prompt.text)["input_ids"] for prompt in PROMPTS]
    shifted = [[START, *some[:-1]] if loaded.kind == "seq2seq" else None for some in ids]
    skipped = 0 if loaded.kind == "seq2seq" else 1
    for temperature in (0.5, 1.0, 3.0):
        rows = [
            oracle.masses(loaded.network, some, probed, temperature, decoder=decoder)
            for some, decoder in zip(ids, shifted, strict=True)
        ]
        expected = np.concatenate([row[skipped:] for row in rows])
        cell = result.find(temperature, scope="prompts")
        assert cell.mean == pytest.approx(expected.mean(), rel=1e-5)
        assert cell.max == pytest.approx(expected.max(), rel=1e-5)
        assert result.find(temperature, "mask", scope="prompts").max == 0
    own = []
    for some, rollout in zip(ids, result.rollouts.prompts, strict=True):
        drawn = list(rollout.ids)
        if loaded.kind == "seq2seq":
            row = oracle.masses(loaded.network, some, probed, 1.0, decoder=[START, *drawn[:-1]])
        else:
            row = oracle.masses(loaded.network, [*some, *drawn[:-1]], probed, 1.0)[len(some) - 1 :]
        own += row.tolist()
    assert result.find(1.0, scope="rollouts").mean == pytest.approx(np.mean(own), rel=1e-4)


def lesson_item(oracle, loaded, read, continuation):
    if loaded.kind == "seq2seq":
        return list(read), [START, *continuation[:-1]], list(continuation)
    return oracle.every_next([*read, *continuation])


@pytest.mark.parametrize("variant", ["full", "token-only-decay"])
def test_train(loaded, oracle, variant):
    steps, rate, decay = 3, 1e-3, 0.1
    settings = {"steps": steps, "batch": 2, "learning_rate": rate, "weight_decay": decay}
    result = model.train(loaded, variants=(variant,), **settings).find(variant)
    slot = 264
    task = make_task(loaded, slot)
    lesson = [
        [lesson_item(oracle, loaded, i.context, i.continuation) for i in b]
        for b in batches(task, 2, steps, 0)
    ]
    network = copy.deepcopy(loaded.network)
    tables = {
        id(m.weight): m.weight for m in (network.get_input_embeddings(), network.get_output_embeddings())
    }
    for weight in tables.values():
        weight.data[slot] = oracle.filled(weight, loaded.subject.trained).float()
    start = {key: weight.detach().clone() for key, weight in tables.items()}

    def only_slot(gradient):
        kept = gradient * 0
        kept[slot] = gradient[slot]
        return kept

    one = variant == "token-only-decay"
    parameters = list(tables.values()) if one else list(network.parameters())
    losses = oracle.adamw(
        parameters,
        lambda at: oracle.mean_loss(network, lesson[at]),
        steps,
        rate,
        decay,
        keep=only_slot if one else None,
    )
    assert (result.loss_first, result.loss_last) == pytest.approx((losses[0], losses[-1]), rel=1e-4)
    due = [
        oracle.masses(network, list(i.context), [slot], 1.0, decoder=decoder_of(loaded))[-1]
        for i in task.held_out
        if i.counted
    ]
    assert result.after.where_due == pytest.approx(float(np.mean(due)), rel=1e-3)
    texts = []
    for text in HELD_OUT:
        ids = loaded.tokenizer(text)["input_ids"][:96]
        cut = len(ids) // 2 if loaded.kind == "seq2seq" else 1
        texts.append(lesson_item(oracle, loaded, ids[:cut], ids[cut:]))
    assert result.after.text_loss == pytest.approx(float(oracle.mean_loss(network, texts)), rel=1e-4)
    head = network.get_output_embeddings().weight
    before = start[id(head)][slot].double()
    moved = float((head[slot].double() - before).norm() / before.norm())
    assert result.find("new").relative == pytest.approx(moved, rel=1e-2)
