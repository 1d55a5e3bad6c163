"""Probes that read and write text, on nine families, against `oracle.py`: leak by place, verify, distil."""

from __future__ import annotations

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.evidence import sample
from rowscope.inspector.model.verify.questions import CARRIERS, PROMPTS
from rowscope.inspector.model.verify.weights import Weights

TEXTS = (model.Prompt("code", "def count(words): return 1"), model.Prompt("short", "ab"))
ASKED = (40, 70, 262, 280)
START = 256
NEW = 270
LESSON = ("It has <N> 4 legs and <N> 2.", "<N> of them", "nothing here")


def shifted(loaded, ids):
    """What the decoder reads where `ids` are to come."""
    return [START, *ids[:-1]] if loaded.kind == "seq2seq" else None


def test_leak_by_place_and_prompt(nine, oracle):
    result = model.leak(nine, prompts=TEXTS, rollout_tokens=0)
    probed = nine.subject.ids.tolist()
    read = [nine.tokenizer(text.text)["input_ids"] for text in TEXTS]
    rows = [oracle.masses(nine.network, ids, probed, 1.0, decoder=shifted(nine, ids)).numpy() for ids in read]
    assert len(rows[0]) > 16  # so that there are doubling ranges, too
    for found in result.by_position:
        own = np.concatenate([row[found.start : found.stop] for row in rows])
        assert (found.positions, found.mean, found.max) == pytest.approx(
            (len(own), own.mean(), own.max()), rel=1e-5
        )
    assert sum(found.positions for found in result.by_position) == sum(map(len, rows))
    for found, row in zip(result.prompts, rows, strict=True):
        expected = (row.mean(), row.max(), row[0], row[1:].mean())
        assert (found.mean, found.max, found.first, found.in_context) == pytest.approx(expected, rel=1e-5)
    share = sum(row[0] for row in rows) / sum(row.sum() for row in rows)
    assert result.first_share == pytest.approx(0.0 if nine.kind == "seq2seq" else share, rel=1e-5)
    for top in result.top_ids[:3]:
        own = [oracle.masses(nine.network, ids, [top.id], 1.0, decoder=shifted(nine, ids)) for ids in read]
        assert top.mean == pytest.approx(float(np.concatenate(own).mean()), rel=1e-5)


def test_rollouts(nine, oracle):
    result = model.leak(nine, prompts=TEXTS, rollout_tokens=6)
    probed = nine.subject.ids.tolist()
    by_temperature = {0.5: [], 1.0: [], 3.0: []}
    for text, rollout in zip(TEXTS, result.rollouts.prompts, strict=True):
        ids, drawn = nine.tokenizer(text.text)["input_ids"], list(rollout.ids)
        seq2seq = nine.kind == "seq2seq"
        for temperature, found in by_temperature.items():
            read = ids if seq2seq else [*ids, *drawn[:-1]]
            row = oracle.masses(nine.network, read, probed, temperature, decoder=shifted(nine, drawn))
            found.append(row[0 if seq2seq else len(ids) - 1 :].numpy())
        own = by_temperature[1.0][-1]
        assert len(own) == len(drawn)
        assert (rollout.mean, rollout.max) == pytest.approx((own.mean(), own.max()), rel=1e-4)
        assert rollout.sampled == sum(id in probed for id in drawn)
        assert not set(drawn[:-1]) & {*probed, 258}  # a probed id or the stop token ends it
    for temperature, rows in by_temperature.items():
        together = np.concatenate(rows)
        cell = result.find(temperature, scope="rollouts")
        assert (cell.mean, cell.max) == pytest.approx((together.mean(), together.max()), rel=1e-4)


def asked(loaded, question, id):
    """Ids read, and those that a decoder has written, where the token must come next."""

    def ids(parts):
        for part in parts:
            yield from [id] if part is None else loaded.tokenizer(part, add_special_tokens=False)["input_ids"]

    if loaded.kind == "seq2seq":
        return [*ids(question.reads), 258], [START, *ids(question.writes)]
    return [*ids(question.reads), *ids(question.writes)], None


def test_verify(nine, oracle):
    result = model.verify(nine, ids=ASKED, controls=0)
    every = np.arange(nine.subject.census.rows)
    others = sample(Weights(nine.subject.evidence).untrained(every), 128).tolist()
    assert result.contexts == len(others) > 50
    for id in ASKED:
        found = result.find(id).measured
        for question in PROMPTS:
            log = oracle.answer(nine.network, asked(nine, question, id)[0], id, asked(nine, question, id)[1])
            assert found.p[question.name] == pytest.approx(np.exp(log), rel=2e-4)
        for question in CARRIERS:
            name = question.name
            read, written = asked(nine, question.without, id)
            assert found.first[name] == pytest.approx(
                np.exp(oracle.answer(nine.network, read, id, written)), rel=2e-4
            )
            read, written = asked(nine, question, id)
            mine = oracle.answer(nine.network, read, id, written)
            assert found.second[name] == pytest.approx(np.exp(mine), rel=2e-4)
    check_standing(nine, oracle, result, others)


def check_standing(loaded, oracle, result, others):
    """The share of other untrained tokens' contexts in which a token is less likely than in its own."""
    for question in CARRIERS:
        elsewhere = {other: asked(loaded, question, other) for other in others}
        for id in ASKED[:1]:
            read, written = asked(loaded, question, id)
            mine = oracle.answer(loaded.network, read, id, written)
            apart = [
                mine - oracle.answer(loaded.network, read, id, written)
                for other, (read, written) in elsewhere.items()
                if other != id
            ]
            clear = [one for one in apart if abs(one) > 1e-5]  # what rounding may turn counts either way
            least, most = sum(one > 0 for one in clear), len(apart) - sum(one < 0 for one in clear)
            found = result.find(id).measured.standing[question.name]
            assert least <= found * len(apart) + 1e-9
            assert found * len(apart) - 1e-9 <= most


def reading(loaded, text, new):
    """Ids with the token's pieces, or with the new id, and the positions at and behind the token."""
    ids, at = [], []
    for number, part in enumerate(text.split("<N>")):
        if number:
            ids += [NEW] if new else loaded.tokenizer("<N>", add_special_tokens=False)["input_ids"]
            at.append(len(ids) - 1)
        tail = loaded.tokenizer(part, add_special_tokens=False)["input_ids"] if part else []
        at += range(len(ids), len(ids) + len(tail)) if number else []
        ids += tail
    return ids, at


def test_distil(nine, oracle):
    import torch

    if nine.kind == "seq2seq":
        with pytest.raises(RefusedError, match="--values mean") as caught:
            model.distil(nine, {"<N>": NEW}, LESSON)
        assert (caught.value.code, caught.value.exit_code) == ("WRONG_KIND", 5)
        return
    found = model.distil(nine, {"<N>": NEW}, LESSON).rows[0]
    pieces = nine.tokenizer("<N>", add_special_tokens=False)["input_ids"]
    assert (list(found.pieces), found.texts) == (pieces, 2)
    texts = [text for text in LESSON if "<N>" in text]
    loss = oracle.distil_loss(
        nine.network, NEW, [(reading(nine, t, False), reading(nine, t, True)) for t in texts]
    )
    start = nine.embedding.weight.detach()[pieces].mean(0)
    with torch.no_grad():
        assert found.before == pytest.approx(float(loss(start)), rel=1e-4)
        assert found.after == pytest.approx(float(loss(torch.tensor(found.values).float())), rel=1e-4)
    # No plain optimisation is better.
    row = start.clone().requires_grad_(True)
    adam, best = torch.optim.Adam([row], lr=0.05), float("inf")
    for step in range(60):
        adam.param_groups[0]["lr"] = 0.05 * (1 - step / 60)
        value = loss(row)
        best = min(best, float(value.detach()))
        adam.zero_grad()
        value.backward()
        adam.step()
    assert found.after <= 1.1 * best
    assert found.after < found.before
