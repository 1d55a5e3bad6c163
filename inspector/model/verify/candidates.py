"""Which tokens are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rowscope.inspector.arrays import union
from rowscope.inspector.census import ADDED
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.verify.forms import Ids
from rowscope.inspector.model.verify.weights import Weights

CONTROLS: Final = 300
# For as many controls one token whose row is called trained and hardly moved.
_CONTROLS_A_DOUBT: Final = 3


@dataclass(frozen=True)
class Candidates:
    """Ids to ask about, sorted int64 each.

    Attributes:
        given: those that the caller named.
        untrained: those that the weights call untrained.
        special: added tokens.
        controls: trained tokens, for comparison.
        doubtful: a sample of tokens that are called trained and moved less than clearly.
        left_out: how many of the ids wanted the model cannot both read and predict.
    """

    given: Ids
    untrained: Ids
    special: Ids
    controls: Ids
    doubtful: Ids
    left_out: int

    @property
    def ids(self) -> Ids:
        """All of them, sorted, each once."""
        return union(self.given, self.untrained, self.special, self.controls, self.doubtful)

    def reasons(self) -> dict[int, str]:
        """Why each id is among them; of an id that is there for several reasons, the last one of these."""
        named = (
            ("doubtful", self.doubtful),
            ("special", self.special),
            ("untrained", self.untrained),
            ("given", self.given),
            ("control", self.controls),
        )
        return {int(id): why for why, ids in named for id in ids}


def choose(loaded: Loaded, weights: Weights, ids: Ids | None, controls: int) -> Candidates:
    """All rows that look untrained in either matrix, the added tokens, and samples of trained ones.

    Args:
        ids: ask about these and the controls alone, sorted int64; None for the choice above.
        controls: how many trained tokens to compare with, drawn by the seed.

    Raises:
        UsageError: fewer than no controls.
        RefusedError: (NO_TARGET) the model can read and predict none of the ids.
    """
    if controls < 0:
        raise UsageError(f"--controls {controls}: give 0 or more", location="--controls")
    subject, none = loaded.subject, np.empty(0, dtype=np.int64)
    every = np.arange(subject.census.rows, dtype=np.int64)
    untrained, special = weights.untrained(every), np.flatnonzero(subject.census.codes == ADDED)
    drawn, doubtful = _samples(loaded, weights, controls)
    if ids is not None:
        untrained, special, doubtful = none, none, none
    wanted = union(untrained, special) if ids is None else ids
    kept = usable(loaded, wanted)
    if not kept.size and (ids is not None or not drawn.size):
        if not wanted.size:
            raise RefusedError(
                f"no row of {loaded.checkpoint.path!r} is suspect: there is nothing to ask about; name ids "
                "with --ids, or ask about every row with --all",
                location=loaded.checkpoint.path,
                code="NO_TARGET",
            )
        raise RefusedError(
            f"{loaded.checkpoint.path!r}: the model can read and predict none of the {wanted.size} ids "
            f"({loaded.input_rows} input rows, {loaded.output_rows} output rows): there is nothing to ask "
            "about; name other ids with --ids",
            location=loaded.checkpoint.path,
            code="NO_TARGET",
        )
    return Candidates(
        given=none if ids is None else kept,
        untrained=usable(loaded, untrained),
        special=usable(loaded, special),
        controls=drawn,
        doubtful=doubtful,
        left_out=int(wanted.size - kept.size),
    )


def usable(loaded: Loaded, ids: Ids) -> Ids:
    """Those of the ids that the model can both read and predict."""
    return ids[ids < min(loaded.input_rows, loaded.output_rows or 0)]


def _samples(loaded: Loaded, weights: Weights, count: int) -> tuple[Ids, Ids]:
    """Controls and doubtful tokens: ordinary ones, where there are some."""
    rng = np.random.default_rng(loaded.seed)
    pool = usable(loaded, loaded.subject.trained)
    ordinary = pool[loaded.subject.census.codes[pool] != ADDED]
    pool = ordinary if ordinary.size else pool
    doubt = weights.doubtful(pool)
    return _draw(rng, pool[~doubt], count), _draw(rng, pool[doubt], count // _CONTROLS_A_DOUBT)


def _draw(rng: np.random.Generator, pool: Ids, count: int) -> Ids:
    return pool if pool.size <= count else np.sort(rng.choice(pool, count, replace=False))
