"""Beliefs of which most rows were trained: the few others are found."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.collapse import judge_families
from rowscope.inspector.evidence.means import Means
from rowscope.inspector.evidence.model import COLLAPSED, HIGH, TRAINED
from rowscope.inspector.evidence.reference import find_references
from rowscope.inspector.evidence.sources import Source
from rowscope.inspector.evidence.state import Judgement

WIDTH = 256
NOTHING = np.empty(0, dtype=np.int64)


def trained(random, rows, steep=1.0):
    """A mean, directions of falling strength, norms with a heavy tail."""
    spectrum = 0.06 / (1 + np.arange(60))[:, None] ** (steep / 2) * random.normal(size=(60, WIDTH))
    found = random.normal(0, 0.02, WIDTH) + random.standard_t(6, size=(rows, 60)) @ spectrum
    return (found + random.normal(0, 0.03, (rows, WIDTH))) * random.lognormal(0, 0.25, (rows, 1))


def drift(random, rows, norm, cosine):
    common = random.normal(size=WIDTH)
    common *= norm * np.sqrt(cosine) / np.linalg.norm(common)
    return common + random.normal(size=(rows, WIDTH)) * norm * np.sqrt((1 - cosine) / WIDTH)


def references(random, unmapped, bulk, impossible=None):
    ids = np.arange(len(unmapped))
    sources = [Source("unmapped", ids, unmapped)]
    first = NOTHING
    if impossible is not None:
        first = np.arange(len(unmapped), len(unmapped) + len(impossible))
        sources.insert(0, Source("impossible", first, impossible))
    means = Means((("mean", "mean"),), bulk.mean(axis=0)[None], np.zeros(1), 0.02, rare=True)
    known = Candidates(ids, NOTHING, first, NOTHING, NOTHING)
    return find_references(sources, bulk, means, known)


@pytest.mark.parametrize("cosine", [0.5, 0.65])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("anchored", [False, True])
def test_few_untrained_rows_among_trained_ones(cosine, seed, anchored):
    """One in twenty drifted; other rows that no step moved may stand beside them."""
    random = np.random.default_rng(seed)
    rows = trained(random, 2500)
    norm = float(np.median(np.linalg.norm(rows, axis=1)))
    few = drift(random, 25, 0.67 * norm, cosine)
    copies = drift(random, 13, 0.8 * norm, 0.9999) if anchored else None
    unmapped = np.concatenate((few, rows[:475]))
    found = references(random, unmapped, rows[475:], copies)
    last = found[-1]
    away = np.linalg.norm(unmapped - last.centre, axis=1)
    assert (away[:25] <= last.cut).all()
    assert last.certainty < HIGH
    assert len(found) == 1 + anchored


@pytest.mark.parametrize("steep", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("anchored", [False, True])
def test_trained_rows_alone_are_no_reference(steep, seed, anchored):
    random = np.random.default_rng(100 + seed)
    rows = trained(random, 2500, steep)
    norm = float(np.median(np.linalg.norm(rows, axis=1)))
    copies = drift(random, 13, 0.8 * norm, 0.9999) if anchored else None
    found = references(random, rows[:500], rows[500:], copies)
    assert len(found) == anchored


def test_a_row_among_others_that_form_no_family_themselves():
    """The centre of a tetrahedron lies near four corners, none of which lies near three others."""
    rows = np.array([[11.0, 1, 1], [11, -1, -1], [9, 1, -1], [9, -1, 1], [10, 0, 0]])
    ids = np.arange(5)
    state = Judgement(
        reader=SimpleNamespace(decode=lambda asked: rows[asked]),
        table=SimpleNamespace(ids=ids),
        used=np.zeros(5, bool),
        special=np.ones(5, bool),
        whole=True,
        look=None,
        towards_mean=np.zeros(5),
        verdict=np.full(5, TRAINED, np.int8),
        confidence=np.zeros(5, np.int8),
        cuts={},
        recipes={},
        progress=None,
        unlike=np.zeros(5, bool),
    )
    assert judge_families(state, ids[:4], 18.0) == []
    assert state.verdict.tolist() == [TRAINED] * 4 + [COLLAPSED]
