"""Pictures that stand in a page without a script: plain SVG, coloured by the page's style sheet.

Knows arrays and scales. Must not know verdicts: classes come with their names.
"""

from rowscope.inspector.render.html.drawing.axes import scrolled
from rowscope.inspector.render.html.drawing.bars import bars_svg, histogram_svg
from rowscope.inspector.render.html.drawing.scatter import Layer, scatter_svg
from rowscope.inspector.render.html.drawing.steps import grid_svg, lines_svg
from rowscope.inspector.render.html.drawing.strip import BLOCK, strip_svg

__all__ = [
    "BLOCK",
    "Layer",
    "bars_svg",
    "grid_svg",
    "histogram_svg",
    "lines_svg",
    "scatter_svg",
    "scrolled",
    "strip_svg",
]
