"""What a store says: checkpoints side by side, and training runs step by step.

Knows the store's tables. Must not audit, nor render.
"""

from rowscope.inspector.fleet.report.model import (
    CheckpointLine,
    FindingHistory,
    FleetReport,
    Norms,
    Run,
    StepLine,
    TokenHistory,
)
from rowscope.inspector.fleet.report.read import fleet_report

__all__ = [
    "CheckpointLine",
    "FindingHistory",
    "FleetReport",
    "Norms",
    "Run",
    "StepLine",
    "TokenHistory",
    "fleet_report",
]
