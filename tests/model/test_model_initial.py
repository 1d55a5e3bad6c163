"""`probe train --values`: the rows are those of a claim, the losses those of an oracle from there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import UsageError
from rowscope.inspector.model.train.ordinary import HELD_OUT
from rowscope.inspector.model.train.task import batches, make_task

pytest.importorskip("torch", reason="extra model")
from . import oracle

DISTIL = "distil:It costs <NUM> 12."
RECIPES = ("mean", "normal", "text:number", DISTIL, "like:a", "keep")
STEPS, BATCH, RATE, SEED = 3, 4, 1e-3, 3


def recipes(values=RECIPES):
    return [word for each in values for word in ("--values", each)]


@pytest.fixture(scope="module")
def folders(write_model, tmp_path_factory):
    """Tied and untied models whose used rows look trained: reserved ones hold one short vector."""
    import torch

    def teach(network):
        for weight in tables(network).values():
            scale = torch.rand(262, 1) + 0.5
            weight[:262] = scale * torch.randn(262, 32) / 5 + torch.randn(32) / 5
            weight[262:] = torch.randn(32) / 50

    root = tmp_path_factory.mktemp("taught")
    return {family: write_model(root / family, family, edit=teach) for family in ("qwen2", "llama")}


@pytest.fixture
def network_of(run, folders, tmp_path):
    """The checkpoint that `claim --values` writes, as transformers loads it, and the claimed id."""
    import transformers

    def make(family, values):
        out = tmp_path / "out"
        words = ["claim", folders[family], "<NUM>", "--values", values, "--seed", SEED, "--out", out]
        code, text, err = run(*words, "--format", "json")
        assert code == 0, err
        claimed = json.loads(text)["tokens"][0]["id"]
        return transformers.AutoModelForCausalLM.from_pretrained(out, dtype="float32").eval(), claimed

    return make


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def compared(request, folders):
    """A family, its loaded model, the rows by recipe, and the probe's result."""
    from rowscope.commands.starting import plan_initial_rows

    loaded = model.load(folders[request.param], probe="train", device="cpu", dtype="float32")
    rows = plan_initial_rows(str(folders[request.param]), RECIPES, SEED)(loaded)
    settings = {"steps": STEPS, "batch": BATCH, "learning_rate": RATE, "seed": SEED}
    result = model.train(loaded, variants=("token-only",), values=rows, **settings)
    return request.param, loaded, {row.values: row for row in rows}, result


def tables(network):
    both = network.get_input_embeddings().weight, network.get_output_embeddings().weight
    return {"both": both[0]} if both[0] is both[1] else dict(zip(("input", "output"), both, strict=True))


@pytest.mark.parametrize("values", RECIPES)
def test_rows_are_those_of_a_claim_and_losses_those_of_the_oracle(compared, network_of, values):
    family, loaded, rows, result = compared
    if values == "keep":
        import copy

        network = copy.deepcopy(loaded.network)
    else:
        network, claimed = network_of(family, values)
        for role, weight in tables(network).items():
            np.testing.assert_array_equal(weight[claimed].detach().numpy(), rows[values].of_role(role))
        for weight in tables(network).values():
            weight.data[result.id] = weight.data[claimed]
    task = make_task(model.load(loaded, probe="train", seed=SEED), result.id)
    held_out = [oracle.every_next([*item.context, *item.continuation]) for item in task.held_out]
    before = float(oracle.mean_loss(network, held_out).detach())
    lesson = [
        [oracle.every_next([*i.context, *i.continuation]) for i in b]
        for b in batches(task, BATCH, STEPS, SEED)
    ]

    def only_slot(gradient):
        kept = gradient * 0
        kept[result.id] = gradient[result.id]
        return kept

    chosen = list(tables(network).values())
    losses = oracle.adamw(
        chosen, lambda at: oracle.mean_loss(network, lesson[at]), STEPS, RATE, 0.0, keep=only_slot
    )
    found = next(one for one in result.values if one.values == values)
    assert (found.loss_first, found.loss_last) == pytest.approx((losses[0], losses[-1]), rel=1e-4)
    after = float(oracle.mean_loss(network, held_out).detach())
    assert (found.loss_before, found.loss_after) == pytest.approx((before, after), rel=1e-4)
    due = [oracle.masses(network, list(i.context), [result.id], 1.0)[-1] for i in task.held_out if i.counted]
    assert found.after.where_due == pytest.approx(float(np.mean(due)), rel=1e-3)
    texts = [oracle.every_next(loaded.tokenizer(text)["input_ids"][:96]) for text in HELD_OUT]
    assert found.after.text_loss == pytest.approx(float(oracle.mean_loss(network, texts).detach()), rel=1e-4)


def test_the_weights_are_as_they_were_and_rows_differ(compared, folders):
    import transformers

    family, loaded, rows, result = compared
    stored = transformers.AutoModelForCausalLM.from_pretrained(folders[family], dtype="float32")
    for role, weight in tables(stored).items():
        assert bool((tables(loaded.network)[role] == weight).all())
    assert len({one.loss_before for one in result.values}) == len(RECIPES)
    assert [one.values for one in result.values] == list(RECIPES)
    assert rows["keep"].rows == {}


def test_from_the_command_line_twice(run, folders):
    words = ["probe", "train", folders["qwen2"], "--steps", "2", "--batch", "2", "--learning-rate", "1e-3"]
    runs = [run(*words, *recipes(("mean", DISTIL, "mean")), "--format", "json") for _ in range(2)]
    assert [code for code, *_ in runs] == [0, 0], runs
    assert runs[0][1] == runs[1][1]
    results = json.loads(runs[0][1])["results"]
    assert [(one["values"], one["variant"]) for one in results["values"]] == [
        ("mean", "token-only"),
        (DISTIL, "token-only"),
    ]
    assert [one["name"] for one in results["variants"]] == ["token-only"]
    code, out, _ = run(*words, *recipes(("mean", "normal")), "--variant", "full", "--variant", "token-only")
    assert code == 0
    assert "initial values" in out
    assert out.count("normal  ") == 2


def test_without_the_option_there_are_none(load_zoo):
    found = model.train(load_zoo("qwen2"), steps=1, learning_rate=1e-3, variants=("token-only",))
    assert found.values == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("nonsense", "write mean, like:TOKEN"),
        ("distil:", "distil:TEXT or distil:@FILE"),
        ("distil:no token here", "occurs in none"),
        ("distil:@nowhere.txt", "cannot read 'nowhere.txt'"),
        ("like:no such token", "no token is spelled so"),
    ],
)
def test_values_that_will_not_do(run, zoo, values, words):
    code, _, err = run("probe", "train", str(zoo["qwen2"]), "--values", values)
    assert code == 2
    assert words in " ".join(err.split())


@pytest.mark.parametrize("command", [("probe", "train"), ("study", "--model")])
def test_texts_without_the_token_are_refused_before_the_model_is_loaded(run, zoo, monkeypatch, command):
    from transformers import PreTrainedModel

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", lambda *_, **__: pytest.fail("was loaded"))
    code, _, err = run(*command, str(zoo["qwen2"]), "--values", "distil:no token here")
    assert code == 2
    assert "'<NUM>' occurs in none of the texts" in " ".join(err.split())


@pytest.mark.parametrize(("family", "words"), [("t5", "no causal model"), ("bert", "masked")])
def test_models_that_cannot(run, zoo, family, words):
    code, _, err = run("probe", "train", str(zoo[family]), "--values", DISTIL)
    assert code == 5
    assert words in " ".join(err.split())


def test_a_row_of_another_width_is_refused(load_zoo):
    row = model.InitialRow("mine", "made up", {"both": np.zeros(7)})
    with pytest.raises(UsageError, match="32 columns"):
        model.train(load_zoo("qwen2"), values=[row], variants=("token-only",))
