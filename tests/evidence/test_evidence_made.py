"""Every made kind, every pair of kinds in one matrix, and partial looks that agree with whole ones."""

from __future__ import annotations

import importlib.util
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import rowscope

_SPEC = importlib.util.spec_from_file_location("made_checkpoints", Path(__file__).with_name("made.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
made = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = made
_SPEC.loader.exec_module(made)

KINDS = [*made.KINDS, "fresh"]
CASES = [(kind,) for kind in KINDS] + list(combinations(KINDS, 2))


def judged(folder, ids=None, **options):
    return rowscope.row_table(folder, ids=ids, evidence=True, **options)


def check(table, ids, least=0.98):
    """Recall by kind, and the rate of wrong verdicts among all other rows."""
    for kind, rows in ids.items():
        share = np.mean(np.isin(table.verdict[rows], list(made.EXPECTED[kind])))
        assert share >= least, (kind, share, np.unique(table.verdict[rows].astype(str), return_counts=True))
    others = np.setdiff1d(np.arange(made.ROWS), np.concatenate(list(ids.values())))
    assert np.mean(table.verdict[others] != "trained") <= 0.001, table.verdict[others]


@pytest.mark.parametrize("kinds", CASES, ids="+".join)
def test_kinds_and_pairs_of_them(tmp_path, kinds):
    rows, ids = made.make(kinds, seed=len("".join(kinds)))
    dtype = "BF16" if len(kinds) == 2 else "F32"
    table = judged(made.write(tmp_path / "c", rows, dtype))
    if "fresh" in kinds and kinds != ("fresh",):
        assert set(table.verdict[ids.pop("fresh")]) <= {"fresh", "collapsed"}
        ids["rest"] = made.ADDED_IDS
        made.EXPECTED["rest"] = {"fresh", "collapsed"}
    check(table, ids)


@pytest.mark.parametrize("kinds", list(combinations(made.KINDS, 2)), ids="+".join)
def test_pairs_of_kinds_in_untied_matrices(tmp_path, kinds):
    """Each matrix is judged by itself; the kinds are the same ones, the numbers are others."""
    rows, ids = made.make(kinds, seed=31)
    head, _ = made.make(kinds, seed=32)
    folder = made.write(tmp_path / "c", rows, "BF16", head=head)
    for role in ("input", "output"):
        check(judged(folder, role=role), ids)


@pytest.mark.parametrize("kind", ["collapsed", "drifted", "initial", "fresh"])
def test_untied_matrices(tmp_path, kind):
    rows, ids = made.make((kind,), seed=3)
    head, _ = made.make(("collapsed",), seed=4)
    folder = made.write(tmp_path / "c", rows, head=head)
    check(judged(folder, role="input"), ids)
    assert set(judged(folder, role="output").verdict[made.UNMAPPED_IDS]) == {"collapsed"}


@pytest.mark.parametrize("kind", ["collapsed", "drifted", "vanished", "zero"])
def test_trained_rows_without_an_entry(tmp_path, kind):
    """They are no reference, no matter how many: the placeholders are. The mask leaves them out."""
    rows, ids = made.make((kind,), seed=5, unlisted=True)
    folder = made.write(tmp_path / "c", rows)
    table = judged(folder)
    check(table, ids)
    if kind in ("collapsed", "drifted"):
        report = rowscope.audit(folder)
        (finding,) = [f for f in report.findings if f.code == "ROW205"]
        assert "96 rows without a tokenizer entry look trained" in finding.message
        assert any("96 rows without a tokenizer entry look trained" in text for text in report.summary)
        mask = rowscope.mask(folder)
        assert set(mask.ids.tolist()) == set(made.PLACEHOLDER.tolist())
        assert any("without a tokenizer entry" in note for note in mask.notes)


def test_only_trained_rows_give_no_verdict(tmp_path):
    for seed in range(4):
        rows = made.trained(np.random.default_rng(seed))
        table = judged(made.write(tmp_path / str(seed), rows, "BF16"))
        assert np.mean(table.verdict != "trained") <= 0.0005
        assert set(table.confidence.tolist()) == {"low"}


def test_where_nothing_tells_nothing_looks_trained(tmp_path):
    rows = made.trained(np.random.default_rng(0))
    (text,) = [t for t in rowscope.audit(made.write(tmp_path / "c", rows)).summary if "reserved rows" in t]
    assert "look trained" not in text
    assert "cannot be told" in text


def test_three_rows_that_hardly_agree_are_thin_evidence(tmp_path):
    random = np.random.default_rng(6)
    rows = made.trained(random)[: made.ENTRIES]
    norm = float(np.median(np.linalg.norm(rows, axis=1)))
    rows = np.concatenate((rows, made.drifted(random, 3, norm)))
    table = judged(made.write(tmp_path / "c", rows))
    assert "high" not in table.confidence[made.ENTRIES :]


def test_copies_and_sums_of_pieces_are_fresh(tmp_path):
    rows, _ = made.make(("collapsed",), seed=8)
    rows[made.ADDED_IDS[0]] = rows[100]
    folder = made.write(tmp_path / "c", rows)
    table = judged(folder)
    assert table.verdict[made.ADDED_IDS[0]] == "fresh"
    assert table.verdict[100] == "trained"
    assert "100" in table.recipe[made.ADDED_IDS[0]]
