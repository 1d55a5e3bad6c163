"""ROW: what the numbers in the rows say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import median, union, without
from rowscope.inspector.census import RESERVED, UNMAPPED, USED
from rowscope.inspector.checks.finding import Finding, Rule, id_evidence, row_location
from rowscope.inspector.evidence import (
    COLLAPSED,
    CONFIDENCES,
    HIGH,
    LOW,
    TRAINED,
    VANISHING,
    ZERO,
    Facts,
    MatrixFacts,
    impossible_bytes,
    spare_bytes,
)
from rowscope.inspector.matrices import config_int
from rowscope.inspector.text import Said, joined, say

ROW201: Final = Rule("ROW201", "non-finite-rows", "error", "Rows that hold NaN or infinities.")
ROW202: Final = Rule("ROW202", "empty-used-rows", "warning", "Used tokens whose row is zero or has vanished.")
ROW203: Final = Rule("ROW203", "collapsed-used-rows", "warning", "Used tokens on the untrained reference.")
ROW204: Final = Rule("ROW204", "reserved-rows-are-copies", "note", "Reserved rows are copies of one vector.")
ROW205: Final = Rule("ROW205", "trained-reserved-row", "note", "A reserved row that looks trained.")

# Reserved rows count as copies of one vector from this mean pairwise cosine on.
_COPY_COSINE: Final = 0.98


def non_finite_rows(facts: Facts) -> Iterator[Finding]:
    """ROW201: in any group; one NaN logit spoils the softmax over the whole vocabulary."""
    for item in facts.matrices:
        bad = np.flatnonzero(~item.table.finite)
        if not bad.size:
            continue
        table = item.table.take(bad)
        yield ROW201.finding(
            say(
                "{count:# row|# rows} of {tensor} {count:holds|hold} {nan} NaN and {inf} infinite values, "
                "first {first}.",
                count=int(bad.size),
                tensor=item.matrix.tensor,
                nan=int(table.nan.sum()),
                inf=int(table.inf.sum()),
                first=facts.text(int(bad[0])),
            ),
            row_location(item.matrix.tensor, bad),
            evidence={**id_evidence(bad), "nan": int(table.nan.sum()), "inf": int(table.inf.sum())},
            hint=say(
                "Do not serve or train this checkpoint: restore the rows from its base model, or replace "
                "them with the mean of trained rows (`rowscope claim` does so for a reserved slot)."
            ),
        )


def _empty(item: MatrixFacts) -> NDArray[np.int64]:
    used = np.isin(item.codes, USED)
    return np.flatnonzero(used & np.isin(item.evidence.verdict, (ZERO, VANISHING)) & ~item.damaged)


def empty_used_rows(facts: Facts) -> Iterator[Finding]:
    """ROW202. A padding token's zero row is by design and left out, as are bytes UTF-8 cannot contain."""
    pads = {token.id for token in facts.tokens if "pad" in token.roles} | _padding_index(facts)
    for item in facts.matrices:
        hit = facts.among_looked_up(_empty(item))
        fit = [id for id in sorted(pads) if id < facts.census.rows]
        ids = without(hit, np.append(no_text(facts, item), np.array(fit, dtype=np.int64)))
        if not ids.size:
            continue
        zero = int(np.sum(item.evidence.verdict[ids] == ZERO))
        yield ROW202.finding(
            say(
                "{count:# used row|# used rows} of {tensor} {count:is|are} all zeros ({zero}) or shrunk "
                "towards zero ({vanishing}), first {first}.",
                count=int(ids.size),
                tensor=item.matrix.tensor,
                zero=zero,
                vanishing=int(ids.size) - zero,
                first=facts.text(int(ids[0])),
            ),
            row_location(item.matrix.tensor, ids),
            evidence={**id_evidence(ids), "zero": zero, "vanishing": int(ids.size) - zero},
            hint=say(
                "These tokens carry no information as input, and in an output matrix all get the same "
                "logit. Train them before you use them."
            ),
        )


def _padding_index(facts: Facts) -> set[int]:
    """The config's own pad id: `padding_idx` of torch's Embedding, which keeps that row at zero.

    Also in the table of an encoder whose decoder has a vocabulary of its own, and the pad id with it.
    """
    stated = config_int(facts.checkpoint.config, "pad_token_id")
    return set() if stated is None else {stated}


def collapsed_used_rows(facts: Facts) -> Iterator[Finding]:
    """ROW203: of tokens that text can reach; bytes that UTF-8 cannot contain are untrained by nature."""
    for item in facts.matrices:
        hit = np.isin(item.codes, USED) & (item.evidence.verdict == COLLAPSED)
        ids = without(facts.among_looked_up(np.flatnonzero(hit)), no_text(facts, item))
        if not ids.size:
            continue
        reference = item.evidence.reference
        yield ROW203.finding(
            say(
                "{count:# used row|# used rows} of {tensor} {count:shares|share} the direction of rows that "
                "were never trained ({source}), first {first}.",
                count=int(ids.size),
                tensor=item.matrix.tensor,
                source=reference.source if reference else say("exact copies of each other"),
                first=facts.text(int(ids[0])),
            ),
            row_location(item.matrix.tensor, ids),
            evidence={**id_evidence(ids), "cuts": dict(item.evidence.cuts)},
            confidence=CONFIDENCES[int(median(item.evidence.confidence[ids]))],
            hint=say(
                "The model has not learned these tokens. `rowscope suspects` ranks them; keep them out of "
                "prompts and chat templates, or train them first."
            ),
        )


def reserved_rows_are_copies(facts: Facts) -> Iterator[Finding]:
    """ROW204: identical, or of nearly one direction and length."""
    for item in facts.matrices:
        stats = item.stats.get("reserved")
        if stats is None or stats.rows < 2:
            continue
        identical = stats.distinct_rows == 1
        if not identical and not stats.pairwise_cosine >= _COPY_COSINE:
            continue
        ids = np.flatnonzero(np.isin(item.codes, RESERVED))
        how = say("bit for bit")
        if not identical:
            how = say("to a mean pairwise cosine of {cosine:.6f}", cosine=stats.pairwise_cosine)
        yield ROW204.finding(
            say(
                "The {rows} reserved rows of {tensor} are copies of one vector, {how}.",
                rows=stats.rows,
                tensor=item.matrix.tensor,
                how=how,
            ),
            row_location(item.matrix.tensor, ids),
            evidence={
                **id_evidence(ids),
                "distinct_rows": stats.distinct_rows,
                "pairwise_cosine": stats.pairwise_cosine,
                "between_row_std": stats.between_row_std,
                "std": stats.std,
            },
            hint=say(
                "Non-zero does not mean trained: they carry no token's meaning. Give a claimed slot a vector "
                "of its own."
                if item.matrix.role == "input"
                else "Non-zero does not mean trained: they carry no token's meaning. As output rows they all "
                "get the same logit; give a claimed slot a vector of its own."
            ),
        )


def trained_reserved_row(facts: Facts) -> Iterator[Finding]:
    """ROW205: needs a reference, for without one every row is called trained for want of evidence."""
    for item in facts.matrices:
        evidence = item.evidence
        if evidence.reference is None:
            continue
        hit = np.isin(item.codes, RESERVED) & (evidence.verdict == TRAINED) & (evidence.confidence > LOW)
        ids = np.flatnonzero(hit)
        if not ids.size:
            continue
        unlisted = int(np.sum(item.codes[ids] == UNMAPPED))
        yield ROW205.finding(
            joined(
                " ",
                [
                    say(
                        "{count:# reserved row|# reserved rows} of {tensor} {count:looks|look} trained: "
                        "{listed}.",
                        count=int(ids.size),
                        tensor=item.matrix.tensor,
                        listed=facts.listed(ids.tolist()),
                    ),
                    *([unlisted_rows(unlisted)] if unlisted else []),
                ],
            ),
            row_location(item.matrix.tensor, ids),
            confidence="high" if np.all(evidence.confidence[ids] == HIGH) else "medium",
            evidence={**id_evidence(ids), "cosine_to_reference": evidence.indicators.cosine[ids].tolist()},
            hint=say("Somebody may have used the slot already: look at it before you claim or mask it."),
        )


def unlisted_rows(count: int) -> Said:
    """In words, that rows without an entry look trained."""
    return say(
        "{count:# row|# rows} without a tokenizer entry {count:looks|look} trained: tokens that the "
        "tokenizer file does not list.",
        count=count,
    )


def no_text(facts: Facts, item: MatrixFacts) -> NDArray[np.int64]:
    """Ids of tokens that no text reaches: bytes that UTF-8 cannot contain or that stand for a character with
    an entry of its own, and what was found unreachable."""
    if facts.vocabulary is None:
        return np.empty(0, dtype=np.int64)
    rows = item.codes.size
    known = union(impossible_bytes(facts.vocabulary, rows), spare_bytes(facts.vocabulary, rows))
    return known if facts.unreachable is None else union(known, facts.unreachable)
