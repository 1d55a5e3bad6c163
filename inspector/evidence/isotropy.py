"""Rows that still look like their random start: the right norm, and no lean towards what training builds."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median
from rowscope.inspector.evidence.look import sample
from rowscope.inspector.frozen import record
from rowscope.inspector.rows import RowReader

Rows = NDArray[np.float64]

# Directions of the trained rows that a random row ignores: it has about k/d of its energy in them.
_DIRECTIONS: Final = 16
_SAMPLE: Final = 512
_LEAN: Final = 5.0  # standard deviations of a random row's energy in them
# Cosines of a random row to fixed directions are normal with deviation 1/sqrt(d); the greatest of n lies at
# sqrt(2 ln n) deviations, and this much higher once in thousands of rows.
_ABOVE: Final = 2.0
# ... and of one direction, and of the fourth moment of normal numbers, this many; training moves both.
_CHANCE: Final = 5.0
_MOMENT: Final = 7.0
_BLOCK: Final = 1024
_STEPS: Final = 12


@record
class Trained:
    """What trained rows look like, from a sample of them.

    Attributes:
        ids: int64 [n], the rows of the sample, sorted.
        places: int64 [n], where each lies: neighbours may be alike, as no row elsewhere is like them.
        bases: float64 [k, d] twice, orthonormal: the leading directions of the rows of every other place of
            the sample, scaled to unit length and not centred. A row is judged by the half that it is not
            in, for leading directions lean towards their own rows.
        neighbours: float32 [n, d], unit rows about their mean.
        mean: float64 [d], their mean.
        usual: bool [n], trained rows of the sample that would themselves pass for random.
    """

    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    bases: tuple[Rows, Rows]
    neighbours: NDArray[np.float32]
    mean: Rows
    usual: NDArray[np.bool_]

    @property
    def usual_share(self) -> float:
        """Part of the trained rows that would pass for random."""
        return float(np.mean(self.usual))

    def place_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where rows of the sample lie, -1 for rows `ids` [n] that are none of it."""
        at = np.minimum(np.searchsorted(self.ids, ids), self.ids.size - 1)
        return np.where(self.ids[at] == ids, self.places[at], -1)

    @property
    def even(self) -> NDArray[np.bool_]:
        """bool [n]: rows of every other place."""
        return np.asarray(np.unique(self.places, return_inverse=True)[1] % 2 == 0)

    def random(self, reader: RowReader, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of the rows `ids` [n] leans towards trained ones no more than chance lets it."""
        found = np.zeros(ids.size, dtype=np.bool_)
        for start in range(0, ids.size, _BLOCK):
            some = slice(start, start + _BLOCK)
            found[some] = _passes(reader.decode(ids[some]), ids[some], self)
        return found


def trained_rows(rows: Rows, ids: NDArray[np.int64], places: NDArray[np.int64]) -> Trained | None:
    """What a sample of trained rows [n, d] with these ids and places looks like; None for too few rows."""
    some = np.searchsorted(ids, sample(ids, _SAMPLE))
    rows, ids, places = rows[some], ids[some], places[some]
    count, width = rows.shape
    k = min(_DIRECTIONS, width // 8, count // 8)
    if k < 1:
        return None
    unit = unit_rows(rows)
    mean = rows.mean(axis=0)
    about = unit_rows(rows - mean).astype(np.float32)
    found = Trained(ids, places, (unit[:0], unit[:0]), about, mean, np.zeros(0, np.bool_))
    even = found.even
    found = dataclasses.replace(found, bases=(_leading(unit[even], k), _leading(unit[~even], k)))
    return dataclasses.replace(found, usual=_passes(rows, ids, found))


def _leading(unit: Rows, k: int) -> Rows:
    """The k leading directions of rows [n, d], nearly: float64 [k, d], orthonormal.

    Subspace iteration from rows of the sample. LAPACK's eigensolver wakes threads at each of its many small
    steps, which costs seconds where the processors have other work.
    """
    basis = _orthonormal(unit[np.linspace(0, len(unit) - 1, k).astype(np.int64)])
    for _ in range(_STEPS):
        basis = _orthonormal((basis @ unit.T) @ unit)
    return basis


def _orthonormal(vectors: Rows) -> Rows:
    """Orthonormal rows of the same span as [k, d], one after the other; twice against rounding."""
    found = np.zeros_like(vectors)
    for at, vector in enumerate(vectors):
        for _ in range(2):
            vector = vector - (found[:at] @ vector) @ found[:at]
        size = float(np.sqrt((vector * vector).sum()))
        found[at] = vector / size if size > 0 else 0.0
    return found


def _passes(rows: Rows, ids: NDArray[np.int64], trained: Trained) -> NDArray[np.bool_]:
    unit, width = unit_rows(rows), rows.shape[1]
    k = len(trained.bases[0])
    # A random row's energy in k directions is k/d on average, by the Beta distribution with (k/2, (d - k)/2).
    sigma = float(np.sqrt(2 * k * (width - k) / (width + 2)) / width)
    place = trained.place_of(ids)
    even = np.isin(place, trained.places[trained.even])
    energy = np.empty(len(rows))
    for basis, mine in zip(trained.bases, (~even, even), strict=True):
        energy[mine] = np.sum((unit[mine] @ basis.T) ** 2, axis=1)
    passed = np.asarray((energy - k / width) / sigma <= _LEAN)
    passed &= np.abs(unit @ unit_rows(trained.mean[None])[0]) <= _CHANCE / np.sqrt(width)
    passed &= _normal(unit)
    limit = (np.sqrt(2 * np.log(len(trained.neighbours))) + _ABOVE) / np.sqrt(width)
    cosines = np.abs(unit[passed].astype(np.float32) @ trained.neighbours.T)
    cosines[place[passed, None] == trained.places] = 0  # a row is no neighbour of its own
    passed[passed] = cosines.max(axis=1) <= limit
    return passed


def _normal(unit: Rows) -> NDArray[np.bool_]:
    """Whether elements of unit rows [n, d] have the fourth moment of normal numbers, 3 +- sqrt(24 / d)."""
    width = unit.shape[1]
    moment = width * np.sum(unit**4, axis=1)
    return np.asarray(np.abs(moment - 3) <= _MOMENT * np.sqrt(24 / width))


def unit_rows(rows: Rows) -> Rows:
    """The rows [n, d] scaled to length 1; zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Rows = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return unit


def norm_band(norms: NDArray[np.float64], width: int) -> tuple[float, float]:
    """Interval of norms around those of reference rows [n]; random rows scatter by 1/sqrt(2 d)."""
    centre = median(norms)
    sigma = max(1.4826 * median(np.abs(norms - centre)), centre / np.sqrt(2 * width))
    return centre - 5 * sigma, centre + 5 * sigma
