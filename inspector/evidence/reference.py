"""Finding the untrained references: where rows lie that no training step aimed at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.evidence.around import CLOSE, SIGMAS, reach_of_noise, reference_around, unit_of
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cores import (
    Core,
    closest_copies,
    core_of,
    densest_core,
    independent,
    noisy_few,
    squared_distances,
)
from rowscope.inspector.evidence.look import POOL_ROWS
from rowscope.inspector.evidence.means import Means
from rowscope.inspector.evidence.model import LOW, Reference
from rowscope.inspector.evidence.sources import Found, Source

Rows = NDArray[np.float64]

_MOST: Final = 4
# Steps in which a core of a few rows takes in others.
_GROWING: Final = 3
# Rows that were hardly trained lie within this part of the used rows' median distance from a reference.
_HARDLY_LEFT: Final = 0.5


def find_references(
    sources: list[Source], bulk: Rows, means: Means, candidates: Candidates
) -> tuple[Reference, ...]:
    """The collapsed references of one matrix, the one that verdicts lead with first; maybe none.

    Args:
        sources: rows by belief, each looked at apart.
        bulk: float64 [n, d], rows of used tokens.
        means: mean rows; rows near one are fresh, and no reference.
        candidates: for the words.

    The tightest core comes first. What lies within its cut is explained by it; among the rest another is
    looked for, which must be of copies or scatter as noise does, since trained rows may be left.
    """
    if len(bulk) < 2:
        return ()
    found: list[Reference] = []
    left = sources
    while len(found) < _MOST:
        reference, left = _next(left, bulk, means, candidates, found)
        if reference is None:
            break
        found.append(reference)
    return tuple(sorted(found, key=lambda item: item.certainty == LOW))


def _next(
    sources: list[Source], bulk: Rows, means: Means, candidates: Candidates, before: list[Reference]
) -> tuple[Reference | None, list[Source]]:
    """The next reference among the rows that are left, and what it leaves."""
    while True:
        cores = sorted((core for source in sources for core in _cores(source, bulk)), key=_order)
        for core in cores:
            if means.at(core.core.centre) and means.rare:
                sources = _without(sources, core.core.centre, max(2 * core.core.radius, CLOSE * core.bulk))
                break
            reference = reference_around(core, sources, bulk, candidates, bool(before))
            if reference is not None and not (core.few and _usual(core, bulk, before)):
                return reference, _without(sources, reference.centre, reference.cut)
        else:
            return None, sources


def _usual(few: Found, bulk: Rows, before: list[Reference]) -> bool:
    """Whether trained rows have such a core, as close together: then it proves nothing.

    About a reference they do, for rows that were hardly trained have hardly left it. Elsewhere as many rows
    of `bulk` float64 [n, d] are asked as a source has.
    """
    for reference in before:
        reach = max(_HARDLY_LEFT * reference.bulk, reference.cut)
        if np.linalg.norm(few.core.centre - reference.centre) <= reach:
            return True
        bulk = bulk[np.linalg.norm(bulk - reference.centre, axis=1) > reach]
    core = noisy_few(bulk[:: max(1, len(bulk) // POOL_ROWS)])
    return core is not None and core.pair <= few.core.pair


def _order(found: Found) -> tuple[bool, bool, float]:
    """Beliefs before mere copies among added tokens: those may have been added long after pre-training.

    A few rows of a belief come last: where more of it lies together, they are only a worse sample of that.
    """
    return not found.source.believed, found.few, found.tightness


def _without(sources: list[Source], centre: Rows, reach: float) -> list[Source]:
    return [source.keep(np.linalg.norm(source.rows - centre, axis=1) > reach) for source in sources]


def _cores(source: Source, bulk: Rows) -> list[Found]:
    if not len(source.rows):
        return []
    cores = []
    squared = squared_distances(source.rows, source.rows)
    if source.believed:
        apart, core = _directed_core(source, squared)
        if core is not None:
            cores.append(Found(apart, core, unit_of(bulk, core.centre, core.radius), copies=False))
        few = noisy_few(source.rows, squared)
        if few is not None:
            cores.append(_grown(source, few, bulk))
    copies = closest_copies(source.rows, squared)
    if copies is not None:
        unit = unit_of(bulk, copies.centre, copies.radius)
        if copies.radius <= CLOSE * unit:
            cores.append(Found(source, copies, unit, copies=True))
    return cores


def _grown(source: Source, few: Core, bulk: Rows) -> Found:
    """A core of a few rows with all others of their belief that scatter about the same point."""
    core = few
    for _ in range(_GROWING):
        away = np.linalg.norm(source.rows - core.centre, axis=1)
        near = np.flatnonzero(away <= reach_of_noise(core))
        if near.size < few.members.size:
            break
        core = core_of(source.rows, near)
    return Found(source, core, unit_of(bulk, core.centre, core.radius), copies=False, few=True)


def _directed_core(source: Source, squared: Rows) -> tuple[Source, Core | None]:
    """The densest core that shares a direction, and the source without what is denser and shares none.

    Short independent rows, padding with a random start for one, lie closer together than noisy ones.
    `squared` float64 [n, n] are the squared distances of the source's rows.
    """
    while (core := densest_core(source.rows, squared)) is not None:
        if not independent(source.rows[core.members]):
            break
        reach = core.radius * (1 + SIGMAS / np.sqrt(2 * source.rows.shape[1]))
        beyond = np.linalg.norm(source.rows - core.centre, axis=1) > reach
        beyond[core.members] = False
        source, squared = source.keep(beyond), squared[np.ix_(beyond, beyond)]
    return source, core
