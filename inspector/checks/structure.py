"""FIL: what is wrong with the files themselves.

FIL001, FIL003, FIL004 and a vocabulary table missing from its shard stop the reader: they are raised as
errors and never reach a report. Their rules stand here so that they are documented like all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rowscope.inspector.checks.finding import Finding, Rule, id_evidence, row_location
from rowscope.inspector.evidence import Facts, MatrixFacts
from rowscope.inspector.text import say

FIL001: Final = Rule("FIL001", "malformed-file", "error", "A file breaks the safetensors format.")
FIL002: Final = Rule("FIL002", "index-mismatch", "warning", "The sharded index disagrees with the shards.")
FIL003: Final = Rule("FIL003", "missing-shard", "error", "A shard that the index names is not there.")
FIL004: Final = Rule("FIL004", "unsafe-shard-name", "error", "A shard name would leave the folder.")
FIL005: Final = Rule("FIL005", "damaged-download", "error", "A download is unfinished or damaged.")
FIL006: Final = Rule("FIL006", "unloadable-names", "error", "No loader matches the tensors' names.")
FIL007: Final = Rule("FIL007", "empty-tensors", "error", "Tensors were saved without their elements.")


def index_mismatch(facts: Facts) -> Iterator[Finding]:
    """FIL002, as far as the tensors can still be read."""
    yield from _problems(facts, FIL002)


def damaged_download(facts: Facts) -> Iterator[Finding]:
    """FIL005: what lies beside the files, and what the rows show."""
    yield from _problems(facts, FIL005)
    for item in facts.matrices:
        if item.holes:
            yield _missing_piece(item)


def _missing_piece(item: MatrixFacts) -> Finding:
    ids = np.flatnonzero(item.damaged)
    at = item.matrix.ref.offset
    runs = [[at + hole.start, at + hole.stop] for hole in item.holes]
    size = max(stop - start for start, stop in runs)
    return FIL005.finding(
        say(
            "{runs:# run|# runs} of zero bytes, the longest of {size} bytes, {runs:begins or ends|begin or "
            "end} inside a row of {tensor}: a piece of {file!r} is missing, and {rows:# row|# rows} with it.",
            runs=len(runs),
            size=size,
            tensor=item.matrix.tensor,
            file=item.matrix.file,
            rows=int(ids.size),
        ),
        row_location(item.matrix.tensor, ids),
        evidence={"kind": "zero_run", **id_evidence(ids), "runs": runs},
        hint=say(
            "The download is unfinished or damaged: download the file again. These rows say nothing; do not "
            "train them."
        ),
    )


def unloadable_names(facts: Facts) -> Iterator[Finding]:
    """FIL006."""
    yield from _problems(facts, FIL006)


def empty_tensors(facts: Facts) -> Iterator[Finding]:
    """FIL007."""
    yield from _problems(facts, FIL007)


def _problems(facts: Facts, rule: Rule) -> Iterator[Finding]:
    for problem in facts.checkpoint.problems:
        if problem.code == rule.code:
            yield rule.finding(
                problem.message,
                problem.location,
                severity=problem.severity,
                evidence=problem.evidence,
                hint=problem.hint,
            )
