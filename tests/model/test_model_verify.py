"""The verify probe: its numbers against plain calls of transformers, what follows from them, resuming."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.verify import ask
from rowscope.inspector.model.verify.ask import Asker
from rowscope.inspector.model.verify.questions import PROMPTS

IDS = (40, 41, 70, 262, 280)
CAUSAL = ("qwen2", "qwen3", "llama", "gpt2", "gemma3", "gpt_neox", "mixtral", "mamba", "llava")


def plain(loaded, text, id, mask=None):
    """The next-token distribution behind a text in which {} is the id, by one call for one sequence."""
    import torch

    encode = loaded.tokenizer
    pieces = text.split("{}")[:-1]
    ids = encode("")["input_ids"][:1] if mask else []
    for number, piece in enumerate(pieces):
        ids += encode(piece, add_special_tokens=False)["input_ids"]
        if number < len(pieces) - 1:
            ids.append(id)
    with torch.no_grad():
        return loaded.network(torch.tensor([ids])).logits[0, -1].double().softmax(-1)


@pytest.mark.parametrize("family", CAUSAL)
def test_numbers_are_those_of_whole_sequences(write_model, tmp_path, family):
    loaded = model.load(write_model(tmp_path / family, family), probe="verify", device="cpu", dtype="float32")
    result = model.verify(loaded, ids=IDS, controls=0)
    texts = {asked.name: asked.text for asked in result.asked}
    for id in IDS:
        found = result.find(id).measured
        for name, p in found.p.items():
            assert p == pytest.approx(float(plain(loaded, texts[name], id)[id]), rel=2e-4)
        for name, p in found.second.items():
            assert p == pytest.approx(float(plain(loaded, texts[name], id)[id]), rel=2e-4)
            before = texts[name].split("{}")[0] + "{}"
            assert found.first[name] == pytest.approx(float(plain(loaded, before, id)[id]), rel=2e-4)
    assert any("read whole" in note for note in result.notes) == (family == "mamba")  # has no keys to keep


def test_a_decoder_writes_the_answer(load_zoo):
    import torch

    loaded = load_zoo("t5")
    copied = PROMPTS[0]
    result = model.verify(loaded, ids=IDS, controls=0)
    encode = loaded.tokenizer

    def pieces(parts, id):
        return [
            token
            for part in parts
            for token in ([id] if part is None else encode(part, add_special_tokens=False)["input_ids"])
        ]

    for id in IDS:
        read = [*pieces(copied.reads, id), 258]
        written = [256, *pieces(copied.writes, id)]
        with torch.no_grad():
            logits = loaded.network(
                input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([written])
            ).logits
        p = logits[0, -1].double().softmax(-1)[id]
        assert result.find(id).measured.p["copy"] == pytest.approx(float(p), rel=2e-4)


def test_a_masked_model_fills_the_gap(load_zoo):
    import torch

    loaded = load_zoo("bert")
    result = model.verify(loaded, ids=IDS, controls=0)
    encode = loaded.tokenizer
    for id in IDS:
        ids = [259]  # [CLS]
        for part in ("A line of a program:\n", "x = [", None, "] + ["):
            ids += [id] if part is None else encode(part, add_special_tokens=False)["input_ids"]
        at = len(ids)
        ids += [261, *encode("]", add_special_tokens=False)["input_ids"], 260]  # [MASK] ] [SEP]
        with torch.no_grad():
            p = loaded.network(torch.tensor([ids])).logits[0, at].double().softmax(-1)[id]
        assert result.find(id).measured.second["list"] == pytest.approx(float(p), rel=2e-4)


def test_a_state_that_is_not_the_models_is_not_used(load_zoo, monkeypatch):
    loaded = load_zoo("qwen2")
    right = model.verify(loaded, ids=IDS, controls=0)

    def broken(state):
        copied = copy_of(state)
        for layer in copied.layers:
            layer.values.mul_(3.0)
        return copied

    copy_of = ask.copy.deepcopy
    monkeypatch.setattr(ask.copy, "deepcopy", broken)
    found = model.verify(loaded, ids=IDS, controls=0)
    assert any("read whole (sentence, list, copy, explain, repeat)" in note for note in found.notes)
    for id in IDS:
        assert found.find(id).measured.p == pytest.approx(right.find(id).measured.p, rel=2e-4)


def test_a_model_that_keeps_no_state_is_asked_whole(tmp_path):
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.MambaConfig(vocab_size=64, hidden_size=16, state_size=4, num_hidden_layers=2)
    network = transformers.MambaForCausalLM(config).eval()
    loaded = type("Loaded", (), {"network": network, "kind": "causal", "device": "cpu", "dtype": "float32"})()
    loaded.output_rows, loaded.embedding = 64, network.get_input_embeddings()
    form = make_form_of((1, 2, 3), (4, 5))
    ids = np.array([7, 8, 9])
    with torch.no_grad():
        found = Asker(loaded).ask("any", form, ids)
        for at, id in enumerate(ids.tolist()):
            logits = network(torch.tensor([[1, 2, 3, id, 4, 5]])).logits[0, -1]
            assert torch.allclose(found[at], logits.double().log_softmax(-1), atol=1e-4)


def make_form_of(before, after):
    from rowscope.inspector.model.verify.forms import Form

    whole = (*before, None, *after)
    return Form(whole, (), len(whole) - 1)


def test_on_demo_tokens_never_seen_are_verified_and_frequent_ones_are_known(demo, training_counts):
    """The demo follows no instruction: its carriers decide. Counts of its training are the truth."""
    never = np.flatnonzero(training_counts == 0)
    often = np.flatnonzero(training_counts >= 100)[::12]
    result = model.verify(demo, ids=[*never, *often], controls=60)
    assert result.ability.decided_by == "carriers"
    states = {token.id: token.state for token in result.tokens}
    assert np.mean([states[id] == "verified" for id in never]) >= 0.95
    assert np.mean([states[id] == "verified" for id in often]) <= 0.05


@pytest.fixture(scope="module")
def training_counts():
    from pathlib import Path

    folder = Path(__file__).parents[2] / "examples" / "tiny_qwen2"
    counts = json.loads((folder / "training_counts.json").read_text("utf-8"))["input_counts"]
    return np.array([*counts, *[0] * (4096 - len(counts))])


def test_what_is_asked_by_default(demo):
    result = model.verify(demo, controls=20)
    reasons = {why: [t for t in result.tokens if t.why == why] for why in ("untrained", "special", "control")}
    assert {t.id for t in reasons["untrained"]} >= set(range(4008, 4096))
    assert [t.id for t in reasons["special"]] == [4000, 4001, 4002]
    assert len(reasons["control"]) == 20
    assert sum(row.tokens for row in result.agreement) == len(result.tokens)
    assert set(result.disagreements) == {t.id for t in result.tokens if t.agrees is False}


def test_a_model_that_knows_nothing_cannot_tell(load_zoo):
    result = model.verify(load_zoo("llama"), controls=40)
    assert result.ability.decided_by is None
    assert {token.state for token in result.tokens} == {"untold"}
    assert not result.disagreements


def test_two_runs_give_the_same_json(demo):
    first, second = (model.verify(demo, controls=10, seed=3).to_dict() for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)


def test_a_run_goes_on_where_another_was_stopped(demo, tmp_path):
    file = tmp_path / "run.jsonl"

    def stop(stage, done, total):
        if done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.verify(demo, controls=10, resume=str(file), progress=stop)
    lines = file.read_text("utf-8").splitlines()
    assert 60 < len(lines) < 200
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jsonl"]
    steps = []
    resumed = model.verify(demo, controls=10, resume=str(file), progress=lambda *step: steps.append(step))
    assert resumed.to_dict() == model.verify(demo, controls=10).to_dict()
    assert len(file.read_text("utf-8").splitlines()) == 1 + len(resumed.tokens) == 1 + steps[-1][2]
    with pytest.raises(RefusedError, match="another run: model was"):
        model.verify(changed(demo), controls=10, resume=str(file))


def changed(loaded):
    import copy
    import dataclasses

    import torch

    network = copy.deepcopy(loaded.network)
    with torch.no_grad():
        network.model.layers[1].mlp.down_proj.weight[0, 0] += 1
    return dataclasses.replace(loaded, network=network)


@pytest.mark.parametrize("text", ["{}\n", "no json\n", '{"a": 1}\n[]\n', "\xff"])
def test_another_file_is_not_overwritten(demo, tmp_path, text):
    file = tmp_path / "notes.txt"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="--resume"):
        model.verify(demo, ids=[5], controls=0, resume=str(file))
    assert file.read_bytes() == text.encode("latin-1")
