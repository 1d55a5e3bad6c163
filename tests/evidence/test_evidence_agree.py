"""Few rows and all rows are judged alike: of any kinds, tied or not, in any dtype.

ROWSCOPE_EXAMPLES=500 python -m pytest tests/evidence/test_evidence_agree.py    # the long way
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.evidence import look

_SPEC = importlib.util.spec_from_file_location("made_checkpoints", Path(__file__).with_name("made.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
made = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = made
_SPEC.loader.exec_module(made)

EXAMPLES = int(os.environ.get("ROWSCOPE_EXAMPLES", "12"))
KINDS = [*made.KINDS, "fresh"]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=0, max_size=4, unique=True),
    others=st.lists(st.sampled_from(KINDS), min_size=0, max_size=3, unique=True),
    seed=st.integers(0, 1_000_000),
    dtype=st.sampled_from(list(made.DTYPES)),
    unlisted=st.booleans(),
    role=st.sampled_from(["tied", "input", "output"]),
    step=st.integers(1, 200),
    runs=st.booleans(),
)
def test_few_rows_and_all_rows_are_judged_alike(
    tmp_path_factory, kinds, others, seed, dtype, unlisted, role, step, runs
):
    """No row gets one verdict from `ids` and another from all rows with high confidence on both sides.

    With `runs` a few runs of neighbours stand for the used rows, as they do in a large matrix.
    """
    rows, _ = made.make(tuple(kinds), seed, unlisted=unlisted)
    second, _ = made.make(tuple(others), seed + 1, unlisted=unlisted)
    pair = {"tied": (rows, None), "input": (rows, second), "output": (second, rows)}[role]
    folder = made.write(tmp_path_factory.mktemp("c"), pair[0], dtype, head=pair[1])
    ids = np.arange(seed % step, made.ROWS, step)
    asked = {"evidence": True, "role": "output" if role == "output" else "input"}
    with pytest.MonkeyPatch.context() as patch:
        if runs:
            patch.setattr(look, "_BLOCK", 40)
            patch.setattr(look, "_SAMPLE_ROWS", 12 * 24)
        some = rowscope.row_table(folder, ids=ids, **asked)
        whole = rowscope.row_table(folder, ids=ids, full=True, **asked)
    differ = some.verdict != whole.verdict
    assert not (differ & (some.confidence == "high") & (whole.confidence == "high")).any()
    assert differ.sum() <= max(1, 0.002 * ids.size), (some.verdict[differ], whole.verdict[differ])
