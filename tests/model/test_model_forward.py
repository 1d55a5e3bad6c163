"""The forward probe against plain calls of transformers and formulas written out in numpy."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.model.loading.frames import frames


@pytest.fixture(scope="module")
def result(demo):
    return model.forward(demo)


def plain_call(loaded, ids):
    """Logits [n, positions, vocabulary] and hidden states [layers][n, tokens, d] in float64."""
    import torch

    with torch.no_grad():
        found = loaded.network(torch.tensor(np.atleast_2d(ids)), output_hidden_states=True)
    return found.logits.double().numpy(), [state.double().numpy() for state in found.hidden_states]


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def entropy(p):
    return -(p * np.log(p)).sum(-1)


def test_first_five_are_the_original_call(demo, result):
    first = result.first_five
    assert first.ids == (4008, 4009, 4010, 4011, 4012)
    logits, _ = plain_call(demo, [first.ids])
    assert first.logits_shape == logits.shape == (1, 5, 4096)
    assert first.finite
    last = logits[0, -1]
    mine, used = last[4008:], last[demo.subject.trained]
    assert first.logits.mean == pytest.approx(mine.mean())
    assert first.logits.std == pytest.approx(mine.std(ddof=1))
    assert (first.logits.min, first.logits.max) == (mine.min(), mine.max())
    assert first.logits.best_rank == 1 + (last > mine.max()).sum()
    assert first.logits.used_mean == pytest.approx(used.mean())
    assert first.logits.used_std == pytest.approx(used.std(ddof=1))
    below = [(used < value).mean() + (used == value).mean() / 2 for value in mine]
    assert first.logits.percentile == pytest.approx(100 * np.mean(below))
    assert first.logits.mass == pytest.approx(softmax(last)[4008:].sum())
    assert first.entropy == pytest.approx(entropy(softmax(last)))


@pytest.mark.parametrize("frame", [0, 1], ids=["alone", "carrier"])
def test_each_id_by_itself(demo, result, frame):
    place = frames(demo)[frame]
    group = result.find("reserved", place.name)
    logits, states = plain_call(demo, place.fill(demo.subject.ids))
    last = logits[:, -1]
    p = softmax(last)
    assert group.inputs == 88
    assert group.nonfinite == 0
    assert group.logits.mean == pytest.approx(last[:, 4008:].mean(), rel=1e-4)
    assert group.logits.spread == pytest.approx(last[:, 4008:].std(axis=1, ddof=1).mean(), rel=1e-4)
    assert group.entropy.mean == pytest.approx(entropy(p).mean(), rel=1e-5)
    nats = entropy(p.mean(0)) - entropy(p).mean()
    assert group.divergence.js_nats == pytest.approx(nats, rel=1e-3, abs=1e-7)
    assert group.divergence.effective_outputs == pytest.approx(np.exp(nats), rel=1e-5)
    assert group.divergence.max_total_variation == pytest.approx(np.abs(p - p[0]).sum(1).max() / 2, rel=1e-3)
    commonest = np.bincount(last.argmax(1)).max() / 88
    assert group.divergence.same_top == pytest.approx(commonest)
    norms = [np.linalg.norm(state[:, place.slot], axis=1) for state in states]
    for layer, expected in zip(group.layers, norms, strict=True):
        assert layer.mean == pytest.approx(expected.mean(), rel=1e-5)
        assert layer.max == pytest.approx(expected.max(), rel=1e-5)
    unit = states[-1][:, place.slot] / norms[-1][:, None]
    pairs = [unit[a] @ unit[b] for a, b in itertools.combinations(range(88), 2)]
    assert group.divergence.hidden_cosine == pytest.approx(np.mean(pairs), rel=1e-5)


def test_reserved_ids_are_one_token_to_the_demo_and_used_ones_are_not(result):
    reserved, used = result.find("reserved", "alone"), result.find("used", "alone")
    assert reserved.divergence.effective_outputs < 1.1
    assert used.divergence.effective_outputs > 3
    special = result.find("untrained_special", "alone")
    assert special.inputs == 5
    assert special.divergence.hidden_cosine > 0.98


def test_exact_copies_give_exactly_one_output(write_model, reserved, tmp_path):
    def copy_rows(network):
        network.get_input_embeddings().weight[reserved] = 0.3

    folder = write_model(tmp_path / "copies", "llama", edit=copy_rows)
    group = model.forward(folder).find("reserved", "alone")
    assert group.divergence.js_nats == pytest.approx(0, abs=1e-9)
    assert group.divergence.hidden_cosine == pytest.approx(1)
    assert group.divergence.same_top == 1


def test_a_nan_row_is_counted_and_spoils_no_mean(write_model, reserved, tmp_path):
    def spoil(network):
        network.get_input_embeddings().weight[reserved[3]] = float("nan")

    folder = write_model(tmp_path / "nan", "gpt_neox", edit=spoil)
    result = model.forward(folder)
    assert not result.first_five.finite
    for frame in ("alone", "carrier"):
        group = result.find("reserved", frame)
        assert group.nonfinite == 1
        assert group.divergence.inputs == len(reserved) - 1
        assert np.isfinite(group.logits.mean)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["results"]["first_five"]["logits"] is None


@pytest.mark.parametrize("family", ["qwen2", "llama", "gpt2", "gemma3", "gpt_neox", "t5", "bert", "encoder"])
def test_every_family(load_zoo, family, reserved):
    loaded = load_zoo(family)
    result = model.forward(loaded)
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert data["schema_version"] == "1"
    assert data["probe"] == "forward"
    assert data["settings"]["subject"] == {
        "kind": "reserved",
        "count": len(reserved),
        "ranges": [[reserved[0], reserved[-1] + 1]],
    }
    for group in result.groups:
        assert group.nonfinite == 0
        assert len(group.layers) == 3
        assert (group.logits is None) == (family == "encoder")
        if group.logits is not None:
            assert group.logits_shape[-1] == 288
            assert 1 <= group.logits.best_rank <= 288
            assert 0 < group.entropy.mean <= result.max_entropy
    assert result.first_five.ids == tuple(reserved[:5])


def test_masked_models_are_read_at_the_mask(load_zoo):
    loaded = load_zoo("bert")
    for frame in frames(loaded):
        assert frame.ids[frame.read] == loaded.tokenizer.mask_token_id
        assert frame.ids[0] == loaded.tokenizer.cls_token_id
        assert frame.ids[-1] == loaded.tokenizer.sep_token_id
        assert frame.slot < frame.read


def test_encoder_decoders_start_with_their_start_token(load_zoo):
    import torch

    loaded = load_zoo("t5")
    first = model.forward(loaded).first_five
    ids = torch.tensor([first.ids])
    with torch.no_grad():
        logits = loaded.network(ids, decoder_input_ids=torch.tensor([[256]])).logits
    assert first.logits_shape == (1, 1, 288)
    assert first.logits.mean == pytest.approx(float(logits[0, 0, 262:].mean()), rel=1e-5)


def test_given_ids_and_limit(load_zoo):
    result = model.forward(load_zoo("qwen2"), ids=range(10, 30), limit=4)
    assert result.settings.subject.kind == "given"
    assert result.settings.subject.ranges == ((10, 30),)
    assert {group.group for group in result.groups} == {"given", "used"}
    assert {group.inputs for group in result.groups} == {4}
    assert any("evenly spread" in note for note in result.notes)


def test_the_same_seed_gives_the_same_result_and_another_another_sample(demo, result):
    assert model.forward(demo).to_dict() == result.to_dict()
    other = model.forward(demo, seed=1)
    assert other.find("used", "alone").entropy != result.find("used", "alone").entropy


def test_progress_ends_at_its_total(load_zoo):
    seen = []
    model.forward(load_zoo("gpt2"), progress=lambda *step: seen.append(step))
    assert {stage for stage, _, _ in seen} == {"forward"}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1][1] == seen[-1][2]
