"""The verdict `fresh`: rows that still hold the value that a known recipe gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.evidence.look import Ids, among
from rowscope.inspector.evidence.means import NEAR, Means, make_means
from rowscope.inspector.evidence.model import FRESH, HIGH, MEDIUM, VANISHING, Recipe
from rowscope.inspector.evidence.pieces import Pieces, donors_of
from rowscope.inspector.evidence.state import Judgement
from rowscope.inspector.text import say

Rows = NDArray[np.float64]

# Rows this close to the mean of all are looked at one by one.
_PERHAPS: Final = 0.3
# The mean of the trained rows is taken only where at most this many other used rows must be read for it.
_READ: Final = 20_000
_BLOCK: Final = 1024


def judge_claimed(state: Judgement, recorded: Mapping[int, str]) -> None:
    """fresh: rows that hold what a claim wrote."""
    rows = state.open & state.of(np.array(sorted(recorded), dtype=np.int64))
    state.give(rows, FRESH, MEDIUM)
    state.recipes |= {
        id: Recipe("claim", say("claimed, still its initial value ({recipe})", recipe=recorded[id]))
        for id in state.ids(rows).tolist()
    }


def judge_copied(state: Judgement, donors: Mapping[int, int]) -> None:
    """fresh: added or reserved rows that equal one ordinary row bit for bit, by id that row's id."""
    rows = state.of(np.array(sorted(donors), dtype=np.int64))
    state.give(rows, FRESH, MEDIUM)
    state.recipes |= {
        id: Recipe("copy", say("a copy of row {id:d}", id=donors[id]), (donors[id],))
        for id in state.ids(rows).tolist()
    }


def judge_means(
    state: Judgement, means: Means, bulk: Rows, used: tuple[Rows, int] | None, lying: NDArray[np.bool_]
) -> None:
    """fresh: rows that lie on a mean of rows.

    transformers' resize draws them from N(m, 1e-9 S), m the mean and S the covariance of all old rows; claims
    write the mean of the trained rows, scaled or not. Other rows keep far from any mean.

    Args:
        bulk: float64 [n, d], a sample of used rows.
        used: the mean of all used rows and their number, where the whole matrix was read.
        lying: bool [n], rows of the table on a reference, which do not count as trained.

    Raises:
        PartialLook: only the whole matrix can tell.
    """
    if not means.rare:
        return
    ids = _perhaps(state)
    if not ids.size:
        return
    if used is not None:
        means = _with_trained(state, means, bulk, lying, *used)
    for start in range(0, ids.size, _BLOCK):
        some = ids[start : start + _BLOCK]
        rows = state.reader.decode(some)
        which = means.which(rows)
        hit = which >= 0
        state.give(state.of(some[hit]), FRESH, HIGH if state.whole else MEDIUM)
        for id, number, row in zip(some[hit].tolist(), which[hit].tolist(), rows[hit], strict=True):
            state.recipes[id] = _recipe(means.words[number], row, means.rows[number])


def _recipe(of: tuple[str, str], row: Rows, mean: Rows) -> Recipe:
    kind, words = of
    factor = float(np.linalg.norm(row) / np.linalg.norm(mean))
    if abs(factor - 1) <= 2 * NEAR:
        return Recipe(kind, words)
    return Recipe(kind, say("{factor:.3g} times the {recipe}", factor=factor, recipe=words))


def _perhaps(state: Judgement) -> Ids:
    """Rows that may lie on a mean: the special ones, and others by their angle to the mean of all rows.

    Those called vanishing are among them, for the mean of rows that point everywhere is short.
    """
    near = (state.open | (state.verdict == VANISHING)) & state.special
    with np.errstate(invalid="ignore"):
        leaning = state.towards_mean >= np.sqrt(1 - _PERHAPS**2)
    if near.sum() > _READ:
        near &= leaning | state.of(state.look.anchors)
    return state.ids(near | (state.open & leaning))


def _with_trained(
    state: Judgement, means: Means, bulk: Rows, lying: NDArray[np.bool_], mean: Rows, count: int
) -> Means:
    """Also the mean of the used rows that look trained: that of all used rows less the others."""
    others = state.ids(state.used & (lying | ~state.open) & state.table.finite)
    if others.size > _READ or others.size >= count:
        return means
    total = mean * count
    for start in range(0, others.size, _BLOCK):
        total = total - state.reader.decode(others[start : start + _BLOCK]).sum(axis=0)
    words = (*means.words, ("trained-mean", say("mean of the trained rows")))
    rows = np.concatenate((means.rows, [total / (count - others.size)]))
    return make_means(words, rows, bulk, state.reader.form)


def judge_pieces(state: Judgement, added: Ids, pieces_of: Callable[[], Pieces]) -> None:
    """fresh: added tokens that are a sum of rows of the pieces of their own text."""
    left = state.ids(state.open & state.of(added))
    if not left.size:
        return
    pieces = pieces_of()
    ids = among(pieces.ids, left)
    state.reader.expect(union(*(pieces.donors[id] for id in ids.tolist())))
    for id in ids.tolist():
        found = donors_of(state.reader, id, pieces.donors[id])
        if found:
            state.give(state.of(np.array([id])), FRESH, MEDIUM)
            state.recipes[id] = Recipe("pieces", say("mean of the rows of its text's pieces"), found)
