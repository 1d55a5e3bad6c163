"""All rows of an audit as the page's table gets them: names, groups, verdicts, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.audit import JudgedRows, MatrixReport, Report, SpecialTokenReport
from rowscope.inspector.census import GROUPS, RESERVED
from rowscope.inspector.evidence import CONFIDENCES, TRAINED, VERDICTS
from rowscope.inspector.ranges import Range
from rowscope.inspector.render.html import (
    Scale,
    View,
    Words,
    code_column,
    id_column,
    integer_column,
    real_column,
    scale_of,
    sparse_column,
    text_column,
)

# From so many rows on those without a verdict of note keep only what a picture shows of them.
_MANY: Final = 50_000
# Up to so many rows in all matrices a page with fine steps stays below 2 MB.
_FEW: Final = 160_000
SUSPECT, SPECIAL = 1, 2


def matrix_name(matrix: MatrixReport, words: Words, *, short: bool = False) -> str:
    """`Input: model.embed_tokens.weight`, not yet made visible."""
    role = words.say(f"role.{matrix.role}")
    return role if short else words.say("page.matrix", role=role, tensor=matrix.tensor)


def verdict_names(matrix: MatrixReport, words: Words) -> list[str]:
    """What each verdict is called; without a reference nothing tells that a row is trained."""
    names = [words.say(f"verdict.{name}") for name in VERDICTS]
    if matrix.reference is None:
        names[TRAINED] = words.say("verdict.untold")
    return names


def ids_in_words(ranges: Sequence[Range], words: Words, limit: int = 3) -> str:
    """Half-open ranges as people say them, both ends included: `128, 151665–151935`."""
    shown = [str(start) if stop - start == 1 else f"{start}–{stop - 1}" for start, stop in ranges[:limit]]
    more = sum(stop - start for start, stop in ranges[limit:])
    return ", ".join(shown) + (f" {words.say('page.more_ids', count=more)}" if more else "")


def axes_of(rows: JudgedRows) -> tuple[Scale, Scale] | None:
    """Scales of norm and cosine; None where no row has both. Without a reference the second is None."""
    norm = scale_of(rows.norm, magnitude=True)
    cosine = scale_of(rows.cosine)
    return None if norm is None or cosine is None else (norm, cosine)


def views(report: Report, words: Words) -> list[View]:
    """One for each matrix whose rows the report holds."""
    return [
        _view(report, matrix, matrix.rows, words) for matrix in report.matrices if matrix.rows is not None
    ]


def texts_of(report: Report) -> Iterator[str]:
    """What every id is called, for people; without a tokenizer nothing is called anything."""
    rows = max((matrix.shape[0] for matrix in report.matrices), default=0)
    vocabulary = report.vocabulary
    if vocabulary is None:
        return iter(())
    return (vocabulary.shown(id) for id in range(rows))


def _view(report: Report, matrix: MatrixReport, rows: JudgedRows, words: Words) -> View:
    count = rows.verdict.size
    specials = [token for token in report.special_tokens if token.id < count]
    listed = _listed(rows, specials)
    coarse = listed == 0 if count * len(report.matrices) > _MANY else None
    few = count * len(report.matrices) <= _FEW
    label = words.section("label")
    names = verdict_names(matrix, words)
    columns = [
        id_column(label["id"], None),
        text_column("token", label["token"], None),
        code_column("verdict", label["verdict"], rows.verdict, names, VERDICTS),
        code_column("group", label["group"], rows.group, [words.say(f"group.{name}") for name in GROUPS]),
    ]
    axes = axes_of(rows)
    norm, cosine = axes if axes is not None else (scale_of(rows.norm, magnitude=True), None)
    if norm is not None:
        columns.append(real_column("norm", label["norm"], rows.norm, norm, coarse=coarse, few=few))
    if cosine is not None:
        columns.append(
            real_column("cosine", label["cosine"], rows.cosine, cosine, form="cosine", coarse=coarse, few=few)
        )
    uses = {token.id: ", ".join((*token.roles, *token.uses)) for token in specials}
    columns += [
        integer_column("copies", label["copies"], copies_of(rows), zero=""),
        code_column("confidence", label["confidence"], rows.confidence, _confidences(words)),
        sparse_column("roles", label["roles"], {id: use for id, use in uses.items() if use}),
        integer_column("same", label["same"], rows.duplicate_of + 1, hidden=True),
    ]
    return View(
        name=matrix_name(matrix, words),
        rows=count,
        columns=columns,
        by="verdict",
        groups="group",
        listed=listed,
        order=_order(rows, listed, [token.id for token in specials if in_use(token)]),
        picture=None if axes is None else ("norm", "cosine"),
        rough=coarse is not None,
    )


def in_use(token: SpecialTokenReport) -> bool:
    """Whether a role or a template asks for it; the tokenizer's own list of additional ones says nothing."""
    return bool(set(token.roles) - {"additional"} or token.uses)


def _listed(rows: JudgedRows, specials: Sequence[SpecialTokenReport]) -> NDArray[np.uint8]:
    listed = np.where(rows.verdict != TRAINED, SUSPECT, 0).astype(np.uint8)
    named = [token.id for token in specials if token.group != "placeholder" or token.roles]
    listed[np.array(named, dtype=np.int64)] |= SPECIAL
    return listed


def _confidences(words: Words) -> list[str]:
    return [words.say(f"confidence.{name}") for name in CONFIDENCES]


def copies_of(rows: JudgedRows) -> NDArray[np.int64]:
    """How many other rows equal each, int64 [n]."""
    first = rows.duplicate_of
    sizes = np.bincount(first[first >= 0], minlength=first.size)
    return np.where(first >= 0, sizes[np.maximum(first, 0)] - 1, 0)


def _order(rows: JudgedRows, listed: NDArray[np.uint8], used: Sequence[int]) -> NDArray[np.int64]:
    """Listed ids: special tokens without a trained row, those in use first; used suspects from the surest on;
    the other special tokens; reserved rows."""
    ids = np.flatnonzero(listed)
    suspect, special = listed[ids] & SUSPECT > 0, listed[ids] & SPECIAL > 0
    reserved = np.isin(rows.group[ids], RESERVED)
    broken = suspect & special & ~reserved
    choices = [broken & np.isin(ids, used), broken, suspect & ~reserved, special]
    place = np.select(choices, range(len(choices)), len(choices))
    return ids[np.lexsort((ids, -rows.confidence[ids].astype(np.int64), place))]
