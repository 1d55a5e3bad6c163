"""What the checkpoint itself suppresses: `suppress_tokens` and `begin_suppress_tokens`."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import IdSet, RoledToken
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.mask.generation_config import KEY, NAME, carried_over
from rowscope.inspector.mask.result import LeftOut, Suppressed
from rowscope.inspector.ranges import format_ranges, to_ranges
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary

BEGIN: Final = "begin_suppress_tokens"


def own_suppressed(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    ids: NDArray[np.int64],
    rows: int,
    in_use: tuple[RoledToken, ...],
    notes: list[str],
) -> Suppressed | None:
    """The checkpoint's own lists against the mask's `ids` (int64, sorted); None where it has none.

    Read where `generate` of transformers reads them: generation_config.json, or config.json without that
    file. `in_use` are the tokens that must stay possible; a note says what the lists miss or silence.
    """
    stated = checkpoint.generation_config
    source = NAME if stated is not None else "config.json"
    settings = stated if stated is not None else carried_over(checkpoint.config)
    always, begin = _ids(settings.get(KEY)), _ids(settings.get(BEGIN))
    if not always.size and not begin.size:
        return None
    silenced = tuple(
        LeftOut(token.id, token.token, vocabulary.text(token.id) if vocabulary else None, token.roles)
        for token in in_use
        if np.isin(token.id, always)
    )
    found = Suppressed(
        source=source,
        ids=always,
        begin_ids=begin,
        covered=_set(np.intersect1d(ids, always)),
        missed=_set(np.setdiff1d(ids, always)),
        others=_set(np.setdiff1d(always[always < rows], ids)),
        without_row=_set(always[always >= rows]),
        in_use=silenced,
    )
    notes += _notes(found, int(ids.size), vocabulary)
    return found


_MOST_ID: Final = 1 << 63  # what is above fits no tensor of ids


def _ids(value: object) -> NDArray[np.int64]:
    listed = value if isinstance(value, list) else []
    kept = {id for id in listed if isinstance(id, int) and not isinstance(id, bool) and 0 <= id < _MOST_ID}
    return np.array(sorted(kept), dtype=np.int64)


def _set(ids: NDArray[np.int64]) -> IdSet:
    return IdSet(int(ids.size), to_ranges(ids))


def _itself(found: Suppressed, masked: int) -> str:
    """How what a checkpoint suppresses itself stands to the mask."""
    hit = say("{count} of the {all} masked ones", count=found.covered.count, all=masked)
    if found.missed.count:
        where = format_ranges(found.missed.ranges, limit=3)
        hit = say("{hit}, and misses {where}", hit=hit, where=where)
    rest = say("{count:# other has|# others have} a row", count=found.others.count)
    if found.without_row.count:
        rest = say("{rest}, {count:# has|# have} none", rest=rest, count=found.without_row.count)
    return say(
        "{file} suppresses {count:# id|# ids} itself: {hit}; {rest}",
        file=found.source,
        count=int(found.ids.size),
        hit=hit,
        rest=rest,
    )


def _notes(found: Suppressed, masked: int, vocabulary: Vocabulary | None) -> list[str]:
    notes = []
    if found.ids.size:
        notes.append(_itself(found, masked))
    if found.begin_ids.size:
        notes.append(
            say(
                "{file}: {key} holds {count:# id|# ids}; it bars them from an answer's first place alone, so "
                "it is no mask",
                file=found.source,
                key=BEGIN,
                count=int(found.begin_ids.size),
            )
        )
    if found.in_use:
        first = ", ".join(
            f"{vocabulary.quoted(item.id) if vocabulary else 'id'} ({item.id}: {', '.join(item.roles)})"
            for item in found.in_use[:3]
        )
        notes.append(
            say(
                "{file}: {key} silences tokens in use, {listed}: they can never be generated; take them out "
                "of it",
                file=found.source,
                key=KEY,
                listed=first,
            )
        )
    return notes
