"""TOK: rows that an adapter was to train."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.checks.finding import Finding, Rule, Severity, id_evidence, row_location
from rowscope.inspector.checks.tokens import ORDER, token_severity
from rowscope.inspector.evidence import Facts, MatrixFacts
from rowscope.inspector.text import say

TOK309: Final = Rule(
    "TOK309", "unmoved-adapter-row", "warning", "A row that an adapter trains is the base's."
)


def unmoved_rows(facts: Facts) -> Iterator[Finding]:
    """TOK309: an error where the chat template or an eos role uses such a token.

    One finding a table, be it two matrices; a low-rank change that is zero leaves all rows as they were.
    """
    told: set[str] = set()
    for item in facts.matrices:
        change = item.matrix.change
        if change is None or not item.unmoved.size or change.stem in told:
            continue
        told.add(change.stem)
        trained = len(set(change.ids)) if change.tokens is not None else item.matrix.rows
        what = say(
            "{unmoved} of {rows} rows that the adapter replaces in {module} equal those of the base: "
            "{listed}."
            if change.tokens is not None
            else "The adapter's {method} of {module} is zero: all {rows} rows are the base's.",
            unmoved=int(item.unmoved.size),
            rows=trained,
            module=change.stem,
            method=change.words,
            listed=facts.listed(item.unmoved.tolist()),
        )
        yield TOK309.finding(
            what,
            row_location(item.matrix.tensor, item.unmoved),
            severity=_severity(facts, item),
            evidence={**id_evidence(item.unmoved), "trained": trained, "method": change.words},
            hint=say(
                "Training never reached them: check that the tokens occur in the training data as these ids "
                "(tokenize a sample and look), that the optimizer was given the adapter's parameters, and "
                "train again. `rowscope diff BASE ADAPTER` shows how far rows moved."
            ),
        )


def _severity(facts: Facts, item: MatrixFacts) -> Severity:
    hit = set(item.unmoved.tolist())
    found = [token_severity(token) for token in facts.tokens if token.id in hit and token.roles]
    replaced = item.matrix.change is not None and item.matrix.change.tokens is not None
    return max(("warning", *(found if replaced else ())), key=ORDER.index)
