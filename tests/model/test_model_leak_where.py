"""Where the mass lies: position 0 apart, by position, and in the model's own text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.vocabulary import chat_prompt, read_vocabulary

PROMPTS = (
    model.Prompt("code", "def count(words):\n    return len("),
    model.Prompt("short", "ab"),
    model.Prompt("one", "a"),
)


def masses(loaded, ids, decoder=None, temperature=1.0):
    """Mass on the probed ids at each position of one sequence, by torch alone."""
    import torch

    inputs = {"input_ids": torch.tensor([ids])}
    if decoder is not None:
        inputs["decoder_input_ids"] = torch.tensor([decoder])
    with torch.no_grad():
        logits = loaded.network(**inputs).logits[0].double()
    p = (logits / temperature).softmax(-1)
    return p[:, torch.as_tensor(loaded.subject.ids)].sum(-1).numpy(), p.numpy()


def test_position_0_stands_apart(load_zoo):
    loaded = load_zoo("qwen2")
    result = model.leak(loaded, prompts=PROMPTS, rollout_tokens=0)
    own = [masses(loaded, loaded.tokenizer(prompt.text)["input_ids"])[0] for prompt in PROMPTS]
    first, later = np.array([m[0] for m in own]), np.concatenate([m[1:] for m in own])
    for scope, values in (("first", first), ("prompts", later), ("all", np.concatenate([first, later]))):
        cell = result.find(1.0, scope=scope)
        assert cell.mean == pytest.approx(values.mean(), rel=1e-6)
        assert cell.max == pytest.approx(values.max(), rel=1e-6)
    assert result.first_share == pytest.approx(first.sum() / (first.sum() + later.sum()), rel=1e-6)
    for prompt, expected in zip(result.prompts, own, strict=True):
        assert prompt.first == pytest.approx(expected[0], rel=1e-6)
        if len(expected) > 1:
            assert prompt.in_context == pytest.approx(expected[1:].mean(), rel=1e-6)
    assert np.isnan(result.prompts[2].in_context)
    assert result.rollouts is None


def test_by_position(load_zoo):
    loaded = load_zoo("llama")
    text = "The quick brown fox jumps over the lazy dog."
    result = model.leak(loaded, prompts=[model.Prompt("x", text)], rollout_tokens=0)
    own, _ = masses(loaded, loaded.tokenizer(text)["input_ids"])
    assert [(p.start, p.stop) for p in result.by_position] == [
        *((at, at + 1) for at in range(8)),
        (8, 16),
        (16, 32),
        (32, 64),
    ]
    assert sum(p.positions for p in result.by_position) == own.size
    for part in result.by_position:
        assert part.mean == pytest.approx(own[part.start : part.stop].mean(), rel=1e-6)


def test_prompts_of_one_token_have_no_context(load_zoo):
    result = model.leak(load_zoo("qwen2"), prompts=PROMPTS[2:], rollout_tokens=0)
    assert result.in_context == ()
    assert result.advice.basis == "all"
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("family", ["qwen2", "llama", "gpt2", "gemma3", "gpt_neox", "t5"])
def test_rollouts_are_drawn_from_the_models_own_distribution(load_zoo, family):
    """Each draw and its mass again, from one pass over the finished text without padding or cache."""
    loaded = load_zoo(family)
    result = model.leak(loaded, prompts=PROMPTS, rollout_tokens=6)
    assert not result.rollouts.chat_template
    found = []
    for number, (prompt, rollout) in enumerate(zip(PROMPTS, result.rollouts.prompts, strict=True)):
        ids = loaded.tokenizer(prompt.text)["input_ids"]
        assert rollout.prompt_tokens == len(ids)
        drawn = list(rollout.ids)
        if family == "t5":
            own, p = masses(loaded, ids, [256, *drawn[:-1]])
        else:
            own, p = (part[len(ids) - 1 :] for part in masses(loaded, [*ids, *drawn[:-1]]))
        rng = np.random.default_rng((0, number))
        reach = p.cumsum(-1)
        expected = [int(np.searchsorted(row, rng.random() * row[-1], side="right")) for row in reach]
        assert drawn == expected
        assert rollout.mean == pytest.approx(own.mean(), rel=1e-5)
        assert rollout.max == pytest.approx(own.max(), rel=1e-5)
        ends = {258, *loaded.subject.ids.tolist()}
        assert len(drawn) == 6 or drawn[-1] in ends
        assert not ends & set(drawn[:-1])
        assert rollout.sampled == (drawn[-1] in loaded.subject.ids)
        found.append(own)
    together = np.concatenate(found)
    assert result.rollouts.positions == together.size
    assert result.find(1.0, scope="rollouts").mean == pytest.approx(together.mean(), rel=1e-5)


def test_a_rollout_does_not_depend_on_the_others(load_zoo):
    loaded = load_zoo("qwen2")
    both = model.leak(loaded, prompts=PROMPTS, rollout_tokens=5).rollouts
    one = model.leak(loaded, prompts=PROMPTS[:1], rollout_tokens=5).rollouts
    assert one.prompts[0].ids == both.prompts[0].ids


def test_settings_of_the_checkpoint_do_not_bend_the_rollouts(load_zoo):
    loaded = load_zoo("qwen2")
    kept = loaded.network.generation_config
    before = model.leak(loaded, prompts=PROMPTS, rollout_tokens=5).rollouts
    changed = type(kept)(repetition_penalty=5.0, top_k=1, suppress_tokens=[97], eos_token_id=258)
    try:
        loaded.network.generation_config = changed
        after = model.leak(loaded, prompts=PROMPTS, rollout_tokens=5).rollouts
        assert loaded.network.generation_config is changed
    finally:
        loaded.network.generation_config = kept
    assert after == before


def test_chat_models_are_asked_in_their_template(demo):
    prompt = model.Prompt("question", "Which colour has the sea?")
    result = model.leak(demo, prompts=[prompt], rollout_tokens=3)
    assert result.rollouts.chat_template
    messages = [{"role": "user", "content": prompt.text}]
    asked = demo.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert chat_prompt(demo.subject.vocabulary, prompt.text) == (asked, None)
    ids = demo.tokenizer(asked)["input_ids"]
    assert result.rollouts.prompts[0].prompt_tokens == len(ids)


def test_templates_that_cannot_be_run(tmp_path, demo):
    from shutil import copytree

    from rowscope.inspector.checkpoint import open_checkpoint

    folder = tmp_path / "demo"
    copytree(demo.checkpoint.root, folder)
    for template, words in (
        ("{{ raise_exception('no') }}", "cannot be run"),
        ("{{ 'nothing of it' }}", "does not write the question"),
    ):
        (folder / "chat_template.jinja").write_text(template, "utf-8")
        vocabulary = read_vocabulary(open_checkpoint(folder).tokenizer_folder)
        text, trouble = chat_prompt(vocabulary, "Why?")
        assert text is None
        assert words in trouble


def test_a_model_that_cannot_be_sampled_from_says_so(load_zoo, monkeypatch):
    loaded = load_zoo("qwen2")

    def refuse(**_):
        raise NotImplementedError("no cache here")

    monkeypatch.setattr(loaded.network, "generate", refuse)
    result = model.leak(loaded, prompts=PROMPTS)
    assert result.rollouts is None
    assert any("no cache here" in note for note in result.notes)
    assert result.advice.basis == "prompts"


def test_prompts_that_fill_the_context_get_no_rollout(load_zoo):
    loaded = load_zoo("gpt2")
    long = model.Prompt("long", "a" * 250)
    result = model.leak(loaded, prompts=[long, PROMPTS[0]], max_tokens=250, rollout_tokens=20)
    assert [item.name for item in result.rollouts.prompts] == ["code"]
    assert any("'long'" in note for note in result.notes)


def test_a_model_that_samples_a_reserved_id(write_model, tmp_path):
    def promote(network):
        network.lm_head.weight[:] = 0
        network.lm_head.weight[270] = 4 * network.model.norm.weight

    folder = write_model(tmp_path / "leaky", "llama", edit=promote)
    loaded = model.load(folder, probe="leak", dtype="float32", device="cpu")
    result = model.leak(loaded, prompts=PROMPTS)
    assert result.rollouts.sampled == sum(
        item.ids[-1] in loaded.subject.ids for item in result.rollouts.prompts
    )
    assert result.rollouts.sampled > 0


def test_no_probed_id_has_an_output_row(load_zoo):
    from dataclasses import replace

    loaded = load_zoo("qwen2")
    subject = replace(loaded.subject, ids=np.array([9999]))
    with pytest.raises(RefusedError) as caught:
        model.leak(replace(loaded, subject=subject), prompts=PROMPTS)
    assert caught.value.code == "NO_TARGET"
