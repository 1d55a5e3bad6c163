"""Probe results for people: 80 columns, every number from the result, hostile names made visible."""

from __future__ import annotations

import dataclasses

import pytest

from rowscope.inspector import model
from rowscope.inspector.render.probe.text import probe_lines, render_probe
from rowscope.inspector.text.numbers import real


@pytest.fixture(scope="module")
def results(demo):
    prompts = [model.Prompt("a | b\x1b[31m", "def f("), model.Prompt("long", "x = 1\n" * 9)]
    return {
        "forward": model.forward(demo, limit=20),
        "gradient": model.gradient(demo),
        "leak": model.leak(demo, prompts=prompts, rollout_tokens=8, policy=model.Policy(2)),
        "train": model.train(demo, steps=2),
    }


@pytest.mark.parametrize("probe", ["forward", "gradient", "leak", "train"])
def test_lines_fit_and_name_the_run(results, probe):
    result = results[probe]
    lines = render_probe(result).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"{probe} · demo · Qwen2ForCausalLM")
    assert "88 reserved ids" in " ".join(lines[:3])
    assert all(line == line.rstrip() for line in lines)
    assert not any("…" in line for line in lines if "reads" not in line), "a table is wider than 80 columns"


def test_forward_tells_the_numbers(results):
    result = results["forward"]
    text = render_probe(result)
    group = result.find("reserved", "alone")
    assert f"{group.divergence.effective_outputs:.2f}" in text
    assert f"best rank {result.first_five.logits.best_rank:,}" in text.replace("\n    ", " ")
    assert "20 of the 88 reserved ids were fed" in text.replace("\n  ", " ")


def test_gradient_tells_the_target_s_norm(results):
    study = results["gradient"].find("study")
    target = study.find("all", "both").find("target")
    assert f"{target.norm_total:.3g}" in render_probe(results["gradient"])


def test_leak_tells_masses_and_advice_and_shows_names_safely(results):
    result = results["leak"]
    text = render_probe(result)
    for scope in ("prompts", "rollouts"):
        assert real(result.find(1.0, scope=scope).mean) in text
    assert f"{100 * result.first_share:.3g}% of all mass" in text.replace("\n    ", " ")
    assert result.advice.text.split(":")[0] in text.replace("\n    ", " ")
    policy = result.policy
    for mask in ("none", "both"):
        assert f"{policy.find(mask).find(2).mean:.5e}" in text
    assert policy.advice.text.split(".")[0] in text.replace("\n    ", " ")
    assert "\x1b" not in text
    assert "a | b\\x1b[31m" in text


def test_train_tells_every_variant(results):
    text = render_probe(results["train"])
    for variant in results["train"].variants:
        assert text.count(variant.name) >= 4
        assert real(variant.after.where_due) in text


def test_names_from_files_are_made_visible(results):
    settings = dataclasses.replace(results["forward"].settings, path="x\x1b]0;evil\x07\u202e")
    hostile = dataclasses.replace(results["forward"], settings=settings)
    text = render_probe(hostile)
    assert not any(character in text for character in "\x1b\x07\u202e")
    assert next(iter(probe_lines(hostile))).style == "title"


def test_headless_and_untied_models(load_zoo):
    text = render_probe(model.forward(load_zoo("encoder")))
    assert "no output matrix" in text
    assert "no logits" in text
    untied = render_probe(model.train(load_zoo("llama"), steps=1, variants=("full",)))
    assert "reserved input" in untied
    assert "reserved output" in untied
    assert max(map(len, untied.splitlines())) <= 80
