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
    INITIAL,
    LOW,
    NONFINITE,
    TRAINED,
    VANISHING,
    VERDICTS,
    ZERO,
    Facts,
    MatrixFacts,
    other_tools,
)
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.text import cosine, plural

_MANNER: Final = {
    INITIAL: ("still looks like its random start", "still look like their random start"),
    COLLAPSED: (
        "lies where rows do that were never a target",
        "lie together, as rows do that were never a target",
    ),
    VANISHING: ("has shrunk towards zero", "have shrunk towards zero"),
    ZERO: ("is all zeros", "are all zeros"),
    NONFINITE: ("holds NaN or infinities", "hold NaN or infinities"),
    FRESH: ("still holds the value that it was added with", "still hold the value that they were added with"),
    TRAINED: ("looks trained", "look trained"),
    DAMAGED: ("did not arrive (FIL005)", "did not arrive (FIL005)"),
}
# Reserved rows are called copies of one vector from this mean pairwise cosine on (ROW204).
_COPIES: Final = 0.98


def summarise(facts: Facts, rounding: Rounding | None) -> tuple[str, ...]:
    """One paragraph on the sizes, one for each matrix."""
    why = None if rounding is None else rounding.sentence
    return (_sizes(facts) + (f" {why}" if why else ""), *(_matrix(facts, item) for item in facts.matrices))


def _sizes(facts: Facts) -> str:
    census = facts.census
    if census.tokenizer is None:
        return f"{census.rows:,} rows; without tokenizer files none is known to be reserved."
    if not census.reserved.count:
        return f"Every one of the {census.rows:,} rows belongs to a token; none is reserved."
    unmapped, placeholders = (census.groups[name].count for name in ("unmapped", "placeholder"))
    parts = [
        *([f"{unmapped:,} without a token"] if unmapped else []),
        *([f"{plural(placeholders, 'placeholder')} by name"] if placeholders else []),
    ]
    verb = "is" if census.reserved.count == 1 else "are"
    return (
        f"{census.reserved.count:,} of {census.rows:,} rows {verb} reserved ({', '.join(parts)}): "
        f"{format_ranges(census.reserved.ranges, limit=3)}."
    )


def _matrix(facts: Facts, item: MatrixFacts) -> str:
    name = {"both": "Input and output (tied)", "input": "Input", "output": "Output"}[item.matrix.role]
    sentences = [*_reserved(item), *_used(facts, item)]
    if item.evidence.untrained.any():
        sentences.append(_others(item))
    if item.evidence.reference is None:
        note = item.evidence.note
        sentences.append(note[0].upper() + note[1:] + ".")
    return f"{name}: {' '.join(sentences)}"


def _others(item: MatrixFacts) -> str:
    rules = other_tools(item)
    return (
        f"Untrained rows by these verdicts: {rules['rowscope']['rows']:,}; by unsloth's rule "
        f"{rules['unsloth']['rows']:,}, by Megatron-Bridge's {rules['megatron-bridge']['rows']:,}."
    )


def _reserved(item: MatrixFacts) -> list[str]:
    reserved = np.isin(item.codes, RESERVED)
    stats = item.stats.get("reserved")
    if stats is None or not reserved.any():
        return []
    looked = _unlisted(item)
    if stats.distinct_rows == 1 and stats.rows > 1:
        return [f"The {stats.rows:,} reserved rows are copies of one vector, bit for bit."]
    if stats.pairwise_cosine >= _COPIES:
        return [
            f"The {stats.rows:,} reserved rows are copies of one vector "
            f"(mean pairwise cosine {cosine(stats.pairwise_cosine)}): not zero, yet not trained."
        ]
    if stats.rows == 1:
        return [f"The reserved row {_tally(item, reserved).removeprefix('1 ')}.", *looked]
    return [f"Of the {stats.rows:,} reserved rows {_tally(item, reserved)}.", *looked]


def _unlisted(item: MatrixFacts) -> list[str]:
    """Rows without an entry that look trained, where something tells."""
    evidence = item.evidence
    known = (evidence.verdict == TRAINED) & (evidence.confidence > LOW) & (item.codes == UNMAPPED)
    count = int(known.sum()) if evidence.reference is not None else 0
    return [f"{unlisted_rows(count)}."] if count else []


def _tally(item: MatrixFacts, rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    counts = np.bincount(item.evidence.verdict[rows], minlength=len(VERDICTS))
    order = (DAMAGED, NONFINITE, ZERO, VANISHING, COLLAPSED, FRESH, INITIAL, TRAINED)
    manner = dict(_MANNER)
    if item.evidence.reference is None:
        manner[TRAINED] = ("cannot be told from trained ones",) * 2
    return ", ".join(f"{counts[of]:,} {manner[of][int(counts[of] != 1)]}" for of in order if counts[of])


def _used(facts: Facts, item: MatrixFacts) -> list[str]:
    used = np.isin(item.codes, USED)
    bad = used & item.evidence.untrained
    lost = int((used & (item.evidence.verdict == DAMAGED)).sum())
    if lost:
        return [f"Of {int(used.sum()):,} used rows {_tally(item, used)}."]
    if not bad.any():
        words = f"All {plural(int(used.sum()), 'used row')} {'looks' if used.sum() == 1 else 'look'} trained."
        return [words] if item.evidence.reference else []
    added = np.flatnonzero(bad & (item.codes == ADDED))
    share = f"{int(bad.sum()):,} of {int(used.sum()):,} used rows"
    alike = np.all(item.evidence.verdict[bad | np.isin(item.codes, RESERVED)] == COLLAPSED)
    if alike and "reserved" in item.stats:
        lie = "lies there too, so it looks" if bad.sum() == 1 else "lie there too, so they look"
        text = f"{share} {lie} untrained as well"
    else:
        text = f"{share} {'looks' if bad.sum() == 1 else 'look'} untrained: {_tally(item, bad)}"
    if added.size:
        names = facts.listed(added.tolist(), limit=4)
        text += f"; among them {added.size} special or added: {names}"
    return [text + "."]
