"""Ordinary rows that no step has moved, among trained ones that look as random by chance."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import rowscope

_SPEC = importlib.util.spec_from_file_location("made_untouched", Path(__file__).with_name("made.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
made = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = made
_SPEC.loader.exec_module(made)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.0, 0.06])
def test_where_chance_makes_some_nobody_is_sure(tmp_path: Path, seed: int, share: float) -> None:
    """Untied input; a `share` of the trained rows is isotropic, of norms about that of the start."""
    random = np.random.default_rng(seed)
    rows = made.trained(random)
    start = np.concatenate((made.IDLE, made.PLACEHOLDER, made.UNMAPPED_IDS))
    rows[start] = made.initial(random, start.size, 1.0)
    plain = np.setdiff1d(np.arange(made.PLACEHOLDER[0]), start)
    odd = random.permutation(plain)[: int(share * plain.size)]
    rows[odd] = made.initial(random, odd.size, 1.0) * random.lognormal(0, 0.25, (odd.size, 1))
    folder = made.write(tmp_path / "c", rows, head=made.trained(random))
    table = rowscope.row_table(folder, evidence=True)
    initial = table.verdict == "initial"
    assert initial[start].mean() > 0.98
    believed = made.UNMAPPED_IDS[initial[made.UNMAPPED_IDS]]
    assert (table.confidence[believed] == "high").all()
    assert set(table.confidence[made.IDLE][initial[made.IDLE]]) == ({"medium"} if share else {"high"})
    wrong = np.setdiff1d(np.flatnonzero(initial), start)
    assert set(wrong) <= set(odd)
    assert (table.confidence[wrong] != "high").all()
