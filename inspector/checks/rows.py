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
)
from rowscope.inspector.matrices import config_int
from rowscope.inspector.text import plural

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
            f"{_count(bad, 'row')} of {item.matrix.tensor} {_holds(bad)} {int(table.nan.sum())} NaN and "
            f"{int(table.inf.sum())} infinite values, first {facts.text(int(bad[0]))}.",
            row_location(item.matrix.tensor, bad),
            evidence={**id_evidence(bad), "nan": int(table.nan.sum()), "inf": int(table.inf.sum())},
            hint="Do not serve or train this checkpoint: restore the rows from its base model, or replace "
            "them with the mean of trained rows (`rowscope claim` does so for a reserved slot).",
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
            f"{_count(ids, 'used row')} of {item.matrix.tensor} {_are(ids)} all zeros ({zero}) or shrunk "
            f"towards zero ({ids.size - zero}), first {facts.text(int(ids[0]))}.",
            row_location(item.matrix.tensor, ids),
            evidence={**id_evidence(ids), "zero": zero, "vanishing": int(ids.size) - zero},
            hint="These tokens carry no information as input, and in an output matrix all get the same "
            "logit. Train them before you use them.",
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
        source = item.evidence.reference.source if item.evidence.reference else "exact copies of each other"
        yield ROW203.finding(
            f"{_count(ids, 'used row')} of {item.matrix.tensor} {_shares(ids)} the direction of rows that "
            f"were never trained ({source}), first {facts.text(int(ids[0]))}.",
            row_location(item.matrix.tensor, ids),
            evidence={**id_evidence(ids), "cuts": dict(item.evidence.cuts)},
            confidence=CONFIDENCES[int(median(item.evidence.confidence[ids]))],
            hint="The model has not learned these tokens. `rowscope suspects` ranks them; keep them out of "
            "prompts and chat templates, or train them first.",
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
        how = "bit for bit" if identical else f"to a mean pairwise cosine of {stats.pairwise_cosine:.6f}"
        yield ROW204.finding(
            f"The {stats.rows:,} reserved rows of {item.matrix.tensor} are copies of one vector, {how}.",
            row_location(item.matrix.tensor, ids),
            evidence={
                **id_evidence(ids),
                "distinct_rows": stats.distinct_rows,
                "pairwise_cosine": stats.pairwise_cosine,
                "between_row_std": stats.between_row_std,
                "std": stats.std,
            },
            hint="Non-zero does not mean trained: they carry no token's meaning. "
            + ("" if item.matrix.role == "input" else "As output rows they all get the same logit; ")
            + f"{'G' if item.matrix.role == 'input' else 'g'}ive a claimed slot a vector of its own.",
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
            f"{_count(ids, 'reserved row')} of {item.matrix.tensor} {_looks(ids)} trained: "
            f"{facts.listed(ids.tolist())}." + (f" {unlisted_rows(unlisted)}." if unlisted else ""),
            row_location(item.matrix.tensor, ids),
            confidence="high" if np.all(evidence.confidence[ids] == HIGH) else "medium",
            evidence={**id_evidence(ids), "cosine_to_reference": evidence.indicators.cosine[ids].tolist()},
            hint="Somebody may have used the slot already: look at it before you claim or mask it.",
        )


def unlisted_rows(count: int) -> str:
    """In words, that rows without an entry look trained."""
    return (
        f"{plural(count, 'row')} without a tokenizer entry look{'s' if count == 1 else ''} "
        "trained: tokens that the tokenizer file does not list"
    )


def no_text(facts: Facts, item: MatrixFacts) -> NDArray[np.int64]:
    """Ids of tokens that no text reaches: bytes that UTF-8 cannot contain, and what was found unreachable."""
    if facts.vocabulary is None:
        return np.empty(0, dtype=np.int64)
    known = impossible_bytes(facts.vocabulary, item.codes.size)
    return known if facts.unreachable is None else union(known, facts.unreachable)


def _count(ids: NDArray[np.int64], noun: str) -> str:
    return plural(int(ids.size), noun)


def _are(ids: NDArray[np.int64]) -> str:
    return "is" if ids.size == 1 else "are"


def _holds(ids: NDArray[np.int64]) -> str:
    return "holds" if ids.size == 1 else "hold"


def _shares(ids: NDArray[np.int64]) -> str:
    return "shares" if ids.size == 1 else "share"


def _looks(ids: NDArray[np.int64]) -> str:
    return "looks" if ids.size == 1 else "look"
