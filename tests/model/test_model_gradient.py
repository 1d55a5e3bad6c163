"""The gradient probe against a plain backward pass, and the study's figures explained."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.gradient import decompose

FAMILIES = ["qwen2", "llama", "gpt2", "gemma3", "gpt_neox", "t5", "bert"]


@pytest.fixture(scope="module")
def result(demo):
    return model.gradient(demo)


def plain_gradient(loaded, inputs, labels):
    """Gradient [V, d] of the model's own loss for each matrix (one for tied ones), by plain autograd."""
    import torch

    matrices = [loaded.embedding.weight]
    if not loaded.tied:
        matrices.append(loaded.head.weight)
    loaded.network.requires_grad_(True)
    loss = loaded.network(torch.tensor([inputs]), labels=torch.tensor([labels])).loss
    found = [g.double().numpy() for g in torch.autograd.grad(loss, matrices)]
    loaded.network.requires_grad_(False)
    return float(loss.detach()), found


def check_group(group, rows):
    assert group.rows == len(rows)
    assert group.nonzero == np.count_nonzero(rows)
    assert group.nonzero_rows == np.count_nonzero(rows.any(axis=1))
    assert group.all_zero == (not rows.any())
    assert group.mean == pytest.approx(rows.mean(), rel=1e-3, abs=1e-9)
    assert group.std == pytest.approx(rows.std(ddof=1), rel=1e-4)
    norms = np.linalg.norm(rows, axis=1)
    assert group.norm_max == pytest.approx(norms.max(), rel=1e-4)
    assert group.norm_median == pytest.approx(np.median(norms), rel=1e-3, abs=1e-12)
    assert group.norm_total == pytest.approx(np.linalg.norm(rows), rel=1e-4)


def test_the_study_s_setting_is_what_transformers_computes(demo, result):
    study = result.find("study")
    assert study.inputs == (1, 2, 3)
    assert study.targets == (3, 4008, -1)
    loss, (expected,) = plain_gradient(demo, [1, 2, 3], [2, 3, 4008])
    assert study.loss == pytest.approx(loss, rel=1e-6)
    assert study.loss_of_transformers == pytest.approx(loss, rel=1e-6)
    whole = study.find("all", "both")
    check_group(whole.find("used"), expected[:4008])
    check_group(whole.find("reserved"), expected[4008:])
    for row in whole.rows:
        assert row.norm == pytest.approx(np.linalg.norm(expected[row.id]), rel=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt_neox", "gpt2"])
def test_whole_gradients_of_other_families(load_zoo, family):
    loaded = load_zoo(family)
    study = model.gradient(loaded).find("study")
    _, expected = plain_gradient(loaded, [1, 2, 3], [2, 3, study.target])
    paths = ["both"] if loaded.tied else ["input", "output"]
    for path, rows in zip(paths, expected, strict=True):
        check_group(study.find("all", path).find("reserved"), rows[262:])
        check_group(study.find("all", path).find("used"), rows[:262])


def test_the_target_s_row_carries_the_norm_and_the_others_the_softmax(demo, result):
    import torch

    study = result.find("study")
    part = study.find("all", "both")
    target, reserved, others = (part.find(name) for name in ("target", "reserved", "others"))
    assert target.norm_total**2 / reserved.norm_total**2 > 0.9999
    # Half of (p - 1) h at its position, and of p h at the other.
    with torch.no_grad():
        found = demo.network(torch.tensor([[1, 2, 3]]), output_hidden_states=True)
    p = found.logits[0].double().softmax(-1).numpy()
    h = found.hidden_states[-1][0].double().numpy()
    expected = ((p[1, 4008] - 1) * h[1] + p[0, 4008] * h[0]) / 2
    assert target.norm_total == pytest.approx(np.linalg.norm(expected), rel=1e-5)
    rows = (p[0, 4009:, None] * h[0] + p[1, 4009:, None] * h[1]) / 2
    assert others.norm_total == pytest.approx(np.linalg.norm(rows), rel=1e-4)
    assert others.pairwise_cosine > 0.99
    assert study.agreement.target_coefficient == pytest.approx((p[1, 4008] - 1 + p[0, 4008]) / 2)
    assert study.agreement.other_coefficient == pytest.approx(np.median(p[:2, 4009:].sum(0) / 2))
    assert study.agreement.hidden_norm == pytest.approx(np.linalg.norm(h[1]), rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_add_up_and_agree_with_theory(load_zoo, family):
    loaded = load_zoo(family)
    result = model.gradient(loaded)
    json.dumps(result.to_dict(), allow_nan=False)
    for experiment in result.experiments:
        assert experiment.closure < 1e-5
        assert experiment.agreement.max_error < 1e-5
        assert experiment.agreement.post_processed == (family == "gemma3")
        assert experiment.loss == pytest.approx(experiment.loss_of_transformers, rel=1e-5)
        for path in ("input", "output"):
            parts = [part for part in experiment.parts if part.path == path]
            assert sum(part.positions for part in parts) == experiment.find("all", path).positions
            assert sum(part.loss for part in parts) == pytest.approx(experiment.loss, rel=1e-5)
            for part in parts:
                others = part.find("others")
                assert others.all_zero == (path == "input")
    names = {part.part for part in result.find("carrier").parts}
    assert {"reserved target", "reserved input"} <= names
    assert ("ordinary text" in names) == (loaded.kind == "causal")


@pytest.mark.parametrize(
    ("family", "targets"), [("qwen2", (3, 262, -1)), ("t5", (2, 3, 262)), ("bert", (2, 3, 262))]
)
def test_labels_are_shifted_in_causal_models_alone(load_zoo, family, targets):
    assert model.gradient(load_zoo(family)).find("study").targets == targets


def test_only_the_matrices_get_gradients_and_nothing_is_left_behind(load_zoo):
    for family in ("qwen2", "llama"):
        loaded = load_zoo(family)
        tied = loaded.tied
        with decompose.only_matrices(loaded, untied=True) as (source, target):
            wanting = [p for p in loaded.network.parameters() if p.requires_grad]
            assert {id(p) for p in wanting} == {id(source), id(target)}
            assert source is not target
            assert target.data_ptr() == source.data_ptr() or not tied
        model.gradient(loaded)
        assert loaded.tied == tied
        assert not any(p.requires_grad or p.grad is not None for p in loaded.network.parameters())


def test_parts_that_do_not_add_up_are_refused(load_zoo, monkeypatch):
    monkeypatch.setattr(decompose, "PARTS", ("ordinary text",))
    with pytest.raises(RefusedError, match="miss the whole") as caught:
        model.gradient(load_zoo("qwen2"))
    assert caught.value.code == "NOT_ADDITIVE"


def test_a_gradient_that_is_not_finite_is_reported(write_model, tmp_path):
    def spoil(network):
        network.get_input_embeddings().weight[2] = float("nan")

    result = model.gradient(write_model(tmp_path / "nan", "llama", edit=spoil))
    assert any("not finite" in note for note in result.notes)
    assert (
        json.loads(json.dumps(result.to_dict(), allow_nan=False))["results"]["experiments"][0]["loss"] is None
    )


def test_own_target_and_inputs(load_zoo):
    study = model.gradient(load_zoo("gpt2"), inputs=(5, 6), target=280).find("study")
    assert (study.inputs, study.targets, study.target) == ((5, 6), (280, -1), 280)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": 288}, "ids? from 0 to 287"),
        ({"inputs": (1,)}, "at least two"),
        ({"inputs": (1, 900)}, "900 has no row"),
        ({"ids": [400]}, "400 is no row"),
        ({"ids": []}, "no id given"),
    ],
)
def test_wrong_ids(load_zoo, options, words):
    with pytest.raises(UsageError, match=words):
        model.gradient(load_zoo("gpt2"), **options)


def test_headless_models_are_refused(load_zoo):
    with pytest.raises(RefusedError, match="no output over the vocabulary") as caught:
        model.gradient(load_zoo("encoder"))
    assert (caught.value.code, caught.value.exit_code) == ("WRONG_KIND", 5)
