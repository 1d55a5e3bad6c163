"""Draws docs/pictures/clouds.svg, the two clouds of `demo`: python docs/pictures/clouds.py

Every row of the demonstration checkpoint by displacement and norm, coloured by how often training met it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import rowscope

HERE = Path(__file__).resolve().parent
COUNTS = HERE.parents[1] / "examples" / "tiny_qwen2" / "training_counts.json"
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 360, 56, 44
BANDS = (
    ("never", 0, 0, "#c0392b"),
    ("1 to 9 times", 1, 9, "#e69f00"),
    ("10 times and more", 10, None, "#2c6fbb"),
)


def main() -> None:
    table = rowscope.row_table("demo", evidence=True)
    (matrix,) = rowscope.audit("demo").matrices
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    seen = np.maximum(counts["input_counts"], counts["target_counts"])
    t, norm = table.displacement, table.norm
    x = LEFT + (WIDTH - LEFT - 12) * np.clip(t, 0, 1.6) / 1.6
    low, high = float(norm.min()), float(norm.max())
    y = 12 + (HEIGHT - BOTTOM - 12) * (high - norm) / (high - low)
    parts = [_frame(low, high)]
    for number, (words, first, last, colour) in enumerate(BANDS[::-1]):
        rows = np.flatnonzero((seen >= first) & (seen <= (last if last is not None else seen.max())))
        step = 3 if rows.size > 3000 else 1  # the crowd is shown by every third row
        dots = "".join(f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="1.6"/>' for i in rows[::step].tolist())
        parts.append(f'<g fill="{colour}" fill-opacity="0.6">{dots}</g>')
        parts.append(_text(WIDTH - 200, 30 + 16 * number, f"seen {words}: {rows.size} rows", colour))
    cut = LEFT + (WIDTH - LEFT - 12) * matrix.cuts["displacement"] / 1.6
    parts.append(f'<path d="M{cut:.1f} 12V{HEIGHT - BOTTOM}" stroke="#333" stroke-dasharray="4 3"/>')
    parts.append(_text(cut + 4, 24, f"cut at t = {matrix.cuts['displacement']:.3f}", "#333"))
    body = "\n".join(parts)
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">\n{body}\n</svg>\n'
    (HERE / "clouds.svg").write_text(picture, encoding="utf-8")


def _frame(low: float, high: float) -> str:
    ticks = "".join(
        _text(LEFT + (WIDTH - LEFT - 12) * at / 1.6 - 8, HEIGHT - BOTTOM + 16, f"{at:.1f}", "#333")
        for at in (0.0, 0.4, 0.8, 1.2, 1.6)
    )
    axes = f'<path d="M{LEFT} 12V{HEIGHT - BOTTOM}H{WIDTH - 12}" fill="none" stroke="#333"/>'
    words = _text(
        LEFT + 170, HEIGHT - 8, "t: distance to the reference, in the used rows' median distance", "#333"
    )
    return (
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{axes}{ticks}{words}'
        + _text(6, 24, f"{high:.1f}", "#333")
        + _text(6, HEIGHT - BOTTOM, f"{low:.1f}", "#333")
        + _text(6, HEIGHT / 2, "norm", "#333")
    )


def _text(x: float, y: float, words: str, colour: str) -> str:
    words = words.replace("'", "&#39;")
    font = 'font-family="sans-serif" font-size="12"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {font} fill="{colour}">{words}</text>'


if __name__ == "__main__":
    main()
