"""Row norms by group as a small drawing: from the smallest to the largest, the median marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Final

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.rows import NormStats
from rowscope.inspector.text import real

_WIDTH: Final = 640
_LABEL: Final = 110
_LINE: Final = 24
_NAMES: Final = ("used", "base", "added", "reserved", "placeholder", "unmapped")
# Norms that span more than this factor are drawn on a logarithmic scale.
_WIDE: Final = 50.0


def norms_svg(matrix: MatrixReport) -> str:
    """An inline SVG, or an empty string where no group has a finite norm."""
    groups = [
        (name, matrix.groups[name].stats.norm)
        for name in _NAMES
        if name in matrix.groups and math.isfinite(matrix.groups[name].stats.norm.max)
    ]
    top = max((norm.max for _, norm in groups), default=0.0)
    if not groups or top <= 0:
        return ""
    return "".join(_drawing(groups, top))


def _drawing(groups: list[tuple[str, NormStats]], top: float) -> Iterator[str]:
    least = min((norm.min for _, norm in groups if norm.min > 0), default=top)
    logarithmic = top / least > _WIDE

    def x(norm: float) -> float:
        # On a logarithmic scale zero rows stand at the left edge.
        above = math.log(max(norm, least) / least)
        share = above / math.log(top / least) if logarithmic else norm / top
        return round(_LABEL + share * (_WIDTH - _LABEL - 8), 1)

    height = _LINE * len(groups) + 28
    yield (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img" '
        'aria-label="Smallest, median and largest row norm of each group">'
    )
    for at, (name, norm) in enumerate(groups):
        y = _LINE * at + 14
        low, middle, high = real(norm.min), real(norm.median), real(norm.max)
        yield f"<g><title>{name}: smallest {low}, median {middle}, largest {high}</title>"
        yield f'<text x="0" y="{y + 4}">{escape(name)}</text>'
        yield f'<line class="span" x1="{x(norm.min)}" y1="{y}" x2="{x(norm.max)}" y2="{y}"/>'
        yield f'<circle class="middle" cx="{x(norm.median)}" cy="{y}" r="4"/></g>'
    base = _LINE * len(groups) + 6
    yield f'<line class="axis" x1="{_LABEL}" y1="{base}" x2="{_WIDTH - 8}" y2="{base}"/>'
    scale = "row norm, logarithmic" if logarithmic else "row norm"
    left = real(least) if logarithmic else "0"
    yield f'<text x="{_LABEL}" y="{base + 16}">{left}</text>'
    yield f'<text x="{(_LABEL + _WIDTH) // 2}" y="{base + 16}" text-anchor="middle">{scale}</text>'
    yield f'<text x="{_WIDTH - 8}" y="{base + 16}" text-anchor="end">{real(top)}</text></svg>'
