"""Rows that are a sum of rows of the pieces of their own text are fresh, whatever wrote them."""

from __future__ import annotations

import numpy as np
import pytest

import rowscope
from rowscope.inspector.checkpoint import CLAIM_RECORD

TOKEN, ROW = "number_rows", 4016


@pytest.mark.parametrize("values", ["text:number_rows", "text:number", "mean", "normal"])
def test_what_a_claim_wrote_is_fresh_by_its_record(tmp_path, values):
    rowscope.claim_into("demo", [TOKEN], tmp_path / "c", values=values)
    table = rowscope.row_table(tmp_path / "c", ids=np.array([ROW]), evidence=True)
    assert table.verdict[0] == "fresh"
    assert values in table.recipe[0]


def test_pieces_are_recognised_without_a_record(tmp_path):
    """The claim scales the mean of the pieces to the norm of trained rows; the sum is seen all the same."""
    rowscope.claim_into("demo", [TOKEN], tmp_path / "c", values=f"text:{TOKEN}")
    (tmp_path / "c" / CLAIM_RECORD).unlink()
    for options in ({}, {"full": True}):
        table = rowscope.row_table(tmp_path / "c", ids=np.array([ROW]), evidence=True, **options)
        assert table.verdict[0] == "fresh"
        assert "pieces" in table.recipe[0]


def test_rows_of_other_pieces_are_no_sum_of_these(tmp_path):
    """A row made of another text is not said to come from this one's."""
    rowscope.claim_into("demo", [TOKEN], tmp_path / "c", values="text:the model was trained")
    (tmp_path / "c" / CLAIM_RECORD).unlink()
    table = rowscope.row_table(tmp_path / "c", ids=np.array([ROW]), evidence=True, full=True)
    assert "pieces" not in (table.recipe[0] or "")
