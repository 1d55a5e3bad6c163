"""Policy-gradient steps against autograd and torch's optimisers, from the formula and not from rowscope."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.policy.advice import advise_policy
from rowscope.inspector.model.policy.results import MASKS, measured_steps
from rowscope.inspector.render.probe.text import render_probe

PROMPTS = (model.Prompt("code", "def f(x):"), model.Prompt("one", "a"), model.Prompt("short", "ab c"))
FAMILIES = ("qwen2", "llama", "gpt2", "gemma3", "gpt_neox", "t5")
TEMPERATURES = (0.7, 1.0, 3.0)
NEW = 6


@pytest.fixture(scope="module")
def oracle():
    from . import oracle

    return oracle


def encoded(loaded):
    return [loaded.tokenizer(prompt.text)["input_ids"] for prompt in PROMPTS]


def draw(loaded, masked):
    """The text again, from whole passes in torch: (read, decoder, drawn, first position) of each prompt."""
    import torch

    ends = {258, *loaded.subject.ids.tolist()}
    found = []
    for number, ids in enumerate(encoded(loaded)):
        rng, drawn = np.random.default_rng((loaded.seed, number)), []
        while len(drawn) < NEW and not ends & set(drawn):
            inputs = {"input_ids": torch.tensor([ids if loaded.kind == "seq2seq" else ids + drawn])}
            if loaded.kind == "seq2seq":
                inputs["decoder_input_ids"] = torch.tensor([[256, *drawn]])
            with torch.no_grad():
                logits = loaded.network(**inputs).logits[0, -1].double()
            if masked:
                logits[loaded.subject.ids.tolist()] = -math.inf
            reach = logits.softmax(-1).numpy().cumsum()
            drawn.append(int(np.searchsorted(reach, rng.random() * reach[-1], side="right")))
        if loaded.kind == "seq2seq":
            found.append((ids, [256, *drawn[:-1]], drawn, 0))
        else:
            found.append((ids + drawn[:-1], None, drawn, len(ids) - 1))
    return found


def places(loaded, texts):
    """Scope and (ids, decoder, positions) of everything that is measured."""
    found = []
    for ids in encoded(loaded):
        if loaded.kind == "seq2seq":
            found.append(("prompts", (ids, [256, *ids[:-1]], slice(None))))
        else:
            found += [("first", (ids, None, slice(0, 1))), ("prompts", (ids, None, slice(1, None)))]
    return found + [
        ("rollouts", (ids, decoder, slice(at, at + len(drawn)))) for ids, decoder, drawn, at in texts
    ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_equals_autograd(load_zoo, oracle, family, optimizer):
    import torch

    loaded = load_zoo(family)
    options = model.Policy(3, {"sgd": 0.2, "adamw": 1e-3}[optimizer], -1.5, optimizer)
    result = model.leak(
        loaded, prompts=PROMPTS, temperatures=TEMPERATURES, rollout_tokens=NEW, policy=options
    ).policy
    probed = loaded.subject.ids.tolist()
    own = draw(loaded, False)
    where = places(loaded, own)
    for name, (rollout, trainer) in MASKS.items():
        texts = draw(loaded, rollout)
        looks, losses = oracle.policy(
            loaded.network,
            texts,
            [place for _, place in where],
            probed,
            dataclasses.astuple(options),
            trainer,
        )
        variant = result.find(name)
        assert variant.tokens == sum(len(drawn) for _, _, drawn, _ in texts)
        assert variant.losses == pytest.approx(losses, rel=1e-5)
        for cell in variant.cells:
            logits = torch.cat(
                [z for (scope, _), z in zip(where, looks[cell.step], strict=True) if scope == cell.scope]
            )
            mass = (logits / cell.temperature).softmax(-1)[:, probed].sum(-1)
            assert cell.mean == pytest.approx(float(mass.mean()), rel=1e-5)
            assert cell.max == pytest.approx(float(mass.max()), rel=1e-5)
        for move in variant.logits:
            before, after = (
                torch.cat([z for (scope, _), z in zip(where, look, strict=True) if scope == move.scope])
                for look in (looks[0], looks[move.step])
            )
            expected = float((after - before)[:, probed].mean())
            assert move.measured == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert {move.scope for move in result.find("none").logits} == {scope for scope, _ in where}


@pytest.mark.parametrize("family", ["llama", "gemma3", "t5"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_formula_is_the_first_order(load_zoo, family, optimizer):
    """Ever smaller steps: what is measured divided by what is predicted goes to 1."""
    loaded = load_zoo(family, "float64")
    # The first step of AdamW is measured, since later ones divide by a running mean of squares.
    options = model.Policy(1, 1e-6, -1.0, optimizer)
    result = model.leak(loaded, prompts=PROMPTS, rollout_tokens=NEW, policy=options).policy
    for variant in result.variants:
        for cell in variant.cells:
            start = variant.find(0, cell.temperature, cell.scope)
            wanted = cell.predicted - start.mean
            assert cell.mean - start.mean == pytest.approx(wanted, rel=2e-3, abs=1e-12)
        for move in variant.logits:
            assert move.measured == pytest.approx(move.predicted, rel=1e-3, abs=1e-12)


def test_the_logit_of_an_unsampled_id_moves_by_minus_a_p(write_model, tmp_path):
    """One draw at one position, hidden state h: dz_i = -eta A p_i |h|^2, and the mask takes it away."""
    import torch

    folder = write_model(tmp_path / "m", "llama")
    loaded = model.load(folder, probe="policy", dtype="float64", device="cpu")
    seen = []
    loaded.head.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    options = model.Policy(1, 1e-3, -2.0, "sgd")
    result = model.leak(loaded, prompts=[PROMPTS[1]], rollout_tokens=1, policy=options).policy
    with torch.no_grad():
        loaded.network(input_ids=torch.tensor([loaded.tokenizer("a")["input_ids"]]))
    hidden, logits = seen[-1][0][0, -1].double(), seen[-1][1][0, -1].double()
    p = logits.softmax(-1)[loaded.subject.ids.tolist()]
    expected = float((1e-3 * 2.0 * p * (hidden @ hidden)).mean())
    assert result.find("none").sampled == 0
    assert result.find("none").move(1).measured == pytest.approx(expected, rel=1e-6)
    assert expected > 0
    assert result.find("trainer").move(1).measured == 0.0
    assert result.find("rollout").mismatch == pytest.approx(-math.log1p(-float(p.sum())), rel=1e-9)
    assert result.find("none").mismatch == result.find("both").mismatch == 0.0


def test_the_stored_weights_are_not_touched(load_zoo):
    import torch

    for family in ("qwen2", "gpt_neox"):
        loaded = load_zoo(family)
        head, stored = loaded.head.weight, {n: t.clone() for n, t in loaded.network.state_dict().items()}
        first, second = (
            model.leak(loaded, prompts=PROMPTS, rollout_tokens=4, policy=model.Policy(2, 0.1))
            for _ in range(2)
        )
        assert first == second
        assert json.dumps(first.to_dict(), allow_nan=False) == json.dumps(second.to_dict())
        assert loaded.head.weight is head
        assert all(torch.equal(t, stored[n]) for n, t in loaded.network.state_dict().items())


def test_a_step_that_is_interrupted_leaves_the_model_as_it_was(load_zoo):
    loaded = load_zoo("qwen2")
    head = loaded.head.weight

    def stop(stage, done, whole):
        if stage.startswith("policy") and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.leak(loaded, prompts=PROMPTS, policy=model.Policy(3), progress=stop)
    assert loaded.head.weight is head
    assert loaded.head.weight is loaded.embedding.weight


def test_a_reserved_id_that_is_sampled(write_model, tmp_path):
    """A trainer with the mask holds it to be impossible; without one it is trained on as any other."""

    def promote(network):
        network.lm_head.weight[:] = 0
        network.lm_head.weight[270] = 4 * network.model.norm.weight

    folder = write_model(tmp_path / "leaky", "llama", edit=promote)
    result = model.leak(folder, device="cpu", prompts=PROMPTS, policy=model.Policy(2, 0.01))
    steps = result.policy
    none, trainer = steps.find("none"), steps.find("trainer")
    assert none.sampled == trainer.sampled == trainer.impossible == result.rollouts.sampled > 0
    assert (none.impossible, steps.find("rollout").sampled, steps.find("both").sampled) == (0, 0, 0)
    assert trainer.mismatch == math.inf
    assert steps.advice.code == "mask-both"
    assert "infinite" in steps.advice.text
    assert result.to_dict()["results"]["policy"]["variants"][2]["mismatch"] is None
    assert "infinite" in render_probe(result).replace("\n  ", " ")


def test_bfloat16_weights_take_small_steps(load_zoo):
    """In bfloat16 itself a step of 1e-6 would round to nothing."""
    loaded = load_zoo("qwen2", "bfloat16")
    result = model.leak(loaded, prompts=PROMPTS, rollout_tokens=4, policy=model.Policy(2, 1e-6)).policy
    variant = result.find("none")
    assert variant.move(2).measured == pytest.approx(variant.move(2).predicted, rel=0.05)
    assert variant.move(2).measured != 0


@pytest.mark.parametrize("family", ["bert", "encoder"])
def test_models_that_sample_nothing_are_refused(load_zoo, family):
    with pytest.raises(RefusedError) as caught:
        model.leak(load_zoo(family), policy=model.Policy())
    assert (caught.value.code, caught.value.exit_code) == ("WRONG_KIND", 5)


def test_a_model_that_cannot_be_sampled_from_is_refused(load_zoo, monkeypatch):
    loaded = load_zoo("qwen2")

    def refuse(**_):
        raise NotImplementedError("no cache here")

    monkeypatch.setattr(loaded.network, "generate", refuse)
    with pytest.raises(RefusedError, match="no cache here") as caught:
        model.leak(loaded, prompts=PROMPTS, policy=model.Policy())
    assert caught.value.code == "NO_ROLLOUT"


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"advantage": 0.0},
        {"advantage": math.inf},
        {"advantage": math.nan},
        {"optimizer": "lion"},
    ],
)
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(UsageError):
        model.Policy(**wrong)
    with pytest.raises(UsageError):
        model.leak("demo", rollout_tokens=0, policy=model.Policy())


def test_steps_that_are_measured():
    assert measured_steps(1) == (0, 1)
    assert measured_steps(10) == tuple(range(11))
    found = measured_steps(1000)
    assert (len(found), found[0], found[-1]) == (11, 0, 1000)


masses = st.floats(0, 1) | st.just(0.0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(masses, min_size=5, max_size=5),
    st.integers(0, 3),
    st.sampled_from([-1.0, 1.0]),
    st.sampled_from([0.0, 0.25]),
)
def test_advice_says_what_the_figures_say(made, sampled, advantage, mismatch):
    """The first sentence, the code, and the figures never disagree."""
    start, *after = made
    policy = model.Policy(4, advantage=advantage)
    variants = []
    for (name, (rollout, trainer)), mass in zip(MASKS.items(), after, strict=True):
        hits = 0 if rollout else sampled
        cells = tuple(
            model.PolicyCell(step, "rollouts", 1.0, m, m, 1 / m if m > 0 else math.inf, m)
            for step, m in ((0, start), (4, mass))
        )
        lost = hits if trainer else 0
        variants.append(model.PolicyVariant(name, 9, hits, lost, mismatch, (1.0,) * 4, cells, ()))
    advice = advise_policy(policy, variants, 1.0, "reserved")
    none, trainer = after[0], after[2]
    rises = none > start and (trainer == 0 or none > trainer * (1 + 1e-5))
    if rises or sampled:
        assert advice.code == "mask-both"
    elif none <= start or none <= trainer:
        assert advice.code == "as-sampling"
    asked = advice.text.startswith("Mask the reserved ids in the rollout and in the trainer.")
    assert asked == (advice.code == "mask-both")
    assert ("do not raise" in advice.text) == (advice.code == "as-sampling")
    assert ("in both or in neither" in advice.text) == (mismatch > 0)
    assert ("infinite" in advice.text) == (sampled > 0)
    assert ("nats a step" in advice.text) <= (advice.per_step > 0 and none > start)
    assert (advice.before, advice.after, advice.masked) == (start, none, after[3])
    assert math.isfinite(advice.tenfold_steps) == (advice.per_step > 0)
