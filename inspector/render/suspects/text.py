"""The ranked list of suspects for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rowscope.inspector.listing import Suspect, Suspects
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import by_recipe, columns, plural, shorten, wrap
from rowscope.inspector.text import cosine, real, visible
from rowscope.inspector.vocabulary import shown_token

_TOKEN_WIDTH = 26
_NUMBERS = (0, 5, 6, 7, 8)


def suspects_lines(suspects: Suspects, *, width: int) -> Iterator[Line]:
    """One line a suspect: id, token as text, group, verdict and its numbers."""
    if not len(suspects.rows):
        yield Line("no row looks untrained", "good")
    else:
        yield from (Line(line) for line in columns(_Table(suspects.rows), width, _NUMBERS, indent=""))
    fresh = ((row.id, row.recipe) for row in suspects.rows)
    yield from (Line(line, "dim") for line in by_recipe(fresh, width))
    hidden = suspects.total - len(suspects.rows)
    if hidden:
        yield Line(f"{plural(hidden, 'row')} more: --limit 0 lists all", "dim")
    yield from (Line(text, "dim") for text in wrap(visible(suspects.note), width, ""))


class _Table:
    """The cells of all suspects under their heading, made anew each time that they are gone through."""

    def __init__(self, rows: Sequence[Suspect]) -> None:
        self._rows = rows
        # Whether a model was asked about any: what it said then stands in the centred cosine's place.
        self._asked = any(row.verified is not None for row in rows)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        more = "model" if self._asked else "centred"
        names: tuple[str, ...] = ("id", "token", "group", "verdict", "confidence", "cosine", more, "norm")
        yield names if self._rows[0].reachable is None else (*names, "reachable")
        yield from (_cells(row, asked=self._asked) for row in self._rows)


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
