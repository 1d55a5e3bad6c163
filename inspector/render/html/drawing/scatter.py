"""A cloud of all rows: which cells of a fine grid hold rows of which class, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.render.html.drawing.axes import LEFT, RIGHT, WIDTH, across, opened, scrolled, upright
from rowscope.inspector.render.html.scale import Scale

_CELLS: Final = (321, 160)  # of two pixels each way
_SIZE: Final = 2
_TOP: Final = 8
# Up to so many rows of a class in a cell are drawn weak, middling; more are drawn full.
_DENSITIES: Final = (("weak", 0, 3), ("middling", 3, 20), ("", 20, np.inf))


@record
class Layer:
    """Rows of one class: positions in the arrays, and the style sheet's name for its colour.

    `background`: where few of them are, they are drawn pale; of other layers every row stands out.
    """

    rows: NDArray[np.int64]
    style: str
    background: bool = False


def scatter_svg(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    layers: Sequence[Layer],
    axes: tuple[Scale, Scale],
    titles: tuple[str, str],
    label: str,
) -> str:
    """Rows at (x, y), later layers over earlier ones; rows that lack a number are left out."""
    return scrolled("".join(_drawing(x, y, layers, axes, titles, label)), label)


def _drawing(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    layers: Sequence[Layer],
    axes: tuple[Scale, Scale],
    titles: tuple[str, str],
    label: str,
) -> Iterator[str]:
    columns, lines = _CELLS
    base = _TOP + _SIZE * lines
    yield opened(base + 42, label)
    yield from upright(axes[1], _TOP, base, titles[1])
    yield from across(axes[0], base, titles[0])
    assert LEFT + _SIZE * columns + RIGHT == WIDTH
    yield f'<g transform="translate({LEFT} {_TOP}) scale({_SIZE})" fill="none" stroke-width="1">'
    for layer in layers:
        rows = layer.rows[np.isfinite(x[layer.rows]) & np.isfinite(y[layer.rows])]
        across_cells = np.minimum((axes[0].share(x[rows]) * columns).astype(np.int64), columns - 1)
        up_cells = np.minimum((axes[1].share(y[rows]) * lines).astype(np.int64), lines - 1)
        cells, counts = np.unique((lines - 1 - up_cells) * columns + across_cells, return_counts=True)
        for name, above, most in _DENSITIES:
            drawn = cells[(counts > above) & (counts <= most)]
            if drawn.size:
                strength = f" {name}" if name and layer.background else ""
                yield f'<path class="dots {layer.style}{strength}" d="{_runs(drawn, columns)}"/>'
    yield "</g></svg>"


def _runs(cells: NDArray[np.int64], columns: int) -> str:
    """Sorted cells as strokes, neighbours of a line joined."""
    breaks = (np.diff(cells) != 1) | (cells[1:] % columns == 0)
    starts = np.concatenate(([0], np.flatnonzero(breaks) + 1))
    lengths = np.diff(np.append(starts, cells.size))
    first = cells[starts]
    places = zip((first % columns).tolist(), (first // columns).tolist(), lengths.tolist(), strict=True)
    return "".join(f"M{column} {line}.5h{length}" for column, line, length in places)
