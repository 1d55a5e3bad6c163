"""docs/embedding.md, run: every code block does what the page says, hook and action included."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import rowscope
from rowscope import cli
from rowscope.inspector.gate.settings import FORMATS, Settings, read_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text()
DEMO = ROOT / "examples" / "tiny_qwen2" / "model"


def blocks(title: str, language: str) -> list[str]:
    """Code blocks of a language below a heading."""
    section = re.split(rf"^## {re.escape(title)}$", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    return found


def execute(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(source, "docs/embedding.md", "exec"), names)
    return names


def test_every_code_block_is_of_a_tested_language():
    languages = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    assert sorted(set(languages)) == ["python", "sh", "toml", "yaml"]
    counts = {"As a library": 2, "A test": 1, "A training callback": 1, "Generation without reserved ids": 1}
    assert sum(counts.values()) == languages.count("python")
    assert all(len(blocks(title, "python")) == count for title, count in counts.items())


def test_the_library_examples(capsys):
    names = execute(blocks("As a library", "python")[0])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(names["report"].findings) == 6
    assert names["document"]["exit_code"] == 0
    execute(blocks("As a library", "python")[1])


def test_the_assertions_hold_and_can_fail(reports, monkeypatch):
    names = execute(blocks("A test", "python")[0])
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    monkeypatch.setattr(rowscope, "audit", lambda path: reports["untied"])
    for test, error in zip(tests, (AssertionError, KeyError), strict=True):
        with pytest.raises(error):
            test()


def test_the_pre_commit_example(monkeypatch, capfd, tmp_path):
    yaml = pytest.importorskip("yaml")
    (repository,) = yaml.safe_load(blocks("pre-commit", "yaml")[0])["repos"]
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert repository["rev"] == f"v{rowscope.__version__}"
    (used,) = repository["hooks"]
    hook = hooks[used["id"]]
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    shutil.copytree(DEMO, tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*hook["entry"].split(), *used["args"]])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "ROW203" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("models/mine/model.safetensors", True),
        ("model.safetensors.index.json", True),
        ("config.json", True),
        ("models/mine/tokenizer_config.json", True),
        ("models/mine/chat_template.jinja", True),
        ("package.json", False),
        ("myconfig.json", False),
        ("train.py", False),
    ],
)
def test_the_hook_runs_for_files_of_a_checkpoint(name, matches):
    (pattern,) = re.findall(r"^  files: (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)
    assert bool(re.search(pattern, name)) == matches


def test_the_settings_example(tmp_path):
    (tmp_path / "pyproject.toml").write_text(blocks("Settings and baselines", "toml")[0])
    settings = read_settings(tmp_path)
    assert settings == Settings(
        select=("VOC", "ROW", "TOK301"),
        ignore=("VOC106",),
        fail_on="warning",
        baseline=tmp_path / "rowscope-baseline.json",
        source=tmp_path / "pyproject.toml",
    )
    assert settings.format in FORMATS


def test_the_baseline_example(bash, tmp_path):
    done = bash(blocks("Settings and baselines", "sh")[0])
    assert done.returncode == 0, done.stderr
    first, second = re.findall(r"(\d+) errors?, (\d+) warnings?, (\d+) notes?", done.stdout)
    assert first == ("0", "2", "4")
    assert second == ("0", "0", "0")
    assert json.loads((tmp_path / "rowscope-baseline.json").read_text())["schema_version"] == "1"


@pytest.fixture(scope="module")
def demo_model():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(DEMO)
    return torch, transformers.AutoModelForCausalLM.from_pretrained(DEMO), tokenizer


def test_the_callback_stops_a_real_training_run(demo_model, tmp_path):
    _, model, tokenizer = demo_model
    pytest.importorskip("accelerate", reason="transformers' Trainer needs accelerate")
    from transformers import Trainer, TrainingArguments

    callback = execute(blocks("A training callback", "python")[0])["RequireTrainedTokens"]
    example = tokenizer("def read_lines(path):")["input_ids"]
    rows = [{"input_ids": example, "labels": example}] * 2

    def train(tokens: list[str]) -> None:
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "run"),
            max_steps=1,
            save_steps=1,
            per_device_train_batch_size=1,
            learning_rate=1e-6,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            processing_class=tokenizer,
            callbacks=[callback(tokens)],
        )
        trainer.train()

    train(["<|im_start|>", "<|im_end|>"])
    with pytest.raises(RuntimeError, match=r"fim_prefix.* is collapsed"):
        train(["<|im_start|>", "<|fim_prefix|>"])
    with pytest.raises(RuntimeError, match="is no added token"):
        train(["<|nowhere|>"])


@pytest.mark.parametrize("trained", [True, False], ids=["moved", "not-moved"])
def test_the_callback_works_in_a_lora_run(demo_model, tmp_path, trained):
    """The run saves adapters: a token that is trained by its index passes, one that nothing moves fails."""
    torch, _, tokenizer = demo_model
    pytest.importorskip("accelerate", reason="transformers' Trainer needs accelerate")
    peft = pytest.importorskip("peft", reason="extra test")
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    callback = execute(blocks("A training callback", "python")[0])["RequireTrainedTokens"]
    model = AutoModelForCausalLM.from_pretrained(DEMO)
    id = tokenizer.convert_tokens_to_ids("<|fim_prefix|>")
    settings = peft.LoraConfig(
        task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], trainable_token_indices=[id]
    )
    model = peft.get_peft_model(model, settings)
    if trained:  # what a long run does to it
        row = next(value for name, value in model.named_parameters() if "trainable_tokens_delta" in name)
        with torch.no_grad():
            row[:] = model.get_input_embeddings()(torch.tensor([300]))
    example = tokenizer("def read_lines(path):")["input_ids"]
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "run"),
        max_steps=1,
        save_steps=1,
        per_device_train_batch_size=1,
        learning_rate=1e-6,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=[{"input_ids": example, "labels": example}] * 2,
        processing_class=tokenizer,
        callbacks=[callback(["<|im_start|>", "<|fim_prefix|>"])],
    )
    if trained:
        trainer.train()
    else:
        with pytest.raises(RuntimeError, match=r"fim_prefix.* is collapsed"):
            trainer.train()
    assert rowscope.diff(DEMO, tmp_path / "run" / "checkpoint-1").matrices[0].total.changed <= 1


def test_generation_never_emits_a_reserved_id(demo_model):
    torch, model, _ = demo_model
    suppress = execute(blocks("Generation without reserved ids", "python")[0])["suppress"]
    reserved = set(rowscope.reserved_ids("demo").tolist())
    assert len(reserved) == 88
    scores = torch.randn(3, 4096, generator=torch.Generator().manual_seed(0))
    before, after = scores.softmax(-1), suppress(None, scores).softmax(-1)
    kept = [id for id in range(4096) if id not in reserved]
    assert after[:, sorted(reserved)].sum() == 0
    ratio = after[:, kept] / before[:, kept]
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-4)

    def emitted(processors: list[Any]) -> set[int]:
        torch.manual_seed(0)
        out = model.generate(
            torch.full((64, 1), 5), max_new_tokens=8, do_sample=True, temperature=50.0, top_k=0,
            logits_processor=processors, pad_token_id=0, eos_token_id=None,
        )  # fmt: skip
        return set(out[:, 1:].flatten().tolist())

    assert emitted([]) & reserved
    assert not emitted([suppress]) & reserved
