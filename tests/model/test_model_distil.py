"""Distilled rows: how texts are read, what is refused; test_model_oracle_text.py has the formula."""

from __future__ import annotations

import dataclasses
import importlib
import json

import numpy as np
import pytest

import rowscope
from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.distil.texts import MOST_TOKENS, pairs_of

TEXTS = ("It has <N> 4 legs and <N> 2.", "<N> of them", "nothing here")
ID = 270


def reading(loaded, text, new):
    """Ids with the token's pieces, or with the new id, and the positions at and behind the token."""
    ids, at, seen = [], [], False
    for number, part in enumerate(text.split("<N>")):
        if number:
            ids += [ID] if new else loaded.tokenizer("<N>", add_special_tokens=False)["input_ids"]
            at.append(len(ids) - 1)
            seen = True
        tail = loaded.tokenizer(part, add_special_tokens=False)["input_ids"] if part else []
        at += range(len(ids), len(ids) + len(tail)) if seen else []
        ids += tail
    return ids, at


@pytest.mark.parametrize("family", ["gpt2", "gemma3", "llama"])
def test_texts_read_together_give_what_each_gives_alone(load_zoo, monkeypatch, family):
    """Padding stands behind, where a causal model's states do not see it."""
    loaded = load_zoo(family)
    texts = [*TEXTS, "a longer text in which <N> stands once, followed by some more words", "<N>"]
    together = model.distil(loaded, {"<N>": ID}, texts, steps=2).rows[0]
    reading = importlib.import_module("rowscope.inspector.model.distil.reading")
    assert max(map(len, reading.batches([(1,) * n for n in (5, 3, 60, 4)]))) == 3
    monkeypatch.setattr(reading, "TOGETHER", 1)
    assert reading.batches([(1,) * n for n in (5, 3, 60)]) == [(1,), (0,), (2,)]
    alone = model.distil(loaded, {"<N>": ID}, texts, steps=2).rows[0]
    assert (together.texts, together.positions) == (alone.texts, alone.positions)
    assert (together.before, together.after) == pytest.approx((alone.before, alone.after), rel=1e-3)
    np.testing.assert_allclose(together.values, alone.values, atol=2e-3 * np.abs(alone.values).max())
    outputs = (alone.output_mean, alone.output_max)
    assert (together.output_mean, together.output_max) == pytest.approx(outputs, rel=1e-3, nan_ok=True)


@pytest.mark.parametrize("family", ["qwen2", "gemma3", "gpt_neox"])
def test_a_token_of_one_piece_gets_that_piece_s_row(load_zoo, family):
    loaded = load_zoo(family)
    (piece,) = loaded.tokenizer("#", add_special_tokens=False)["input_ids"]
    found = model.distil(loaded, {"#": ID}, ["a # b", "# c"]).rows[0]
    assert found.pieces == (piece,)
    assert found.after <= found.before < 1e-10
    np.testing.assert_allclose(found.values, loaded.embedding.weight[piece].detach().numpy(), atol=1e-6)


def test_an_exact_solution_is_found_from_afar(write_model, tmp_path):
    """Where the first of two pieces is not looked at, the second one's row solves it."""
    folder = write_model(tmp_path / "deaf", "llama", edit=_without_attention)
    loaded = model.load(folder, probe="distil", device="cpu", dtype="float64")
    found = model.distil(loaded, {"#$": ID}, ["a #$ b"], steps=100).rows[0]
    wanted = loaded.embedding.weight[found.pieces[1]].detach().numpy()
    assert found.before > 0.01
    assert found.after < 1e-4
    # Other rows may give the same states, so the row itself need only come closer than it started.
    start = loaded.embedding.weight[list(found.pieces)].mean(0).detach().numpy()
    assert cosine(found.values, wanted) > max(cosine(start, wanted), 0.9)


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def _without_attention(network):
    for layer in network.model.layers:
        layer.self_attn.o_proj.weight[:] = 0


def test_equal_runs_and_untouched_weights(load_zoo):
    import torch

    loaded = load_zoo("qwen2")
    stored = {name: value.clone() for name, value in loaded.network.state_dict().items()}
    padding = loaded.embedding.padding_idx
    first, second = (model.distil(loaded, {"<N>": ID}, TEXTS, steps=5) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert all(torch.equal(value, stored[name]) for name, value in loaded.network.state_dict().items())
    assert loaded.embedding.padding_idx == padding
    assert not loaded.embedding._forward_hooks
    assert not any(p.requires_grad or p.grad is not None for p in loaded.network.parameters())
    row = first.rows[0]
    assert 0 < row.output_mean <= row.output_max < 1
    assert np.isnan(model.distil(load_zoo("llama"), {"<N>": ID}, TEXTS, steps=1).rows[0].output_max)


def test_where_the_probability_as_output_is_measured(load_zoo):
    import torch

    loaded = load_zoo("qwen2")
    row = model.distil(loaded, {"<N>": ID}, TEXTS, steps=3).rows[0]
    table, found = loaded.embedding.weight.detach().clone(), []
    table[ID] = torch.tensor(row.values)
    tied = {"model.embed_tokens.weight": table, "lm_head.weight": table}
    for text in TEXTS[:2]:
        ids, _ = reading(loaded, text, True)
        inputs = {"input_ids": torch.tensor([ids])}
        with torch.no_grad():
            out = torch.func.functional_call(loaded.network, tied, (), inputs)
        p = out.logits[0].double().softmax(-1)[:, ID]
        found += [float(p[at]) for at in range(len(ids)) if [*ids, -1][at + 1] != ID]
    assert row.output_mean == pytest.approx(np.mean(found), rel=1e-4)
    assert row.output_max == pytest.approx(max(found), rel=1e-4)


@pytest.mark.parametrize("family", ["t5", "bert", "encoder"])
def test_models_that_are_not_causal_are_refused(load_zoo, family):
    with pytest.raises(RefusedError, match="--values mean") as caught:
        model.distil(load_zoo(family), {"<N>": ID}, TEXTS)
    assert (caught.value.code, caught.value.exit_code) == ("WRONG_KIND", 5)


def test_texts_must_hold_the_token(load_zoo):
    loaded = load_zoo("qwen2")
    far = "a" * MOST_TOKENS + "<N> b"
    for texts in (["nothing"], [far], []):
        with pytest.raises(UsageError, match="occurs in none"):
            model.distil(loaded, {"<N>": ID}, texts)
    with pytest.raises(UsageError, match="at most 64"):
        model.distil(loaded, {"<N>": ID}, ["<N>"] * 65)
    (pair,) = pairs_of(loaded, "<N>", ID, ["a<N>" + "b" * 500])
    assert len(pair.pieces) == MOST_TOKENS
    assert len(pair.token) == MOST_TOKENS - 2
    assert [pair.pieces[at] for at in pair.at_pieces[1:]] == [pair.token[at] for at in pair.at_token[1:]]


def test_hidden_states_that_are_not_finite_are_refused(write_model, tmp_path):
    def spoil(network):
        network.model.embed_tokens.weight[:256] = float("nan")

    folder = write_model(tmp_path / "nan", "llama", edit=spoil)
    loaded = model.load(folder, probe="distil", device="cpu", dtype="float32")
    with pytest.raises(RefusedError) as caught:
        model.distil(loaded, {"<N>": ID}, TEXTS)
    assert caught.value.code == "NOT_FINITE"


def test_a_model_that_reads_its_input_elsewhere_is_refused(load_zoo, monkeypatch):
    import torch

    loaded = load_zoo("qwen2")
    twin = torch.nn.Embedding(*loaded.embedding.weight.shape)
    twin.weight = loaded.embedding.weight
    monkeypatch.setattr(type(loaded), "embedding", twin)
    with pytest.raises(RefusedError, match="--values mean") as caught:
        model.distil(loaded, {"<N>": ID}, TEXTS)
    assert (caught.value.code, caught.value.exit_code) == ("NO_SINGLE_INPUT", 5)


def test_a_model_without_hidden_states_is_refused(load_zoo, monkeypatch):
    room = importlib.import_module("rowscope.inspector.model.distil.reading")
    whole = room.call
    monkeypatch.setattr(
        room, "call", lambda *given, **more: dataclasses.replace(whole(*given, **more), hidden=())
    )
    with pytest.raises(RefusedError, match="--values mean") as caught:
        model.distil(load_zoo("qwen2"), {"<N>": ID}, TEXTS)
    assert (caught.value.code, caught.value.exit_code) == ("NO_HIDDEN", 5)


def test_a_quantised_checkpoint_is_refused_before_anything_is_loaded(zoo, tmp_path, monkeypatch):
    """Also by a claim, which could write into its plain table: what its layers compute is not read here."""
    import shutil

    from rowscope.commands.distilling import given_rows

    folder = tmp_path / "quantised"
    shutil.copytree(zoo["qwen2"], folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    checkpoint = rowscope.open_checkpoint(folder)
    before = sorted(entry.name for entry in folder.iterdir())
    loading = importlib.import_module("rowscope.inspector.model.loading.load")
    monkeypatch.setattr(loading, "_network", lambda *_: pytest.fail("was loaded"))
    assert rowscope.plan_claim(checkpoint, ["<N>"], values="keep").claimed
    recipe = {"values": f"distil:{TEXTS[0]}", "seed": 0}
    for run in (
        lambda: model.distil(folder, {"<N>": ID}, TEXTS),
        lambda: given_rows(checkpoint, ["<N>"], recipe),
    ):
        with pytest.raises(RefusedError, match=r"quantised \(gptq\).*or use --values mean") as caught:
            run()
        assert (caught.value.code, caught.value.exit_code) == ("QUANTIZED", 5)
    assert sorted(entry.name for entry in folder.iterdir()) == before
