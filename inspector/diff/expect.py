"""`--expect-unchanged`: rows that the tuned checkpoint should have inherited as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.checks import DIF501, Finding, id_evidence, row_location
from rowscope.inspector.diff.result import MatrixDiff
from rowscope.inspector.ranges import ids_of
from rowscope.inspector.text import joined, say

_HINT: Final = say(
    "Freeze these rows in training, or copy them back from the base; "
    "where the change is meant, narrow --expect-unchanged."
)


def parse_expectation(asked: Any, rows: int) -> NDArray[np.int64]:  # noqa: ANN401 - every form of ids
    """Row ids, sorted int64, of ranges such as `0:151665` or any form that `ids_of` takes.

    `rows` is the base's row count.

    Raises:
        UsageError: a part that is no range, or that reaches beyond the base's rows.
    """
    return np.unique(ids_of(asked, rows, "--expect-unchanged"))


def violations(expected: NDArray[np.int64], matrices: Iterable[MatrixDiff]) -> Iterator[Finding]:
    """One finding for each matrix with expected rows that changed or that the tuned side lacks.

    Equal after rounding to the narrower dtype counts as unchanged: a change of dtype alone cannot do better.
    """
    for matrix in matrices:
        table = matrix.table
        ids = expected[expected < matrix.base.rows]
        common = ids[ids < len(table)]
        changed = common[table.changed[common]]
        missing = ids[ids >= len(table)]
        if changed.size or missing.size:
            yield _finding(matrix, ids.size, changed, missing)


def _finding(
    matrix: MatrixDiff, asked: int, changed: NDArray[np.int64], missing: NDArray[np.int64]
) -> Finding:
    distance = matrix.table.distance[changed]
    largest = float(np.nanmax(distance)) if np.isfinite(distance).any() else float("nan")
    parts = []
    if changed.size:
        first = ", ".join(str(id) for id in changed[:3].tolist())
        parts.append(
            say(
                "{count} of {rows} rows expected unchanged differ in {tensor!r}: {first} (largest distance "
                "{distance:.4g})",
                count=int(changed.size),
                rows=int(asked),
                tensor=matrix.tuned.tensor,
                first=f"{first}{', …' if changed.size > 3 else ''}",
                distance=largest,
            )
        )
    if missing.size:
        parts.append(
            say(
                "{count:# row|# rows} expected unchanged {count:is|are} not there: {tensor!r} has {rows} "
                "rows, the base {base}",
                count=int(missing.size),
                tensor=matrix.tuned.tensor,
                rows=matrix.tuned.rows,
                base=matrix.base.rows,
            )
        )
    both = np.concatenate((changed, missing))
    return DIF501.finding(
        say("{faults}.", faults=joined("; ", parts)),
        row_location(matrix.tuned.tensor, both),
        hint=_HINT,
        evidence={
            **id_evidence(both),
            "role": matrix.role,
            "changed": int(changed.size),
            "missing": int(missing.size),
            "largest_distance": largest,
        },
    )
