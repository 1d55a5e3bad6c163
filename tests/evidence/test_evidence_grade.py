"""How far trained rows moved: graded by the same bounds as their confidence, for the same rows."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.evidence import LOW, grades
from rowscope.inspector.evidence.grade import BARELY, PARTLY, moved
from rowscope.inspector.evidence.model import COLLAPSED, TRAINED, Indicators, MatrixEvidence, Reference


def reference(bulk, radius):
    centre = np.ones(4)
    return Reference("collapsed", "made", 9, 0.0, centre, np.arange(9), bulk=bulk, radius=radius, edge=radius)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_moved_is_zero_at_the_reference_and_one_at_the_bulk(scale):
    found = moved(np.array([0.0, 0.1, 1.0]) * scale, reference(scale, 0.1 * scale))
    assert found == pytest.approx([0.0, 0.0, 1.0])


def test_grades_of_the_demo():
    """With a firm reference low, medium and high are barely, partly and clearly; others have no grade."""
    rows = rowscope.row_table("demo", evidence=True)
    trained = rows.verdict == "trained"
    assert set(rows.grade[~trained]) == {None}
    levels = {"barely": "low", "partly": "medium", "clearly": "high"}
    assert [levels[grade] for grade in rows.grade[trained]] == rows.confidence[trained].tolist()
    by_grade = {grade: rows.displacement[trained & (rows.grade == grade)] for grade in levels}
    assert by_grade["barely"].max() < by_grade["partly"].min() < by_grade["clearly"].min()
    assert by_grade["barely"].max() == pytest.approx(BARELY, abs=0.03)
    assert by_grade["partly"].max() == pytest.approx(PARTLY, abs=0.03)


def test_a_few_rows_have_the_grades_that_all_have():
    every = rowscope.row_table("demo", evidence=True)
    some = rowscope.row_table("demo", ids=range(0, 4096, 37), evidence=True)
    assert some.grade.tolist() == every.grade[::37].tolist()


def evidence(certainty):
    lead = dataclasses.replace(reference(1.0, 0.1), certainty=certainty)
    verdict = np.array([COLLAPSED, TRAINED, TRAINED, TRAINED], dtype=np.int8)
    away, none = np.array([0.1, 0.2, 0.35, 0.9]), np.full(4, np.nan)
    return MatrixEvidence(
        verdict=verdict,
        confidence=np.zeros(4, dtype=np.int8),
        indicators=Indicators(none, none, none, none),
        duplicates=np.zeros(4, dtype=np.int64),
        duplicate_of=np.full(4, -1),
        reference=lead,
        note="made",
        cuts={},
        pc1_residual=float("nan"),
        judged_on="all rows",
        displacement=away,
    )


def test_a_thin_reference_grades_nothing():
    assert grades(evidence(LOW + 1)).tolist() == [-1, 0, 1, 2]
    assert grades(evidence(LOW)).tolist() == [-1, -1, -1, -1]


def test_rows_that_moved_less_were_read_less_often():
    """The training of demo is recorded: how often each id was read, and was to be predicted."""
    record = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "training_counts.json"
    read = np.array(json.loads(record.read_text())["input_counts"])
    rows = rowscope.row_table("demo", evidence=True)
    median = {grade: np.median(read[rows.grade == grade]) for grade in ("barely", "partly", "clearly")}
    assert median["barely"] <= 4 < median["partly"] <= 7 < 100 < median["clearly"]


def test_an_audit_counts_them_and_says_so():
    report = rowscope.audit("demo")
    rows = rowscope.row_table("demo", evidence=True)
    for name in ("used", "reserved"):
        group = report.matrices[0].groups[name]
        assert sum(group.grades.values()) == group.verdicts["trained"]
    assert report.matrices[0].groups["used"].grades["barely"] == (rows.grade == "barely").sum()
    assert {
        token.grade["input"] for token in report.special_tokens if token.verdict["input"] == "trained"
    } == {"clearly"}
    assert "99 rows called trained have barely moved" in " ".join(report.summary)
