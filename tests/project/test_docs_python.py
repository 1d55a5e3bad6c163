"""Python blocks of pages that speak of somebody's own model, store or file: each runs as it is written."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector import model as probes

from ..remote_hub import Hub, files_of
from .made_for_pages import DEMO, compiled, one_layer

ROOT = Path(__file__).resolve().parents[2]


def blocks(page, word):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [block for block in found if word in block]


def execute(page, word, **given):
    (code,) = blocks(page, word)
    exec(compile(code, page, "exec"), given)
    return given


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    pytest.importorskip("transformers", reason="extra model")
    return one_layer(tmp_path_factory.mktemp("model") / "PATH")


PAGES = ["docs/findings/", "docs/findings/zh/"]


@pytest.mark.parametrize("folder", PAGES)
def test_names_of_a_wrapped_module_are_mended(folder, tmp_path):
    pytest.importorskip("torch", reason="the snippet uses safetensors.torch")
    compiled(tmp_path / "qwen")
    file = tmp_path / "qwen" / "model.safetensors"
    assert "FIL006" in {finding.code for finding in rowscope.audit(file).findings}
    execute(f"{folder}FIL006.md", "_orig_mod", FILE=file, OUT=file)
    assert "FIL006" not in {finding.code for finding in rowscope.audit(file).findings}


@pytest.mark.parametrize("folder", PAGES)
def test_a_shorter_table_is_filled_up(folder, checkpoint_folders, tmp_path):
    pytest.importorskip("torch", reason="the snippet uses torch")
    copy = shutil.copytree(checkpoint_folders["untied"], tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "vocab_size": 136}))
    execute(f"{folder}VOC104.md", "torch.cat", FILE=copy / "model.safetensors")
    found = {finding.code for finding in rowscope.audit(copy).findings}
    assert not found & {"VOC103", "VOC104"}


def test_the_fleet_of_a_folder(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="extra table")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DEMO, tmp_path / "zoo" / "a")
    assert execute("docs/fleet.md", 'rowscope.fleet("zoo"')["table"].num_rows == 1


def test_the_fleet_of_a_training_run(small, tmp_path, monkeypatch):
    pytest.importorskip("accelerate", reason="transformers' Trainer needs accelerate")
    pytest.importorskip("pyarrow", reason="extra table")
    import transformers

    monkeypatch.chdir(tmp_path)
    arguments = transformers.TrainingArguments(
        output_dir="run", max_steps=1, save_steps=1, report_to=[], use_cpu=True, disable_tqdm=True
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(small)
    row = {"input_ids": [1, 2, 3], "labels": [1, 2, 3]}
    execute("docs/fleet.md", "FleetCallback", model=model, arguments=arguments, data=[row] * 2)
    assert [at.path for at in rowscope.fleet_report("store").checkpoints]


def test_a_remote_checkpoint(tmp_path, monkeypatch, capsys):
    pytest.importorskip("huggingface_hub", reason="extra remote")
    with Hub(files_of(DEMO)) as hub:
        for name, value in {**hub.environment, "HF_HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        execute("docs/remote.md", "RemoteOptions")
    requests, fetched = map(int, capsys.readouterr().out.split())
    assert 0 < requests < 50 < fetched


def test_probes_from_python(small, monkeypatch):
    """As written, but with less of everything that has a default."""
    less = {"leak": {"prompts": ["One text."], "rollout_tokens": 2}}
    less["train"] = {"steps": 1, "batch": 1, "variants": ["token-only"], "learning_rate": 1e-3}
    for name, settings in less.items():
        monkeypatch.setattr(probes, name, partial(getattr(probes, name), **settings))
    (code,) = blocks("docs/model-mode.md", "model.leak")
    given: dict[str, object] = {}
    exec(code.replace('"demo"', repr(str(small))), given)
    assert given["result"].find(1.0).mean > 0


@pytest.mark.parametrize("page", ["docs/model-mode.md", "docs/studies/demo.en.md", "docs/studies/demo.zh.md"])
def test_masking_in_generate(page, small):
    import transformers

    given = {
        "path": small,
        "model": transformers.AutoModelForCausalLM.from_pretrained(small),
        "inputs": {
            **transformers.AutoTokenizer.from_pretrained(small)("def", return_tensors="pt"),
            "max_new_tokens": 2,
        },
    }
    execute(page, "SuppressReserved", **given)
