"""The rows of a matrix that deserve a line of their own in the report."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import without
from rowscope.inspector.audit.report import NotableRow
from rowscope.inspector.census import BASE, GROUPS, RESERVED
from rowscope.inspector.checks import no_text, rank
from rowscope.inspector.evidence import (
    CONFIDENCES,
    GRADES,
    LOW,
    NONFINITE,
    TRAINED,
    VERDICTS,
    Facts,
    MatrixFacts,
    grades,
)
from rowscope.inspector.text import say

# Of each kind of notable row at most this many are listed; `suspects` and `rows` list them all.
_EACH: Final = 20


def notable_rows(facts: Facts, item: MatrixFacts) -> tuple[NotableRow, ...]:
    """Up to 20 of each: non-finite rows, untrained tokens with a role or added, reserved rows that look
    trained, and the surest untrained ordinary tokens; a row is listed once."""
    evidence, rows = item.evidence, item.matrix.rows
    roled = np.array([token.id for token in facts.tokens if token.id < rows], dtype=np.int64)
    reserved = np.isin(item.codes, RESERVED)
    known = (evidence.verdict == TRAINED) & (evidence.confidence > LOW) & (evidence.reference is not None)
    ordinary = without(np.flatnonzero((item.codes == BASE) & evidence.untrained), no_text(facts, item))
    kinds = (
        (say("holds NaN or infinities"), np.flatnonzero(evidence.verdict == NONFINITE)),
        (
            say("special or added token that looks untrained"),
            roled[evidence.untrained[roled] & ~reserved[roled]],
        ),
        (say("reserved row that looks trained"), np.flatnonzero(reserved & known)),
        (say("ordinary token that looks untrained"), ordinary[rank(item, ordinary)]),
    )
    seen: set[int] = set()
    listed: list[NotableRow] = []
    for why, ids in kinds:
        fresh = [id for id in ids[: _EACH + len(seen)].tolist() if id not in seen][:_EACH]
        seen.update(fresh)
        listed += _lines(facts, item, np.array(fresh, dtype=np.int64), why)
    return tuple(listed)


def _lines(facts: Facts, item: MatrixFacts, ids: NDArray[np.int64], why: str) -> list[NotableRow]:
    evidence = item.evidence
    norms, names = item.table.norm, (*GRADES, None)
    grade = grades(evidence)
    return [
        NotableRow(
            id=id,
            token=facts.vocabulary.tokens.get(id) if facts.vocabulary else None,
            text=facts.vocabulary.text(id) if facts.vocabulary else None,
            group=GROUPS[item.codes[id]],
            verdict=VERDICTS[evidence.verdict[id]],
            confidence=CONFIDENCES[evidence.confidence[id]],
            grade=names[grade[id]],
            norm=float(norms[id]),
            cosine_to_reference=float(evidence.indicators.cosine[id]),
            duplicates=int(evidence.duplicates[id]),
            why=why,
        )
        for id in ids.tolist()
    ]
