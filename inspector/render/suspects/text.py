"""The ranked list of suspects for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rowscope.inspector.listing import Suspect, Suspects
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import by_recipe, columns, shorten
from rowscope.inspector.render.spoken import in_language, spoken_lines
from rowscope.inspector.text import cosine, real, say, told
from rowscope.inspector.vocabulary import shown_token

_TOKEN_WIDTH = 26
_NUMBERS = (0, 5, 6, 7, 8)


def suspects_lines(suspects: Suspects, *, width: int, lang: str = "en") -> Iterator[Line]:
    """One line a suspect: id, token as text, group, verdict and its numbers."""
    if not len(suspects.rows):
        yield Line(told(say("no row looks untrained"), lang), "good")
    else:
        yield from (Line(line) for line in columns(_Table(suspects.rows, lang), width, _NUMBERS, indent=""))
    fresh = ((row.id, row.recipe) for row in suspects.rows)
    below: list[str] = list(by_recipe(fresh))
    hidden = suspects.total - len(suspects.rows)
    if hidden:
        below.append(say("{count:# row|# rows} more: --limit 0 lists all", count=hidden))
    yield from spoken_lines([*below, suspects.note], width, "", lang, "dim")


class _Table:
    """The cells of all suspects under their heading, made anew each time that they are gone through."""

    def __init__(self, rows: Sequence[Suspect], lang: str) -> None:
        self._rows, self._lang = rows, lang
        # Whether a model was asked about any: what it said then stands in the centred cosine's place.
        self._asked = any(row.verified is not None for row in rows)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        more = "model" if self._asked else "centred"
        names: tuple[str, ...] = ("id", "token", "group", "verdict", "confidence", "cosine", more, "norm")
        names = names if self._rows[0].reachable is None else (*names, "reachable")
        yield in_language([names], self._lang, "suspects")[0]
        reached = {True: told(say("yes"), self._lang), False: told(say("no"), self._lang)}
        for row in self._rows:
            cells = _cells(row, asked=self._asked)
            yield cells if row.reachable is None else (*cells, reached[row.reachable])


def _cells(row: Suspect, *, asked: bool) -> tuple[str, ...]:
    return (
        str(row.id),
        shorten(shown_token(row.token, row.text), _TOKEN_WIDTH),
        row.group,
        row.verdict,
        row.confidence,
        cosine(row.cosine),
        row.verified or "-" if asked else cosine(row.centred_cosine),
        real(row.norm),
    )
