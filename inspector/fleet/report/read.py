"""A store's tables as a report: the leaderboard, and runs out of what shares a series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rowscope.inspector.checks import SEVERITY_RANK
from rowscope.inspector.fleet.reading import read_tables
from rowscope.inspector.fleet.report.model import CheckpointLine, FleetReport
from rowscope.inspector.fleet.report.steps import Tables, run_of
from rowscope.inspector.frozen import field_names

_NOTHING = -1


def fleet_report(store: str | Path) -> FleetReport:
    """What a store says, by checkpoint and by training step.

    Args:
        store: a folder that `rowscope fleet --out` wrote.

    Raises:
        CheckpointError: it is no store, or a table of it is damaged.
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    tables = {name: table.to_pylist() for name, table in read_tables(store).items()}
    series: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in tables["checkpoints"]:
        if row["step"] is not None:
            series[row["series"]].append(row)
    runs = {
        name: sorted(found, key=lambda row: (row["step"], row["path"]))
        for name, found in series.items()
        if len(found) > 1
    }
    earlier = {row["checkpoint"] for steps in runs.values() for row in steps[:-1]}
    lines = [_line(row, row["checkpoint"] not in earlier) for row in tables["checkpoints"]]
    of_steps = Tables(*(_grouped(tables[name]) for name in ("matrices", "findings", "special_tokens")))
    return FleetReport(
        store=str(store),
        checkpoints=tuple(sorted(lines, key=_rank)),
        runs=tuple(run_of(steps, of_steps) for _, steps in sorted(runs.items())),
    )


def _grouped(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, list[Mapping[str, Any]]]:
    """Rows of a table by their checkpoint."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["checkpoint"]].append(row)
    return found


def _line(row: Mapping[str, Any], latest: bool) -> CheckpointLine:
    known = {name: row[name] for name in field_names(CheckpointLine) if name in row}
    counts = {name: row[name] or 0 for name in ("errors", "warnings", "notes")}
    return CheckpointLine(**{**known, **counts, "latest": latest, "gate_severity": row["worst_severity"]})


def _rank(line: CheckpointLine) -> tuple[object, ...]:
    """The best first: by gate, then by what is broken; a failure, of which nothing is known, last."""
    return (
        line.status == "failed",
        SEVERITY_RANK[line.worst_severity] if line.worst_severity is not None else _NOTHING,
        line.status == "partial",
        line.untrained_tokens_in_use or 0,
        line.errors,
        line.warnings,
        line.untrained_used_rows or 0,
        line.path,
    )
