"""How row norms are spread, a line a group: a picture for terminals, drawn with characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.audit import JudgedRows
from rowscope.inspector.census import GROUP_MEMBERS
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import columns_of, wrap
from rowscope.inspector.text import joined, real, say, told

BLOCKS: Final = "▁▂▃▄▅▆▇█"
SIGNS: Final = ".:-=+*#@"
"""Heights from few rows to many, of a terminal that has block characters and of one that has not."""

_BINS: Final = 48
_LEAST_BINS: Final = 12
# How many times the smallest norm the largest one is where the axis becomes a logarithmic one.
_FAR: Final = 30.0
_JUDGED: Final = frozenset({"trained", "damaged"})


def norm_lines(rows: JudgedRows, width: int, heights: str, lang: str = "en") -> Iterator[Line]:
    """Used, reserved and untrained rows by their norm, each line to its own tallest bar.

    Rows whose norm is no number are left out; the table above counts them. Nothing is drawn for fewer than
    two rows, and where all norms print alike one sentence says so.
    """
    finite = np.isfinite(rows.norm)
    values = rows.norm[finite]
    if values.size < 2:
        return
    low, high = float(values.min()), float(values.max())
    if real(low) == real(high):
        yield Line(f"  {told(say('Every row has the norm {norm}.', norm=real(low)), lang)}")
        return
    groups = {name: rows.norm[finite & members] for name, members in _members(rows).items()}
    groups = {name: norms for name, norms in groups.items() if norms.size}
    heads = {name: _head(told(_NAMES[name], lang), norms.size) for name, norms in groups.items()}
    indent = columns_of(next(iter(heads.values())))
    bins = max(_LEAST_BINS, min(_BINS, width - indent))
    edges, scale = _edges(values, bins)
    title = told(say("Rows by norm{scale}, each line to its own height:", scale=scale), lang)
    yield from map(Line, wrap(title, width, "  ", chinese=lang == "zh"))
    for name, norms in groups.items():
        yield Line(heads[name] + _bars(norms, edges, heights).rstrip())
    left, right = real(low), real(high)
    yield Line(f"{'':<{indent}}{left}{right:>{max(bins - len(left), len(right) + 1)}}", "dim")


_NAMES: Final = {"used": say("used"), "reserved": say("reserved"), "untrained": say("untrained")}


def _head(name: str, count: int) -> str:
    return f"  {name}{' ' * (9 - columns_of(name))}  {count:>9,}  "


def _members(rows: JudgedRows) -> Mapping[str, NDArray[np.bool_]]:
    untrained = [code for code, verdict in enumerate(VERDICTS) if verdict not in _JUDGED]
    return {
        "used": np.isin(rows.group, GROUP_MEMBERS["used"]),
        "reserved": np.isin(rows.group, GROUP_MEMBERS["reserved"]),
        "untrained": np.isin(rows.verdict, untrained),
    }


def _edges(values: NDArray[np.float64], bins: int) -> tuple[NDArray[np.float64], str]:
    """Limits of the bins, and a word on the axis; of a logarithmic one the first bin holds the zeros."""
    low, high = float(values.min()), float(values.max())
    positive = values[values > 0]
    least = float(positive.min())
    if high < _FAR * least:
        return np.linspace(low, high, bins + 1), joined("", [])
    if low > 0:
        return np.geomspace(low, high, bins + 1), say(" on a logarithmic axis")
    return np.r_[0.0, np.geomspace(least, high, bins)], say(" on a logarithmic axis, zeros at the left")


def _bars(norms: NDArray[np.float64], edges: NDArray[np.float64], heights: str) -> str:
    inner = edges[1:-1]  # rounding must not put the largest one outside
    counts = np.bincount(np.searchsorted(inner, norms, side="right"), minlength=edges.size - 1)
    tall = np.ceil(counts * len(heights) / counts.max()).astype(np.int64)
    return "".join(heights[height - 1] if height else " " for height in tall.tolist())
