"""The report in a few sentences that a person understands at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from rowscope.inspector.census import ADDED, RESERVED, UNMAPPED, USED, Rounding
from rowscope.inspector.checks import unlisted_rows
from rowscope.inspector.evidence import (
    COLLAPSED,
    DAMAGED,
    FRESH,
    GRADES,
    INITIAL,
    LOW,
    NONFINITE,
    TRAINED,
    VANISHING,
    VERDICTS,
    ZERO,
    Facts,
    MatrixFacts,
    grades,
    other_tools,
)
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.text import Said, cosine, joined, say, template

_MANNER: Final = {
    INITIAL: template("{count:# still looks like its random start|# still look like their random start}"),
    COLLAPSED: template(
        "{count:# lies where rows do that were never a target|# lie together, as rows do that were "
        "never a target}"
    ),
    VANISHING: template("{count:# has shrunk towards zero|# have shrunk towards zero}"),
    ZERO: template("{count:# is all zeros|# are all zeros}"),
    NONFINITE: template("{count:# holds NaN or infinities|# hold NaN or infinities}"),
    FRESH: template(
        "{count:# still holds the value that it was added with|# still hold the value that they were "
        "added with}"
    ),
    TRAINED: template("{count:# looks trained|# look trained}"),
    DAMAGED: template("{count} did not arrive (FIL005)"),
}
# Reserved rows are called copies of one vector from this mean pairwise cosine on (ROW204).
_COPIES: Final = 0.98


def summarise(facts: Facts, rounding: Rounding | None) -> tuple[str, ...]:
    """One paragraph on the sizes, one for each matrix."""
    why = None if rounding is None else rounding.sentence
    sizes = joined(" ", [_sizes(facts), *([why] if why else [])])
    return (sizes, *(_matrix(facts, item) for item in facts.matrices))


def _sizes(facts: Facts) -> Said:
    census = facts.census
    if census.tokenizer is None:
        return say(
            "{rows} rows; without tokenizer files none is known to be reserved.",
            rows=census.rows,
        )
    if not census.reserved.count:
        return say("Every one of the {rows} rows belongs to a token; none is reserved.", rows=census.rows)
    unmapped, placeholders = (census.groups[name].count for name in ("unmapped", "placeholder"))
    parts = [
        *([say("{count} without a token", count=unmapped)] if unmapped else []),
        *([say("{count:# placeholder|# placeholders} by name", count=placeholders)] if placeholders else []),
    ]
    return say(
        "{count} of {rows} rows {count:is|are} reserved ({parts}): {where}.",
        count=census.reserved.count,
        rows=census.rows,
        parts=joined(", ", parts),
        where=format_ranges(census.reserved.ranges, limit=3),
    )


def _matrix(facts: Facts, item: MatrixFacts) -> Said:
    name = {"both": say("Input and output (tied)"), "input": say("Input"), "output": say("Output")}
    sentences = [*_reserved(item), *_used(facts, item)]
    if item.evidence.untrained.any():
        sentences.append(_others(item))
    sentences += _barely(item)
    if item.evidence.reference is None:
        sentences.append(say("{note:A}.", note=item.evidence.note))
    return say("{name}: {said}", name=name[item.matrix.role], said=joined(" ", sentences))


def _barely(item: MatrixFacts) -> list[Said]:
    """Rows that a step has moved, and no more: between collapsed and trained."""
    count = int((grades(item.evidence) == GRADES.index("barely")).sum())
    if not count:
        return []
    said = say(
        "{count:# row called trained has|# rows called trained have} barely moved from where the untrained "
        "lie: few steps reached {count:it|them}; `rowscope probe verify` asks the model.",
        count=count,
    )
    return [said]


def _others(item: MatrixFacts) -> Said:
    rules = other_tools(item)
    return say(
        "Untrained rows by these verdicts: {own}; by unsloth's rule {unsloth}, by Megatron-Bridge's "
        "{megatron}.",
        own=rules["rowscope"]["rows"],
        unsloth=rules["unsloth"]["rows"],
        megatron=rules["megatron-bridge"]["rows"],
    )


def _reserved(item: MatrixFacts) -> list[Said]:
    reserved = np.isin(item.codes, RESERVED)
    stats = item.stats.get("reserved")
    if stats is None or not reserved.any():
        return []
    looked = _unlisted(item)
    if stats.distinct_rows == 1 and stats.rows > 1:
        return [say("The {rows} reserved rows are copies of one vector, bit for bit.", rows=stats.rows)]
    if stats.pairwise_cosine >= _COPIES:
        copies = say(
            "The {rows} reserved rows are copies of one vector (mean pairwise cosine {cosine}): not zero, "
            "yet not trained.",
            rows=stats.rows,
            cosine=cosine(stats.pairwise_cosine),
        )
        return [copies]
    tally = _tally(item, reserved)
    return [say("Of {rows:# reserved row|# reserved rows} {tally}.", rows=stats.rows, tally=tally), *looked]


def _unlisted(item: MatrixFacts) -> list[Said]:
    """Rows without an entry that look trained, where something tells."""
    evidence = item.evidence
    known = (evidence.verdict == TRAINED) & (evidence.confidence > LOW) & (item.codes == UNMAPPED)
    count = int(known.sum()) if evidence.reference is not None else 0
    return [unlisted_rows(count)] if count else []


def _tally(item: MatrixFacts, rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Said:
    counts = np.bincount(item.evidence.verdict[rows], minlength=len(VERDICTS))
    order = (DAMAGED, NONFINITE, ZERO, VANISHING, COLLAPSED, FRESH, INITIAL, TRAINED)
    manner = dict(_MANNER)
    if item.evidence.reference is None:
        manner[TRAINED] = template("{count} cannot be told from trained ones")
    return joined(", ", [say(manner[of], count=int(counts[of])) for of in order if counts[of]])


def _used(facts: Facts, item: MatrixFacts) -> list[Said]:
    used = np.isin(item.codes, USED)
    bad = used & item.evidence.untrained
    count, all = int(bad.sum()), int(used.sum())
    if (used & (item.evidence.verdict == DAMAGED)).any():
        return [say("Of {rows:# used row|# used rows} {tally}.", rows=all, tally=_tally(item, used))]
    if not count:
        looks = say("{rows:The # used row looks|All # used rows look} trained.", rows=all)
        return [looks] if item.evidence.reference else []
    alike = np.all(item.evidence.verdict[bad | np.isin(item.codes, RESERVED)] == COLLAPSED)
    if alike and "reserved" in item.stats:
        said = say(
            "{count} of {rows} used rows {count:lies there too, so it looks|lie there too, so they look} "
            "untrained as well",
            count=count,
            rows=all,
        )
    else:
        said = say(
            "{count} of {rows} used rows {count:looks|look} untrained: {tally}",
            count=count,
            rows=all,
            tally=_tally(item, bad),
        )
    return [
        say("{said}{added}.", said=said, added=_added(facts, np.flatnonzero(bad & (item.codes == ADDED))))
    ]


def _added(facts: Facts, ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Said:
    if not ids.size:
        return joined(", ", [])
    names = facts.listed(ids.tolist(), limit=4)
    return say("; among them {count} special or added: {listed}", count=int(ids.size), listed=names)
