"""The id axis as a strip: of every 256 ids, which share has which class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from rowscope.inspector.render.html.drawing.axes import LEFT, RIGHT, WIDTH, across, opened, scrolled
from rowscope.inspector.render.html.drawing.scatter import Layer
from rowscope.inspector.render.html.scale import Scale

BLOCK: Final = 256

_HEIGHT: Final = 56
_TOP: Final = 4
_LEAST: Final = 3.0  # a class that a block has at all is seen


def strip_svg(rows: int, layers: Sequence[Layer], title: str, label: str) -> str:
    """Blocks of 256 ids from left to right; the first layer fills what the others leave."""
    return scrolled("".join(_drawing(rows, layers, title, label)), label)


def _drawing(rows: int, layers: Sequence[Layer], title: str, label: str) -> Iterator[str]:
    blocks = -(-rows // BLOCK)
    sizes = np.minimum(BLOCK, rows - BLOCK * np.arange(blocks))
    step = (WIDTH - LEFT - RIGHT) / (rows / BLOCK)
    yield opened(_TOP + _HEIGHT + 42, label, f' class="strip" data-rows="{rows}"')
    ground = np.full(blocks, float(_TOP + _HEIGHT))
    for at, layer in enumerate(reversed(layers)):
        share = np.bincount(layer.rows // BLOCK, minlength=blocks) / sizes
        height = np.where(share > 0, np.maximum(share * _HEIGHT, _LEAST), 0.0)
        height = np.minimum(height, ground - _TOP)
        if at == len(layers) - 1:
            height = np.where(share > 0, ground - _TOP, 0.0)
        path = "".join(
            f"M{LEFT + block * step:.1f} {ground[block]:.1f}v-{height[block]:.1f}"
            f"h{step * sizes[block] / BLOCK:.2f}v{height[block]:.1f}z"
            for block in np.flatnonzero(height).tolist()
        )
        if path:
            yield f'<path class="{layer.style}" d="{path}"/>'
        ground = ground - height
    yield from across(Scale(0, rows, whole=True), _TOP + _HEIGHT, title)
    yield "</svg>"
