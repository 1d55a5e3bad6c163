"""Pictures of all rows of an audit, and the words that say what to look for in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rowscope.inspector.audit import JudgedRows, MatrixReport, Report
from rowscope.inspector.census import GROUPS
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.ranges import to_ranges
from rowscope.inspector.render.audit.html_rows import axes_of, ids_in_words, matrix_name, verdict_names
from rowscope.inspector.render.html import (
    BLOCK,
    Layer,
    Words,
    bars_svg,
    histogram_svg,
    note,
    picture_controls,
    scale_of,
    scatter_svg,
    strip_svg,
    text,
)
from rowscope.inspector.text import real

_CLUSTERS: Final = 12
_BANDS: Final = ("base", "added", "placeholder", "unmapped")


def _drawn(report: Report) -> Iterator[tuple[MatrixReport, JudgedRows]]:
    return ((matrix, matrix.rows) for matrix in report.matrices if matrix.rows is not None)


def _layers(rows: JudgedRows) -> list[Layer]:
    """Verdicts that occur, trained ones at the back."""
    found = ((code, np.flatnonzero(rows.verdict == code)) for code in range(len(VERDICTS)))
    return [Layer(ids, VERDICTS[code], background=code == 0) for code, ids in found if ids.size or code == 0]


def pictures(report: Report, words: Words) -> Iterator[str]:
    """Norm against cosine to the reference."""
    if all(axes_of(rows) is None for _, rows in _drawn(report)):
        yield from _clouds(report, words)
        return
    yield note(words.say("picture.meaning"))
    yield from picture_controls(words, _clouds(report, words))


def _clouds(report: Report, words: Words) -> Iterator[str]:
    for matrix, rows in _drawn(report):
        axes = axes_of(rows)
        name = matrix_name(matrix, words)
        yield f"<figure><h3>{text(name)}</h3>"
        if axes is None:
            yield note(words.say("picture.no_reference", why=words.told(matrix.reference_note))) + "</figure>"
            continue
        missing = int((~np.isfinite(rows.norm) | ~np.isfinite(rows.cosine)).sum())
        yield _legend(matrix, rows, words)
        titles = (words.say("label.norm"), words.say("label.cosine"))
        label = words.say("picture.cloud", matrix=name)
        yield scatter_svg(rows.norm, rows.cosine, _layers(rows), axes, titles, label)
        yield f"<figcaption>{text(words.say('picture.caption', rows=rows.norm.size))}"
        yield f" {text(words.say('picture.missing', count=missing))}" if missing else ""
        yield "</figcaption></figure>"


def _legend(matrix: MatrixReport, rows: JudgedRows, words: Words) -> str:
    counts = np.bincount(rows.verdict, minlength=len(VERDICTS)).tolist()
    marks = (
        f'<span><span class="mark {style}"></span>{text(name)} ({count:,})</span>'
        for style, name, count in zip(VERDICTS, verdict_names(matrix, words), counts, strict=True)
        if count
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def histogram_part(report: Report, words: Words) -> Iterator[str]:
    """Norms by group."""
    yield note(words.say("picture.norms"))
    for matrix, rows in _drawn(report):
        scale = scale_of(rows.norm, magnitude=True)
        if scale is None:
            continue
        bands = []
        for group in _BANDS:
            values = rows.norm[rows.group == GROUPS.index(group)]
            finite = values[np.isfinite(values)]
            if not finite.size:
                continue
            low, middle, high = (real(float(v)) for v in (finite.min(), np.median(finite), finite.max()))
            name = words.say("picture.band", group=words.say(f"group.{group}"), rows=values.size)
            spread = words.say("picture.spread", low=low, middle=middle, high=high)
            bands.append((f"{name}: {spread}", f"{group}: {spread}", finite))
        name = matrix_name(matrix, words)
        label = words.say("picture.histogram", matrix=name)
        drawing = histogram_svg(bands, scale, words.say("label.norm"), label)
        yield f"<figure><h3>{text(name)}</h3>{drawing}</figure>"


def strip_part(report: Report, words: Words) -> Iterator[str]:
    """Verdicts along the id axis."""
    yield note(words.say("picture.strip", block=BLOCK))
    for matrix, rows in _drawn(report):
        name = matrix_name(matrix, words)
        label = words.say("picture.strip_label", matrix=name)
        drawing = strip_svg(rows.norm.size, _layers(rows), words.say("label.token_id"), label)
        yield f"<figure><h3>{text(name)}</h3>{_legend(matrix, rows, words)}{drawing}</figure>"


def cluster_part(report: Report, words: Words) -> Iterator[str]:
    """Rows that are copies of each other, the largest clusters first."""
    yield note(words.say("picture.clusters"))
    for matrix, rows in _drawn(report):
        name = matrix_name(matrix, words)
        yield f"<figure><h3>{text(name)}</h3>"
        first = rows.duplicate_of
        heads, sizes = np.unique(first[first >= 0], return_counts=True)
        if not heads.size:
            yield f"<p>{text(words.say('picture.no_clusters'))}</p></figure>"
            continue
        largest = np.argsort(-sizes, kind="stable")[:_CLUSTERS]
        bars = []
        for head, size in zip(heads[largest].tolist(), sizes[largest].tolist(), strict=True):
            where = ids_in_words(to_ranges(np.flatnonzero(first == head)), words)
            verdict = VERDICTS[rows.verdict[head]]
            said = words.say(
                "picture.cluster", rows=size, where=where, verdict=words.say(f"verdict.{verdict}")
            )
            bars.append((said, size, verdict, f"#copies-{head}"))
        yield bars_svg(bars, words.say("picture.clusters_label", matrix=name))
        total = words.say("picture.clusters_all", clusters=heads.size, rows=int(sizes.sum()))
        yield f"<figcaption>{text(total)}</figcaption></figure>"
