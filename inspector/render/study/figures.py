"""The figures of a study: plain SVG, inside an HTML page or as files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from rowscope.inspector.audit import JudgedRows
from rowscope.inspector.census import GROUPS
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.model import GradientResult, LeakResult, PolicyResult
from rowscope.inspector.render.html import (
    Layer,
    histogram_svg,
    lines_svg,
    scale_of,
    scatter_svg,
    scrolled,
    text,
)
from rowscope.inspector.study import Figure, Study, Texts
from rowscope.inspector.text import real

_BANDS: Final = ("base", "added", "placeholder", "unmapped")
_PLACES: Final = {"first": "c2", "in_context": "c0", "rollouts": "c1"}
_LINE: Final = 18
_SVG: Final = re.compile(r"<svg .*</svg>", re.S)

# The colours of the pages, for a file that stands alone: the same names, light and dark.
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --line: #d0d7de; --paper: #ffffff; --note: #0b5cad;
  --trained: #8494a8; --collapsed: #d55e00; --initial: #9b3fb5; --vanishing: #00876a; --zero: #1b1f24;
  --nonfinite: #c8102e; --fresh: #0072b2; --damaged: #7a4a1d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --line: #3a424c; --paper: #0f1419;
  --note: #79b8ff; --trained: #66778c; --collapsed: #ff9148; --initial: #d58bea; --vanishing: #3fd0ac;
  --zero: #e6edf3; --nonfinite: #ff6b7d; --fresh: #5bb8f0; --damaged: #d0a070; } }
svg { background: var(--paper); } text { fill: var(--ink); font: 12px system-ui, sans-serif; }
path { fill: var(--own); } .axis { stroke: var(--line); } .bar { fill: var(--note); }
path.dots { fill: none; stroke: var(--own); } .weak { opacity: .3; } .middling { opacity: .62; }
path.line { fill: none; stroke: var(--own); stroke-width: 2; }
path.studied { stroke-width: 2; stroke-linecap: square; }
.c1 path.line { stroke-dasharray: 8 4; } .c2 path.line { stroke-dasharray: 2 3; }
.trained, .c0 { --own: var(--trained); } .collapsed, .c1 { --own: var(--collapsed); }
.initial, .c2 { --own: var(--initial); } .vanishing { --own: var(--vanishing); } .zero { --own: var(--zero); }
.nonfinite { --own: var(--nonfinite); } .fresh { --own: var(--fresh); } .damaged { --own: var(--damaged); }
"""


def figures(study: Study) -> dict[str, str]:
    """Every figure that the study's text names, as a drawing for a page; by its name."""
    return {figure.name: drawing for figure in study.figures if (drawing := _drawing(study, figure))}


def standalone(drawing: str, title: str, description: str) -> str:
    """A drawing as an SVG file: with a title and a description for those who do not see it."""
    found = _SVG.search(drawing)
    assert found is not None
    opening, _, rest = found[0].partition(">")
    opening = opening.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    words = f"<title>{text(title)}</title><desc>{text(description)}</desc>"
    return f"{opening}>{words}<style>{_STYLE}</style>{rest}\n"


def _drawing(study: Study, figure: Figure) -> str:
    texts, material = study.texts, study.material
    if figure.kind == "leak":
        assert isinstance(material.leak, LeakResult)
        return _leak(material.leak, texts, figure.title)
    if figure.kind == "gradient":
        assert isinstance(material.gradient, GradientResult)
        return _gradient(material.gradient, texts, figure.title)
    if figure.kind == "policy":
        assert isinstance(material.policy, PolicyResult)
        return _policy(material.policy, texts, figure.title)
    matrix = next(matrix for matrix in material.report.matrices if matrix.role == figure.role)
    assert matrix.rows is not None
    return (_norms if figure.kind == "norms" else _cloud)(matrix.rows, texts, figure.title)


def _norms(rows: JudgedRows, texts: Texts, title: str) -> str:
    scale = scale_of(rows.norm, magnitude=True)
    if scale is None:
        return ""
    bands = []
    for group in _BANDS:
        values = rows.norm[rows.group == GROUPS.index(group)]
        values = values[np.isfinite(values)]
        if values.size:
            low, middle, high = (real(float(v)) for v in (values.min(), np.median(values), values.max()))
            name = texts.say(f"figure.{group}", count=f"{values.size:,}", low=low, middle=middle, high=high)
            bands.append((name, name, values))
    return histogram_svg(bands, scale, texts.say("figure.norm"), title)


def _cloud(rows: JudgedRows, texts: Texts, title: str) -> str:
    axes = (scale_of(rows.norm, magnitude=True), scale_of(rows.cosine))
    if axes[0] is None or axes[1] is None:
        return ""
    codes = [code for code in range(len(VERDICTS)) if (rows.verdict == code).any()]
    layers = [
        Layer(np.flatnonzero(rows.verdict == code), VERDICTS[code], background=code == 0) for code in codes
    ]
    titles = (texts.say("figure.norm"), texts.say("figure.cosine"))
    drawing = scatter_svg(rows.norm, rows.cosine, layers, (axes[0], axes[1]), titles, title)
    return _keyed(drawing, [(VERDICTS[code], texts.say(f"verdict.{VERDICTS[code]}")) for code in codes])


def _leak(result: LeakResult, texts: Texts, title: str) -> str:
    places = {"first": result.first, "in_context": result.in_context, "rollouts": result.scope("rollouts")}
    found = {name: [cell for cell in cells if cell.filter == "none"] for name, cells in places.items()}
    found = {name: cells for name, cells in found.items() if cells} or {"all": list(result.scope("all"))}
    temperatures = list(dict.fromkeys(cell.temperature for cells in found.values() for cell in cells))
    curves = []
    for name, cells in found.items():
        means = {cell.temperature: cell.mean for cell in cells if cell.filter == "none"}
        words = texts.say(f"figure.place_{name}")
        curves.append((words, _PLACES.get(name, "c0"), [means.get(t) for t in temperatures]))
    axes = (texts.say("figure.mass"), texts.say("figure.temperature"))
    return _curves(lines_svg(temperatures, curves, axes[0], title, below=axes[1]), curves, title)


def _policy(result: PolicyResult, texts: Texts, title: str) -> str:
    """Variants with the same mask in the trainer differ by the text alone: one of each two is drawn."""
    steps = sorted({move.step for move in result.find("none").logits})
    curves = []
    for mask, name, style in (("none", "unmasked", "c1"), ("trainer", "in_trainer", "c0")):
        moves = [result.find(mask).move(step) for step in steps]
        curves.append((texts.say(f"figure.{name}"), style, [m.measured if m else None for m in moves]))
    if any(value is not None and value < 0 for _, _, values in curves for value in values):
        return ""
    axes = (texts.say("figure.moved"), texts.say("figure.step"))
    return _curves(lines_svg(steps, curves, axes[0], title, below=axes[1]), curves, title)


def _gradient(result: GradientResult, texts: Texts, title: str) -> str:
    study = result.find("study")
    part = study and (study.find("all", "both") or study.find("all", "output"))
    if not part or part.norms is None or not (part.norms > 0).any():
        return ""
    probed = np.zeros(part.norms.size, dtype=bool)
    for start, stop in result.settings.subject.ranges:
        probed[start:stop] = True
    moved = part.norms > 0
    styles = (
        ("trained", "figure.used_rows", moved & ~probed),
        ("collapsed studied", "figure.probed_rows", moved & probed),
    )
    layers = [Layer(np.flatnonzero(rows), style, background=style == "trained") for style, _, rows in styles]
    ids = np.arange(part.norms.size, dtype=np.float64)
    up = scale_of(np.where(moved, part.norms, np.nan), magnitude=True)
    across = scale_of(ids)
    if up is None or across is None:
        return ""
    titles = (texts.say("figure.id"), texts.say("figure.gradient_norm"))
    drawing = scatter_svg(ids, part.norms, layers, (across, up), titles, title)
    return _keyed(drawing, [(style, texts.say(key)) for style, key, rows in styles if rows.any()])


def _curves(drawing: str, curves: Sequence[tuple[str, str, object]], title: str) -> str:
    """Lines with their key, told apart by their dashes too: a print may have no colours."""
    if not drawing:
        return ""
    return scrolled(_keyed(drawing, [(style, words) for words, style, _ in curves], lines=True), title)


def _keyed(drawing: str, entries: list[tuple[str, str]], *, lines: bool = False) -> str:
    """The drawing with a key below it: a mark, or a piece of line, and a name each."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing)
    if found is None or not entries:
        return drawing
    width, height = int(found[1]), int(found[2])
    grown = drawing.replace(found[0], f'viewBox="0 0 {width} {height + _LINE * len(entries) + 4}"', 1)
    return grown.replace("</svg>", "".join(_marks(entries, height, lines=lines)) + "</svg>", 1)


def _marks(entries: list[tuple[str, str]], top: int, *, lines: bool) -> Iterator[str]:
    for at, (style, words) in enumerate(entries):
        y = top + _LINE * at
        mark, left = f'<path class="{style}" d="M64 {y}h10v10h-10z"/>', 80
        if lines:
            stroke = f'<path class="line" d="M64 {y + 5}h28"/><path d="M75.5 {y + 2.5}h5v5h-5z"/>'
            mark, left = f'<g class="{style}">{stroke}</g>', 98
        yield f'{mark}<text x="{left}" y="{y + 10}">{text(words)}</text>'
