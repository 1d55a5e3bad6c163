"""Many checkpoints into one store of Parquet tables: engines, resume by content, the tables.

Knows audits and the storage of results. Must not render, nor know other rooms that act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.fleet.choice import ENGINES
    from rowscope.inspector.fleet.expand import read_lists
    from rowscope.inspector.fleet.options import AuditOptions
    from rowscope.inspector.fleet.places import Place, place_of
    from rowscope.inspector.fleet.reading import read_table, read_tables
    from rowscope.inspector.fleet.report import (
        CheckpointLine,
        FindingHistory,
        FleetReport,
        Norms,
        Run,
        StepLine,
        TokenHistory,
        fleet_report,
    )
    from rowscope.inspector.fleet.result import Failure, Fleet
    from rowscope.inspector.fleet.run import fleet
    from rowscope.inspector.fleet.runs import State
    from rowscope.inspector.fleet.schema import ROWS, STORE_VERSION, TABLES, VOLATILE, Column
    from rowscope.inspector.fleet.status import Status, fleet_status
    from rowscope.inspector.fleet.task import Outcome

__all__ = [
    "ENGINES",
    "ROWS",
    "STORE_VERSION",
    "TABLES",
    "VOLATILE",
    "AuditOptions",
    "CheckpointLine",
    "Column",
    "Failure",
    "FindingHistory",
    "Fleet",
    "FleetReport",
    "Norms",
    "Outcome",
    "Place",
    "Run",
    "State",
    "Status",
    "StepLine",
    "TokenHistory",
    "fleet",
    "fleet_report",
    "fleet_status",
    "place_of",
    "read_lists",
    "read_table",
    "read_tables",
]

_OF_REPORT = (
    "CheckpointLine",
    "FindingHistory",
    "FleetReport",
    "Norms",
    "Run",
    "StepLine",
    "TokenHistory",
    "fleet_report",
)

__getattr__ = lazily(
    __name__,
    {
        "ENGINES": "choice",
        "AuditOptions": "options",
        "Place": "places",
        "place_of": "places",
        "read_table": "reading",
        "read_tables": "reading",
        "read_lists": "expand",
        "Failure": "result",
        "Fleet": "result",
        "fleet": "run",
        "State": "runs",
        "ROWS": "schema",
        "STORE_VERSION": "schema",
        "TABLES": "schema",
        "VOLATILE": "schema",
        "Column": "schema",
        "Status": "status",
        "fleet_status": "status",
        "Outcome": "task",
        **dict.fromkeys(_OF_REPORT, "report"),
    },
)
