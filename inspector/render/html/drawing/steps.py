"""Over the steps of a run: lines, and a grid of states. Steps stand evenly, one below the other picture's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from rowscope.inspector.render.html.drawing.axes import LEFT, RIGHT, WIDTH, opened, upright
from rowscope.inspector.render.html.markup import text
from rowscope.inspector.render.html.scale import scale_of

_HEIGHT: Final = 180
_TOP: Final = 8
_ROW: Final = 18
_NAME: Final = 200
_LABELS: Final = 12

Curve = tuple[str, str, Sequence[float | None]]
States = tuple[str, Sequence[str | None], str]


def lines_svg(
    steps: Sequence[float], curves: Sequence[Curve], title: str, label: str, *, below: str = "step"
) -> str:
    """Curves over steps: name, the style sheet's name for the colour, a value a step or None; values are at
    least 0. `below` says what the steps are. Nothing where no value is."""
    values = np.array([value for _, _, found in curves for value in found if value is not None])
    axis = scale_of(values, magnitude=True) if values.size else None
    if axis is None:
        return ""
    base = _TOP + _HEIGHT
    parts = [opened(base + 42, label), *upright(axis, _TOP, base, title), *_below(steps, base, LEFT, below)]
    for name, style, found in curves:
        shares = axis.share(np.array([math.nan if value is None else value for value in found]))
        points = [
            (x, None if value is None else base - share * _HEIGHT)
            for x, value, share in zip(_places(len(steps), LEFT), found, shares.tolist(), strict=True)
        ]
        parts.append(f'<g class="{style}"><title>{text(name)}</title>{_curve(points)}</g>')
    return "".join([*parts, "</svg>"])


def grid_svg(steps: Sequence[int], rows: Sequence[States], label: str, *, below: str = "step") -> str:
    """A row for each name, a cell a step: the style sheet's name for its colour or None, and the row in
    words, for those who point at it. `below` says what the steps are."""
    base = _ROW * len(rows) + _TOP
    parts = [opened(base + 42, label)]
    wide = (WIDTH - _NAME - RIGHT) / max(len(steps), 1)
    for at, (name, states, spoken) in enumerate(rows):
        top = _TOP + _ROW * at
        parts.append(f"<g><title>{text(spoken)}</title>")
        parts.append(f'<text x="{_NAME - 8}" y="{top + 13}" text-anchor="end">{text(name)}</text>')
        for column, style in enumerate(states):
            if style is not None:
                left = _NAME + column * wide
                path = f"M{left:.1f} {top + 2}h{max(wide - 1, 0.5):.1f}v{_ROW - 4}h-{max(wide - 1, 0.5):.1f}z"
                parts.append(f'<path class="{style}" d="{path}"/>')
        parts.append("</g>")
    return "".join([*parts, *_below(steps, base, _NAME, below), "</svg>"])


def _places(count: int, left: int) -> list[float]:
    """The middle of each step's column."""
    wide = (WIDTH - left - RIGHT) / max(count, 1)
    return [left + (at + 0.5) * wide for at in range(count)]


def _below(steps: Sequence[float], base: float, left: int, title: str = "step") -> Iterator[str]:
    yield f'<line class="axis" x1="{left}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>'
    every = -(-len(steps) // _LABELS)
    for at, x in enumerate(_places(len(steps), left)):
        if at % every == 0:
            yield f'<line class="axis" x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{base + 4}"/>'
            yield f'<text x="{x:.1f}" y="{base + 17}" text-anchor="middle">{steps[at]:,}</text>'
    middle = f"{(left + WIDTH - RIGHT) / 2:.1f}"
    yield f'<text x="{middle}" y="{base + 34}" text-anchor="middle">{text(title)}</text>'


def _curve(points: Sequence[tuple[float, float | None]]) -> str:
    """A stroke through neighbours that have values, a dot at each."""
    strokes, dots, pen = [], [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        strokes.append(f"{pen}{x:.1f} {y:.1f}")
        dots.append(f"M{x - 2.5:.1f} {y - 2.5:.1f}h5v5h-5z")
        pen = "L"
    return f'<path class="line" d="{"".join(strokes)}"/><path d="{"".join(dots)}"/>'
