"""docs/json.md and the documents: no key without its line, no line without its key, types as stated."""

from __future__ import annotations

import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope import cli

from .json_page import bind, sections, walk
from .made_for_pages import DEMO, EMBEDDING, MADE, one_layer

STEPS = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2" / "steps"
SECTIONS = sections()
# Objects whose keys are names from files.
OPEN = ("metadata", "metadata_by_file", "patched", "placed", "evidence.tensors", "worst_findings.*")
# What takes a longer run to be there -> what makes one.
LONGER = {"tried[]": "tests/model/test_model_train_cost.py"}
PROBES = {
    "forward": ["--limit", "2"],
    "gradient": [],
    "leak": ["--rl-steps", "1", "--rollout-tokens", "2", "--prompts", "prompts.txt"],
    "train": ["--steps", "1", "--batch", "1", "--values", "mean"],
    "verify": ["--suspects", "3", "--controls", "3"],
}


@pytest.fixture
def document(monkeypatch, capfd):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["rowscope", *map(str, words), "--format", "json"])
        with pytest.raises(SystemExit):
            cli.main()
        return json.loads(capfd.readouterr().out)

    return call


def check(section, *documents, beside=()):
    """The section is what these documents have, beside what the page says of all and of `beside`."""
    seen = defaultdict(list)
    for found in documents:
        for path, key, value in walk(found, open_=OPEN):
            seen[path, key].append(value)
    rows = [row for name in (section, *beside, "All documents") for row in SECTIONS[name]]
    undescribed, unseen, wrong = bind(rows, seen)
    assert undescribed == []
    expected = {row.line for row in SECTIONS[section] if row.places[0][0] not in LONGER}
    assert [line for line in unseen if line in expected] == []
    assert wrong == []


def test_inspect(document, checkpoint_folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unfinished = MADE["FIL005"](tmp_path / "qwen")
    found = [document("inspect", checkpoint_folders[name]) for name in ("headless", "wrapped", "partial")]
    check("inspect", document("inspect", *unfinished[1:], "--verify", "--filter", "model*"), *found)


def test_diagnosis(document, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(np.uint64(7).tobytes() + b'{"a":1}')
    check("inspect --diagnose", document("inspect", tmp_path, "--diagnose"))


def test_rows_and_suspects(document, checkpoint_folders, tmp_path):
    claimed = document("rows", checkpoint_folders["claimed"])
    bare = document("rows", "demo", "--ids", "0:3", "--no-evidence")
    check("rows", claimed, bare, document("rows", checkpoint_folders["untied"]))
    check("suspects", document("suspects", "demo", "--reachability"))


def test_diff(document, tmp_path, monkeypatch, checkpoint_folders, write_checkpoint):
    monkeypatch.chdir(tmp_path)
    changed = document(*MADE["DIF501"](tmp_path / "qwen"))
    MADE["TOK308"](tmp_path / "renamed")
    claimed = rowscope.claim_into("demo", ["<A>"], tmp_path / "claimed").out
    found = document("diff", "demo", claimed), document("diff", claimed, "renamed")
    rows = np.arange(40_200, dtype="f4").reshape(10_050, 4)
    sides = [write_checkpoint(tmp_path / f"many-{more}", {EMBEDDING: rows + more}) for more in (0, 1)]
    many = document("diff", *sides, "--expect-unchanged", "0:10050")
    shorter = document("diff", checkpoint_folders["untied"], checkpoint_folders["beyond"])
    check("diff", changed, *found, many, shorter)


def test_claim_and_undo(document, tmp_path):
    copy = shutil.copytree(DEMO, tmp_path / "copy")
    plan = document("claim", "demo", "<NUM>", "--dry-run")
    check("claim --dry-run", plan)
    out = document("claim", "demo", "<NUM>", "--out", tmp_path / "out")
    check("claim", out, document("claim", copy, "<NUM>", "--in-place"), beside=["claim --dry-run"])
    check("undo", document("undo", copy))


def test_mask(document, checkpoint_folders, tmp_path):
    copy = shutil.copytree(DEMO, tmp_path / "copy")
    applied = document("mask", copy, "--apply")
    in_use = document("mask", checkpoint_folders["untied"], "--include", "reserved,untrained")
    check("mask", applied, in_use, document("mask", copy))


def test_explain(document):
    check("explain", document("explain", "ROW203"), document("explain"))


@pytest.mark.parametrize("probe", PROBES)
def test_probes(probe, document, small, monkeypatch):
    monkeypatch.chdir(small.parent)
    whole = document("probe", probe, "PATH", *PROBES[probe])
    check("probe", {**whole, "results": {}})
    check(f"probe {probe}", whole["results"])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    pytest.importorskip("transformers", reason="extra model")
    folder = tmp_path_factory.mktemp("model")
    (folder / "prompts.txt").write_text("def read(path):\n")
    return one_layer(folder / "PATH")


def test_fleet(document, tmp_path):
    pytest.importorskip("pyarrow", reason="extra table")
    check("fleet", document("fleet", "demo", tmp_path / "nowhere", "--out", tmp_path / "out"))
    check("fleet status", document("fleet", "status", tmp_path / "out"))
    check("fleet report", document("fleet", "report", STEPS))


def test_study(document):
    check("study", document("study", "demo", "--no-model"))


def test_errors(document):
    check("Errors", document("audit", "nowhere"))
