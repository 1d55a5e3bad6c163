"""Histograms, one band a group, and plain bars with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.render.html.drawing.axes import LEFT, RIGHT, WIDTH, across, opened, scrolled
from rowscope.inspector.render.html.markup import text
from rowscope.inspector.render.html.scale import Scale

_BINS: Final = 107  # of six pixels
_BAND: Final = 46
_BAR: Final = 24

Band = tuple[str, str, NDArray[np.float64]]


def histogram_svg(bands: Sequence[Band], scale: Scale, title: str, label: str) -> str:
    """One band a group, each to its own height: its label, a title for those who point at it, values [n]."""
    return scrolled("".join(_histogram(bands, scale, title, label)), label)


def _histogram(bands: Sequence[Band], scale: Scale, title: str, label: str) -> Iterator[str]:
    base = _BAND * len(bands) + 2
    yield opened(base + 42, label)
    room = WIDTH - LEFT - RIGHT
    for at, (name, spoken, values) in enumerate(bands):
        ground = _BAND * (at + 1)
        counts = np.bincount(
            np.minimum((scale.share(values[np.isfinite(values)]) * _BINS).astype(np.int64), _BINS - 1),
            minlength=_BINS,
        )
        height = np.where(counts > 0, np.maximum(counts / max(counts.max(), 1) * (_BAND - 18), 1.5), 0)
        wide = room / _BINS
        path = "".join(
            f"M{LEFT + bin * wide:.1f} {ground}v-{height[bin]:.1f}h{wide - 0.5:.1f}v{height[bin]:.1f}z"
            for bin in np.flatnonzero(counts).tolist()
        )
        yield f'<g><title>{text(spoken)}</title><path class="bar" d="{path}"/>'
        yield f'<text x="{LEFT + 4}" y="{ground - _BAND + 13}">{text(name)}</text></g>'
    yield from across(scale, base, title)
    yield "</svg>"


def bars_svg(bars: Sequence[tuple[str, int, str, str]], label: str) -> str:
    """Bars one below the other: label, value, the style sheet's name for the colour, what they link to."""
    most = max((value for _, value, _, _ in bars), default=1)
    parts = [opened(_BAR * len(bars) + 4, label, role="group")]
    for at, (name, value, style, target) in enumerate(bars):
        top = _BAR * at + 2
        width = max(value / most * (WIDTH / 3), 2.0)
        parts.append(f'<path class="{style}" d="M0 {top}h{width:.1f}v{_BAR - 6}h-{width:.1f}z"/>')
        parts.append(f'<a href="{target}"><text x="{width + 8:.1f}" y="{top + 13}">{text(name)}</text></a>')
    return scrolled("".join([*parts, "</svg>"]), label)
