"""The ranked list of suspects for people."""

from __future__ import annotations

from collections.abc import Iterator

from rowscope.inspector.listing import Suspect, Suspects
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import by_recipe, columns, plural, shorten, wrap
from rowscope.inspector.text import cosine, real, visible
from rowscope.inspector.vocabulary import shown_token

_TOKEN_WIDTH = 26
_NUMBERS = (0, 5, 6, 7, 8)


def suspects_lines(suspects: Suspects, *, width: int) -> Iterator[Line]:
    """One line a suspect: id, token as text, group, verdict and its numbers."""
    if not suspects.rows:
        yield Line("no row looks untrained", "good")
    else:
        asked = _asked(suspects.rows)
        cells = [_heading(suspects.rows), *(_cells(row, asked=asked) for row in suspects.rows)]
        yield from (Line(line) for line in columns(cells, width, _NUMBERS, indent=""))
    fresh = ((row.id, row.recipe) for row in suspects.rows)
    yield from (Line(line, "dim") for line in by_recipe(fresh, width))
    hidden = suspects.total - len(suspects.rows)
    if hidden:
        yield Line(f"{plural(hidden, 'row')} more: --limit 0 lists all", "dim")
    yield from (Line(text, "dim") for text in wrap(visible(suspects.note), width, ""))


def _heading(rows: tuple[Suspect, ...]) -> tuple[str, ...]:
    known = any(row.reachable is not None for row in rows)
    more = "model" if _asked(rows) else "centred"
    names = ("id", "token", "group", "verdict", "confidence", "cosine", more, "norm")
    return (*names, "reachable") if known else names


def _asked(rows: tuple[Suspect, ...]) -> bool:
    """Whether a model was asked about any of them: what it said then stands in the centred cosine's place."""
    return any(row.verified is not None for row in rows)


def _cells(row: Suspect, *, asked: bool) -> tuple[str, ...]:
    cells = (
        str(row.id),
        shorten(shown_token(row.token, row.text), _TOKEN_WIDTH),
        row.group,
        row.verdict,
        row.confidence,
        cosine(row.cosine),
        row.verified or "-" if asked else cosine(row.centred_cosine),
        real(row.norm),
    )
    return cells if row.reachable is None else (*cells, "yes" if row.reachable else "no")
