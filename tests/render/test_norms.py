"""Bars of norms: heights are those of numpy's histogram, also of tables with one value, zeros or NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.audit import JudgedRows
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.render.audit import BLOCKS, SIGNS
from rowscope.inspector.render.audit.norms import norm_lines

WIDTH = 80


def judged(norms, group=3, verdict=0):
    norms = np.asarray(norms, dtype=np.float64)
    same = np.ones(norms.size, dtype=np.int8)
    none = -np.ones(norms.size, dtype=np.int64)
    return JudgedRows(norms, norms, verdict * same, same, -same, group * same, none)


def drawn(rows, width=WIDTH, heights=BLOCKS):
    """Group -> (rows, bars), and the other lines."""
    lines = [line.text for line in norm_lines(rows, width, heights)]
    assert all(len(line) <= width for line in lines)
    bars = {}
    for line in lines:
        name, count, *_ = [*line.split(), ""]
        if name not in ("used", "reserved", "untrained"):
            continue
        bars[name] = (int(count.replace(",", "")), line[24:])
    return bars, lines


def test_heights_are_those_of_a_histogram():
    norms = np.random.default_rng(0).normal(1, 0.1, 5000)
    bars, lines = drawn(judged(norms))
    assert list(bars) == ["used"]
    assert bars["used"][0] == 5000
    counts, _ = np.histogram(norms, 48)
    expected = np.ceil(counts * 8 / counts.max()).astype(int)
    found = [BLOCKS.find(sign) + 1 for sign in bars["used"][1].ljust(48)]
    assert found == expected.tolist()
    assert lines[0] == "  Rows by norm, each line to its own height:"
    assert lines[-1].split() == [f"{norms.min():.4g}", f"{norms.max():.4g}"]


def test_groups_and_untrained_rows_share_the_axis():
    bars, _ = drawn(rowscope.audit("demo").matrices[0].rows)
    assert {name: count for name, (count, _) in bars.items()} == {
        "used": 4008,
        "reserved": 88,
        "untrained": 270,
    }
    assert bars["reserved"][1].strip() == bars["untrained"][1].strip()
    assert len(bars["reserved"][1]) == len(bars["used"][1]) == 48


def test_damaged_rows_are_not_called_untrained():
    assert list(drawn(judged([1, 2], verdict=VERDICTS.index("damaged")))[0]) == ["used"]
    assert list(drawn(judged([1, 2], verdict=VERDICTS.index("zero")))[0]) == ["used", "untrained"]


@pytest.mark.parametrize("value", [0.0, 0.8933, 1e-30, 3e38])
def test_one_value(value):
    (line,) = [line.text for line in norm_lines(judged([value] * 9), WIDTH, BLOCKS)]
    assert line.startswith("  Every row has the norm ")
    assert float(line.rstrip(".").split()[-1]) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize("norms", [[], [1.0], [np.nan, np.inf], [np.nan, 2.0]])
def test_nothing_to_compare(norms):
    assert list(norm_lines(judged(norms), WIDTH, BLOCKS)) == []


def test_a_wide_spread_has_a_logarithmic_axis():
    bars, lines = drawn(judged([1e-3, 1e-3, 1.0, 1.0]))
    assert "logarithmic" in " ".join(lines)
    assert bars["used"][1].split() == ["█", "█"]
    bars, lines = drawn(judged([0, 1e-6, 1e6]))
    assert "zeros at the left" in " ".join(lines[:2])
    assert bars["used"][1].count("█") == 3
    assert lines[-1].split()[0] == "0"


@given(
    st.lists(st.one_of(st.floats(0), st.just(np.nan)), max_size=40),
    st.integers(60, 140),
    st.sampled_from([BLOCKS, SIGNS]),
)
def test_every_row_stands_somewhere(norms, width, heights):
    rows = judged(norms)
    bars, lines = drawn(rows, width, heights)
    if len(lines) > 1:
        count, line = bars["used"]
        assert count == np.isfinite(rows.norm).sum()
        assert heights[-1] in line


def test_where_bars_are_shown(run, tmp_path):
    words = ["audit", "demo", "--color", "never"]
    assert "█" not in run(*words)[1]
    assert "█" in run(*words, "-v")[1]
    assert "█" not in run(*words, "-v", "-q")[1]
    assert "█" not in run(*words, "-v", "--brief")[1]
    run(*words, "-o", tmp_path / "plain.txt")
    assert "█" not in (tmp_path / "plain.txt").read_text()
