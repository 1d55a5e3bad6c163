"""TIE: does what the config says about tied matrices hold?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.checks.finding import Finding, Rule
from rowscope.inspector.evidence import Facts
from rowscope.inspector.text import joined, say

TIE401: Final = Rule("TIE401", "tied-but-different", "warning", "Config says tied, two matrices are stored.")
TIE402: Final = Rule("TIE402", "missing-output-matrix", "error", "Untied config without an output matrix.")


def tied_but_different(facts: Facts) -> Iterator[Finding]:
    """TIE401: the bytes of the two matrices differ (equal ones count as tied)."""
    if facts.census.tied or facts.census.tie_source != "stored-twice" or len(facts.matrices) != 2:
        return
    source, target = facts.matrices
    tie = facts.checkpoint.layout.tie
    place = tie.place
    rows = min(source.matrix.rows, target.matrix.rows)
    differ = source.table.fingerprint[:rows] != target.table.fingerprint[:rows]
    count = int(differ.sum()) + abs(source.matrix.rows - target.matrix.rows)
    yield TIE401.finding(
        say(
            "{why}, but {input} and {output} are both stored and {count:# row differs|# rows differ}.",
            why=tie.source,
            input=source.matrix.tensor,
            output=target.matrix.tensor,
            count=count,
        ),
        f"{source.matrix.tensor}, {target.matrix.tensor}",
        evidence={"differing_rows": count, "rows": [source.matrix.rows, target.matrix.rows]},
        hint=say(
            "Loaders disagree on such files: transformers 5 keeps both, others drop one. Set {place} in "
            "config.json to false to keep both, or remove {output} from the file to tie."
            if tie.settable
            else "Loaders disagree on such files: transformers 5 keeps both, others drop one. To tie, remove "
            "{output} from the file.",
            place=place,
            output=target.matrix.tensor,
        ),
    )


def missing_output_matrix(facts: Facts) -> Iterator[Finding]:
    """TIE402."""
    layout = facts.checkpoint.layout
    tie = layout.tie
    if (
        facts.checkpoint.lone_shard is not None  # it may well stand in another shard
        or tie.ties is not False
        or layout.head_expected is False
        or (layout.head_expected is None and tie.stated is None)
        or layout.others
        or layout.of_role("input") is None
        or layout.of_role("output") is not None
    ):
        return
    message = say("{why}, but no output matrix is stored.", why=tie.source)
    if tie.ignored:
        unread = say("{place} says otherwise, which transformers does not read.", place=tie.ignored)
        message = joined(" ", [message, unread])
    yield TIE402.finding(
        message,
        f"config.json: {tie.place}",
        evidence={"architectures": list(facts.checkpoint.architectures)},
        confidence="high" if layout.head_expected else "medium",
        hint=say(
            "Loading it initialises the output matrix at random. Set {place} in config.json to true if the "
            "model was trained tied, else restore the missing tensor."
            if tie.settable
            else "Loading it initialises the output matrix at random. Restore the missing tensor.",
            place=tie.place,
        ),
    )
