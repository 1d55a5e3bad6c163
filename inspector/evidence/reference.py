"""Finding the untrained references: where rows lie that no training step aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.evidence.candidates import Candidates
from rowscope.inspector.evidence.cores import Core, closest_copies, densest_core, independent, isotropic
from rowscope.inspector.evidence.look import Ids
from rowscope.inspector.evidence.means import Means
from rowscope.inspector.evidence.model import HIGH, LOW, MEDIUM, SHARE, Reference

Rows = NDArray[np.float64]

# A reference stands apart where its edge lies below this part of the used rows' median distance.
_APART: Final = 0.7
_SIGMAS: Final = 5.0
# Rows of a core this tight (in units of the same) were never trained, however few they are ...
_TIGHT: Final = 0.1
# ... and rows this close are copies, which trained rows never are.
_COPY: Final = 0.01
# From this many rows on the scatter of a loose core can be judged; fewer are thin evidence.
_ENOUGH: Final = 8
_PLENTY: Final = 16
_MOST: Final = 4
# Where more than this part of the used rows lies on the reference, the others are the unit.
_CROWDED: Final = 0.25


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one belief: its name, sorted ids [n], values float64 [n, d]; `believed` is False for added
    tokens and exact repetitions, which count only where they are copies."""

    name: str
    ids: Ids
    rows: Rows
    believed: bool = True

    def keep(self, kept: NDArray[np.bool_]) -> Source:
        return Source(self.name, self.ids[kept], self.rows[kept], self.believed)


@dataclass(frozen=True, slots=True)
class Found:
    """A core of one source beside the used rows: distances in the matrix's own unit."""

    source: Source
    core: Core
    bulk: float
    copies: bool

    @property
    def tightness(self) -> float:
        """Median distance of its rows in units of the used rows' median distance."""
        return self.core.radius / self.bulk if self.bulk > 0 else np.inf


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
        reference, left = _next(left, bulk, means, candidates, bool(found))
        if reference is None:
            break
        found.append(reference)
    return tuple(sorted(found, key=lambda item: item.certainty == LOW))


def _next(
    sources: list[Source], bulk: Rows, means: Means, candidates: Candidates, further: bool
) -> tuple[Reference | None, list[Source]]:
    """The next reference among the rows that are left, and what it leaves."""
    while True:
        cores = sorted((core for source in sources for core in _cores(source, bulk)), key=_order)
        for core in cores:
            if means.at(core.core.centre) and means.rare:
                sources = _without(sources, core.core.centre, max(2 * core.core.radius, _COPY * core.bulk))
                break
            reference = _accept(core, sources, bulk, candidates, further)
            if reference is not None:
                return reference, _without(sources, reference.centre, reference.cut)
        else:
            return None, sources


def _order(found: Found) -> tuple[bool, float]:
    """Beliefs before mere copies among added tokens: those may have been added long after pre-training."""
    return not found.source.believed, found.tightness


def _without(sources: list[Source], centre: Rows, reach: float) -> list[Source]:
    return [source.keep(np.linalg.norm(source.rows - centre, axis=1) > reach) for source in sources]


def _cores(source: Source, bulk: Rows) -> list[Found]:
    cores = []
    apart, core = _directed_core(source) if source.believed else (source, None)
    if core is not None:
        cores.append(Found(apart, core, _unit(bulk, core.centre, core.radius), copies=False))
    copies = closest_copies(source.rows)
    if copies is not None:
        unit = _unit(bulk, copies.centre, copies.radius)
        if copies.radius <= _COPY * unit:
            cores.append(Found(source, copies, unit, copies=True))
    return cores


def _directed_core(source: Source) -> tuple[Source, Core | None]:
    """The densest core that shares a direction, and the source without what is denser and shares none.

    Short independent rows, padding with a random start for one, lie closer together than noisy ones.
    """
    while (core := densest_core(source.rows)) is not None:
        if not independent(source.rows[core.members]):
            return source, core
        reach = core.radius * (1 + _SIGMAS / np.sqrt(2 * source.rows.shape[1]))
        beyond = np.linalg.norm(source.rows - core.centre, axis=1) > reach
        beyond[core.members] = False
        source = source.keep(beyond)
    return source, None


def _unit(bulk: Rows, centre: Rows, radius: float) -> float:
    """Median distance of the used rows; of those beyond the core where much of them lies on it."""
    distances = np.linalg.norm(bulk - centre, axis=1)
    usual = median(distances)
    beyond = distances > 2 * radius + SHARE * usual
    if beyond.sum() >= _PLENTY and np.mean(~beyond) > _CROWDED:
        others = median(distances[beyond])
        # Only a tight core in a crowd: a loose one would take the near half of trained rows for its own.
        if radius <= _TIGHT * others:
            return others
    return usual


def _accept(
    found: Found, sources: list[Source], bulk: Rows, candidates: Candidates, further: bool
) -> Reference | None:
    """The reference around a core, with all believed rows that agree; None where it proves nothing."""
    core, unit = found.core, found.bulk
    if not unit > 0:
        return None
    agreeing, distances, rows = _agreeing(found, sources)
    radius = median(distances)
    sigma = 1.4826 * median(np.abs(distances - radius))
    edge = max(radius + _SIGMAS * sigma, core.pair)
    if edge > _APART * unit:
        return None
    tight = core.radius <= _TIGHT * unit
    noisy = isotropic(found.source.rows[core.members] - core.centre)
    # Rows without an entry may be tokens that the file does not list: alone their closeness proves little.
    doubtful = further or found.source.name == "unmapped"
    thin = core.members.size < _ENOUGH and agreeing.size < _PLENTY
    if not tight and doubtful and not (noisy and not (further and thin)):
        return None
    return Reference(
        kind="collapsed",
        source=candidates.describe(agreeing),
        rows=int(agreeing.size),
        spread=_spread(rows, core.centre),
        centre=core.centre,
        candidates=np.sort(found.source.ids[core.members]),
        bulk=unit,
        radius=radius,
        edge=edge,
        along=SHARE * unit + _SIGMAS * radius / np.sqrt(bulk.shape[1]) if noisy and not tight else np.inf,
        certainty=_certainty(tight, noisy, thin),
    )


def _certainty(tight: bool, noisy: bool, thin: bool) -> int:
    if tight:
        return HIGH
    if thin:
        return LOW
    return HIGH if noisy else MEDIUM


def _agreeing(found: Found, sources: list[Source]) -> tuple[Ids, NDArray[np.float64], Rows]:
    """Ids, distances and rows of the core and of all believed rows that lie as close to it."""
    core = found.core
    reach = np.hypot(2 * core.radius, SHARE * found.bulk)
    ids, distances, rows = [], [], []
    for source in sources:
        if not source.believed and source is not found.source:
            continue
        away = np.linalg.norm(source.rows - core.centre, axis=1)
        near = away <= (2 * _COPY * found.bulk if not source.believed else reach)
        ids.append(source.ids[near])
        distances.append(away[near])
        rows.append(source.rows[near])
    every, first = np.unique(np.concatenate(ids), return_index=True)
    return every, np.concatenate(distances)[first], np.concatenate(rows)[first]


def _spread(rows: Rows, centre: Rows) -> float:
    """Median of 1 - cosine of the rows [n, d] to the centre."""
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        return median(1 - rows @ centre / lengths)
