"""The leak probe against transformers' own logits warpers and torch's softmax."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.leak.advice import advise
from rowscope.inspector.model.leak.filters import Filters, mask_mass, masses, ratio_change, sort_logits
from rowscope.inspector.model.leak.leak import TEMPERATURES
from rowscope.inspector.model.leak.results import LeakCell
from rowscope.inspector.model.loading.prompts import BUILT_IN

PROMPTS = (model.Prompt("code", "def count(words):\n    return len("), model.Prompt("Greek", "Το καράβι"))


@pytest.fixture(scope="module")
def result(demo):
    return model.leak(demo, prompts=PROMPTS)


def logits_of(demo, prompt):
    import torch

    with torch.no_grad():
        return demo.network(torch.tensor([demo.tokenizer(prompt.text)["input_ids"]])).logits[0].double()


def test_masses_are_those_of_a_plain_softmax(demo, result):
    by_prompt = [logits_of(demo, prompt) for prompt in PROMPTS]
    assert result.positions == sum(len(logits) for logits in by_prompt)
    for temperature in TEMPERATURES:
        rows = [(logits / temperature).softmax(-1)[:, 4008:].sum(-1).numpy() for logits in by_prompt]
        mass = np.concatenate(rows)
        cell = result.find(temperature)
        assert cell.mean == pytest.approx(mass.mean(), rel=1e-6)
        assert cell.max == pytest.approx(mass.max(), rel=1e-6)
        assert cell.median == pytest.approx(np.median(mass), rel=1e-6)
        assert cell.expected_tokens == pytest.approx(1 / mass.mean(), rel=1e-6)
        if temperature == 1:
            for found, expected in zip(result.prompts, rows, strict=True):
                assert found.mean == pytest.approx(expected.mean(), rel=1e-6)
                assert found.max == pytest.approx(expected.max(), rel=1e-6)
    gaps = [(logits.amax(-1) - logits[:, 4008:].amax(-1)).min() for logits in by_prompt]
    assert result.smallest_gap == pytest.approx(float(min(gaps)), rel=1e-6)


def test_a_text_unlike_the_training_text_leaks_more(result):
    code, greek = result.prompts
    assert code.mean < 1e-4 < 1e-3 < greek.mean
    assert result.advice.code == "mask"


def test_the_mask_leaves_exactly_nothing_and_all_ratios(result):
    for temperature in TEMPERATURES:
        cell = result.find(temperature, "mask")
        assert (cell.mean, cell.max, cell.positions) == (0.0, 0.0, 0.0)
        assert cell.expected_tokens == float("inf")
    assert result.mask_ratio_error < 1e-12
    cells = json.loads(json.dumps(result.to_dict(), allow_nan=False))["results"]["cells"]
    assert [c["expected_tokens"] for c in cells if c["filter"] == "mask"] == [None] * len(TEMPERATURES)


def test_top_ids_rank_by_mean_probability(demo, result):
    p = np.concatenate([logits_of(demo, prompt).softmax(-1)[:, 4008:].numpy() for prompt in PROMPTS]).mean(0)
    order = np.argsort(-p)
    assert [top.id for top in result.top_ids] == (4008 + order[:10]).tolist()
    assert result.top_ids[0].mean == pytest.approx(p.max(), rel=1e-6)
    tokens = {top.id: top.token for top in result.top_ids}
    assert all((token is None) == (id >= 4016) for id, token in tokens.items())


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize(("top_k", "top_p", "min_p"), [(1, 0.01, 1.0), (7, 0.6, 0.2), (500, 1.0, 0.0)])
def test_filters_are_those_of_transformers(temperature, top_k, top_p, min_p):
    import torch
    from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    generator = torch.Generator().manual_seed(top_k)
    logits = 3 * torch.randn(40, 101, generator=generator, dtype=torch.float64)
    chosen = torch.zeros(101, dtype=torch.bool)
    chosen[[2, 3, 50, 100]] = True
    found = masses(sort_logits(logits, chosen), temperature, Filters(top_k, top_p, min_p))
    warped = {"none": lambda _, scores: scores, "top_k": TopKLogitsWarper(top_k)}
    warped |= {"top_p": TopPLogitsWarper(top_p), "min_p": MinPLogitsWarper(min_p)}
    for name, warper in warped.items():
        expected = warper(None, logits / temperature).softmax(-1)[:, chosen].sum(-1)
        assert torch.allclose(found[name], expected, rtol=1e-9, atol=1e-15), name


def test_masking_random_logits():
    import torch

    logits = 10 * torch.randn(20, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    chosen = torch.arange(64) >= 60
    hidden = model.SuppressReserved(range(60, 64))(None, logits)
    assert not mask_mass(hidden, chosen, 0.7).any()
    assert ratio_change(logits, hidden, chosen, 0.7) < 1e-12
    assert ratio_change(logits, logits * 1.01, chosen, 0.7) > 1e-3
    assert mask_mass(logits, chosen, 0.7).all()


def cell(temperature, mean):
    return LeakCell(temperature, "none", mean, mean, mean, 1.0, 1 / mean)


@pytest.mark.parametrize(
    ("means", "code", "start"),
    [
        ((1e-9, 1e-8, 1e-7), "optional", None),
        ((1e-9, 1e-8, 1e-3), "mask-when-hot", 2.0),
        ((1e-9, 1e-5, 1e-3), "mask", 1.0),
        ((1e-2, 1e-9, 1e-9), "mask", 0.5),
    ],
)
def test_advice_follows_the_masses(means, code, start):
    cells = [cell(t, mean) for t, mean in zip((0.5, 1.0, 2.0), means, strict=True)]
    advice = advise({"prompts": cells}, "reserved")
    assert (advice.code, advice.from_temperature, advice.basis) == (code, start, "prompts")
    assert "reserved" in advice.text
    rare = [cell(t, 1e-12) for t in (0.5, 1.0, 2.0)]
    own = advise({"prompts": rare, "rollouts": cells}, "reserved")
    assert (own.code, own.from_temperature, own.basis) == (code, start, "rollouts")
    assert own.expected_tokens == advice.expected_tokens


@pytest.mark.parametrize("family", ["qwen2", "llama", "gemma3", "t5"])
def test_families(load_zoo, family, reserved):
    result = model.leak(load_zoo(family), prompts=PROMPTS)
    json.dumps(result.to_dict(), allow_nan=False)
    assert 0 < result.find(1.0).mean < 1
    assert result.find(1.0, "mask").mean == 0
    assert {top.id for top in result.top_ids} <= set(reserved)


def test_both_sides_of_an_encoder_decoder_read_the_prompt(load_zoo):
    import torch

    loaded = load_zoo("t5")
    result = model.leak(loaded, prompts=PROMPTS[:1])
    ids = loaded.tokenizer(PROMPTS[0].text)["input_ids"]
    with torch.no_grad():
        logits = loaded.network(
            torch.tensor([ids]), decoder_input_ids=torch.tensor([[256, *ids[:-1]]])
        ).logits[0]
    mass = logits.double().softmax(-1)[:, 262:].sum(-1)
    assert result.find(1.0).mean == pytest.approx(float(mass.mean()), rel=1e-6)


@pytest.mark.parametrize("family", ["bert", "encoder"])
def test_models_that_generate_nothing_are_refused(load_zoo, family):
    with pytest.raises(RefusedError, match="leak probe cannot run") as caught:
        model.leak(load_zoo(family))
    assert caught.value.code == "WRONG_KIND"


def test_built_in_prompts_are_of_many_scripts_and_none_is_empty(demo):
    assert len({prompt.name for prompt in BUILT_IN}) == len(BUILT_IN) >= 15
    result = model.leak(demo, temperatures=(1.0,))
    assert [prompt.name for prompt in result.prompts] == [prompt.name for prompt in BUILT_IN]
    assert sum(not prompt.text.isascii() for prompt in BUILT_IN) >= 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperatures": (0.0,)}, "--temperatures"),
        ({"temperatures": ()}, "--temperatures"),
        ({"top_k": 0}, "--top-k 0"),
        ({"top_p": 1.5}, "--top-p 1.5"),
        ({"min_p": -0.1}, "--min-p"),
        ({"max_tokens": 0}, "--max-tokens"),
        ({"rollout_tokens": -1}, "--rollout-tokens -1: give at least 0"),
        ({"prompts": (model.Prompt("none", ""),)}, "no prompt has a token"),
    ],
)
def test_wrong_options(demo, options, words):
    with pytest.raises(UsageError, match=words):
        model.leak(demo, **options)


def test_long_prompts_are_cut(load_zoo):
    result = model.leak(load_zoo("gpt2"), prompts=[model.Prompt("long", "a" * 500)], max_tokens=9)
    assert result.positions == 9


def test_prompts_from_files(tmp_path):
    plain = tmp_path / "prompts.txt"
    plain.write_bytes("one\r\n\n  \nzwei ü\n".encode())
    assert [(p.name, p.text) for p in model.read_prompts(plain)] == [("line 1", "one"), ("line 4", "zwei ü")]
    lines = tmp_path / "prompts.jsonl"
    lines.write_text('"a\\nb"\n{"prompt": "c"}\n\n{"text": "d", "id": 3}\n', "utf-8")
    assert [p.text for p in model.read_prompts(lines)] == ["a\nb", "c", "d"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"\n \n", "holds no prompt"),
        ("a.txt", b"\xff\xfe", "not UTF-8 at byte 0"),
        ("a.jsonl", b"{nope", "line 1 .* is not JSON"),
        ("a.jsonl", b'"ok"\n{"question": "x"}', "line 2 "),
        ("a.jsonl", b"[1]", "neither a string"),
    ],
)
def test_prompt_files_that_cannot_be_used(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        model.read_prompts(path)


def test_a_missing_prompt_file(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        model.read_prompts(tmp_path / "none.txt")
