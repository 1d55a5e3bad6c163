"""The reference around a core: what agrees with it, how far it reaches, how sure it is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import column_medians, median, union
from rowscope.inspector.evidence.candidates import BEHIND, UNLISTED, Candidates
from rowscope.inspector.evidence.cores import Core, isotropic
from rowscope.inspector.evidence.look import Ids
from rowscope.inspector.evidence.model import HIGH, LOW, MEDIUM, SHARE, Reference
from rowscope.inspector.evidence.sources import Found, Source
from rowscope.inspector.frozen import record

Rows = NDArray[np.float64]

SIGMAS: Final = 5.0
"""Standard deviations beyond which a row is none of a reference's."""

CLOSE: Final = 0.01
"""Rows this close, in units of the used rows' median distance, are copies, which trained rows never are."""

# A reference stands apart where its edge lies below this part of the same.
_APART: Final = 0.7
# Rows of a core this tight were never trained, however few they are.
_TIGHT: Final = 0.1
# From this many rows on the scatter of a loose core can be judged; fewer are thin evidence.
_ENOUGH: Final = 8
_PLENTY: Final = 16
# Where more than this part of the used rows lies on the reference, the others are the unit.
_CROWDED: Final = 0.25


def unit_of(bulk: Rows, centre: Rows, radius: float) -> float:
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


def reference_around(
    found: Found, sources: list[Source], bulk: Rows, candidates: Candidates, further: bool
) -> Reference | None:
    """The reference around a core, with all rows that agree; None where it proves nothing.

    `bulk` float64 [n, d] are used rows; `further`: another reference was found before.
    """
    core = found.core
    if not found.bulk > 0:
        return None
    tight = core.radius <= _TIGHT * found.bulk
    noisy = isotropic(found.source.rows[core.members] - core.centre)
    place = None if found.few else _place(found, sources, bulk, _reach(found), tight)
    if place is None and noisy and not tight:
        place = _place(found, sources, bulk, reach_of_noise(core), tight)
    if place is None:
        return None
    # Rows without an entry may be tokens that the file does not list: alone their closeness proves little.
    doubtful = further or found.source.name in (UNLISTED, BEHIND)
    thin = core.members.size < _ENOUGH and place.believed.size < _PLENTY
    if not tight and doubtful and not (noisy and not (further and thin)):
        return None
    along = SHARE * place.unit + SIGMAS * place.radius / np.sqrt(bulk.shape[1])
    return Reference(
        kind="collapsed",
        source=candidates.describe(place.believed),
        rows=int(place.believed.size),
        spread=place.spread,
        centre=place.centre,
        candidates=place.members,
        bulk=place.unit,
        radius=place.radius,
        edge=place.edge,
        along=along if noisy and not tight else np.inf,
        certainty=_certainty(tight, noisy and not found.few, thin),
    )


@record
class _Place:
    """Where a reference lies: ids of the believed rows that agree and of those whose coordinate median its
    centre is, and the numbers of `Reference`."""

    believed: Ids
    members: Ids
    centre: Rows
    unit: float
    radius: float
    edge: float
    spread: float


def _place(found: Found, sources: list[Source], bulk: Rows, reach: float, tight: bool) -> _Place | None:
    """The place around a core with all rows within `reach` of it; None where it does not stand apart."""
    core = found.core
    believed, rows, ids = _agreeing(found, sources, reach, tight)
    # Copies are centred on all of them, whatever they are called: a name given to one moves nothing.
    members = ids if tight else found.source.ids[core.members]
    centre = column_medians(rows) if tight else core.centre
    distances = np.linalg.norm(rows - centre, axis=1)
    radius = median(distances)
    unit = unit_of(bulk, centre, radius) if tight else found.bulk
    edge = max(radius + _scatter(distances, radius, tight), core.pair)
    if edge > _APART * unit:
        return None
    return _Place(believed, members, centre, unit, radius, edge, _spread(rows, centre))


def _reach(found: Found) -> float:
    """How far from a core rows agree with it."""
    if not found.source.believed:
        return 2 * CLOSE * found.bulk
    return float(np.hypot(2 * found.core.radius, SHARE * found.bulk))


def reach_of_noise(core: Core) -> float:
    """How far from its centre rows of a noisy core lie, which scatter alike in all d dimensions."""
    return float(core.pair * (1 + SIGMAS / np.sqrt(2 * core.centre.size)))


def _scatter(distances: NDArray[np.float64], radius: float, tight: bool) -> float:
    """How far beyond their median distance rows of a reference may lie: five robust standard deviations.

    Few copies have an unsure deviation: no further than half as far again as the farthest.
    """
    robust = SIGMAS * 1.4826 * median(np.abs(distances - radius))
    return min(robust, 1.5 * (float(distances.max()) - radius)) if tight else robust


def _certainty(tight: bool, noisy: bool, thin: bool) -> int:
    if tight:
        return HIGH
    if thin:
        return LOW
    return HIGH if noisy else MEDIUM


def _agreeing(found: Found, sources: list[Source], reach: float, tight: bool) -> tuple[Ids, Rows, Ids]:
    """Ids of the believed rows within `reach` of the core; rows [n, d] and ids of all that are.

    Added tokens are among all only where the core is of copies, and so are they.
    """
    ids, rows, believed = [], [], []
    for source in sources:
        own = source is found.source
        if not (source.believed or own or (tight and found.source.believed)):
            continue
        near = np.linalg.norm(source.rows - found.core.centre, axis=1) <= reach
        ids.append(source.ids[near])
        rows.append(source.rows[near])
        believed.append(source.ids[near] if source.believed or own else source.ids[:0])
    every, first = np.unique(np.concatenate(ids), return_index=True)
    return union(*believed), np.concatenate(rows)[first], every


def _spread(rows: Rows, centre: Rows) -> float:
    """Median of 1 - cosine of the rows [n, d] to the centre."""
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        return median(1 - rows @ centre / lengths)
