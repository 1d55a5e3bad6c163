"""The room of a drawing and the axes around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.render.html.markup import text
from rowscope.inspector.render.html.scale import Scale

WIDTH: Final = 720
LEFT: Final = 64
RIGHT: Final = 14


def scrolled(drawing: str, label: str) -> str:
    """A drawing that keeps its size on a narrow screen, where it is scrolled, from the keyboard too."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{text(label)}">{drawing}</div>'


def opened(height: int, label: str, more: str = "", role: str = "img") -> str:
    """The start of a drawing; `label` says to a screen reader what is to be seen."""
    size = f'viewBox="0 0 {WIDTH} {height}"'
    return f'<svg {size} role="{role}" aria-label="{text(label)}"{more}>'


def across(scale: Scale, base: float, title: str) -> Iterator[str]:
    """The axis below a drawing whose lower edge is `base`."""
    room = WIDTH - LEFT - RIGHT
    yield f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>'
    for share, words in scale.ticks():
        x = round(LEFT + share * room, 1)
        yield f'<line class="axis" x1="{x}" y1="{base}" x2="{x}" y2="{base + 4}"/>'
        yield f'<text x="{x}" y="{base + 17}" text-anchor="middle">{words}</text>'
    yield f'<text x="{LEFT + room / 2}" y="{base + 34}" text-anchor="middle">{text(title)}</text>'


def upright(scale: Scale, top: float, base: float, title: str) -> Iterator[str]:
    """The axis to the left of a drawing between `top` and `base`."""
    yield f'<line class="axis" x1="{LEFT}" y1="{top}" x2="{LEFT}" y2="{base}"/>'
    for share, words in scale.ticks():
        y = round(base - share * (base - top), 1)
        yield f'<line class="axis" x1="{LEFT - 4}" y1="{y}" x2="{LEFT}" y2="{y}"/>'
        yield f'<text x="{LEFT - 7}" y="{y + 4}" text-anchor="end">{words}</text>'
    middle = (top + base) / 2
    turned = f'transform="rotate(-90 12 {middle})"'
    yield f'<text x="12" y="{middle}" text-anchor="middle" {turned}>{text(title)}</text>'
