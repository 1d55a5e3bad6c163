"""Commands of pages that name no checkpoint of ours (PATH, BASE, a zoo, a hub): each runs as it is written,
in a folder in which there is such a thing."""

from __future__ import annotations

import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope

from ..remote_hub import Hub, files_of
from ..remote_server import Server
from .made_for_pages import one_layer
from .page_lines import written

DEMO = Path(rowscope.__file__).parent / "demo"


def _path(folder, stack, monkeypatch):
    shutil.copytree(DEMO, folder / "PATH")


def _two_sides(folder, stack, monkeypatch):
    """As many rows as the example names, of which the last ones alone differ."""
    rows = np.random.default_rng(0).normal(size=(151_936, 4)).astype("f4")
    for name in ("BASE", "TUNED"):
        (folder / name).mkdir()
        save_file({"model.embed_tokens.weight": rows}, folder / name / "model.safetensors")
        rows[-100:] += 1


def _fleets(folder, stack, monkeypatch):
    pytest.importorskip("pyarrow", reason="extra table")
    for name in ("zoo/a/hf", "runs/7b", "runs/sft"):
        shutil.copytree(DEMO, folder / name)
    shutil.copytree(DEMO, folder / "runs/sft/checkpoint-500")
    (folder / "more.txt").write_text("runs/7b\n")
    rowscope.fleet("demo", folder / "DIR", workers=1)
    for name, value in {"ID": "1", "COUNT": "64", "MIN": "1"}.items():  # what `#SBATCH --array=1-64` gives
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    return {"all.txt": "more.txt", "/shared/store": "shared"}


def _model(folder, stack, monkeypatch):
    pytest.importorskip("transformers", reason="extra model")
    one_layer(folder / "PATH")
    (folder / "prompts.txt").write_text("def read(path):\n")


def _places(folder, stack, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="extra remote")
    hub = stack.enter_context(Hub(files_of(DEMO)))
    for name, value in {**hub.environment, "HF_HOME": str(folder / "hub")}.items():
        monkeypatch.setenv(name, value)
    files = {f"/models/name/{name}": data for name, data in files_of(DEMO).items()}
    plain = stack.enter_context(Server(files))
    shutil.copytree(DEMO, folder / "tuned")
    return {"https://example.org": plain.url, "hf://org/base": "hf://org/name", "151665:": "4000:"}


PREPARED = {
    "docs/claim.md": _path,
    "docs/diff.md": _two_sides,
    "docs/fleet.md": _fleets,
    "docs/mask.md": _path,
    "docs/model-mode.md": _model,
    "docs/remote.md": _places,
}
# Options that make an exit code of 1 an answer.
GATES = {"--expect-unchanged", "--fail-on-new"}
# What would take minutes, by a word of it -> what runs the same with less, or on something smaller.
LONG = {
    "--rl-steps": "tests/model/test_model_policy.py; docs/faq.md as it is written, by test_pages.py",
    "train": "tests/model/test_model_train.py, test_model_initial.py",
    "--suspects": "tests/model/test_model_verify.py",
    "study": "tests/study",
    "tiny": "tests/fleet/test_demo_steps.py",
}


@pytest.mark.parametrize("page", PREPARED)
def test_the_commands_run(page, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        changed = PREPARED[page](tmp_path, stack, monkeypatch)
        for line in written(page):
            for old, new in (changed or {}).items():
                line = line.replace(old, new)
            words = shlex.split(line)
            if LONG.keys() & {*words}:
                continue
            if words[1:3] == ["probe", "verify"]:
                words += ["--suspects", "3", "--controls", "3"]  # docs/faq.md's is run as it is written
            if "--out" in words and words[1] == "claim":
                shutil.rmtree("DIR", ignore_errors=True)  # each example writes a folder of its own
            code, _, err = run(*words[1:])
            assert code in ((0, 1) if GATES & {*words} else (0,)), (line, err)
