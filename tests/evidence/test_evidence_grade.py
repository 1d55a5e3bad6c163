"""How far trained rows moved: graded by the same bounds as their confidence, for the same rows."""

from __future__ import annotations

import numpy as np
import pytest

import rowscope
from rowscope.inspector.evidence.grade import BARELY, PARTLY, moved
from rowscope.inspector.evidence.model import Reference


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
