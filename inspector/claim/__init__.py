"""Give reserved slots to new tokens: plan, apply into a new folder or in place, undo."""

from rowscope.inspector.claim.in_place import apply_claim_in_place
from rowscope.inspector.claim.model import (
    Caution,
    Claimed,
    ClaimPlan,
    ClaimResult,
    FileEdit,
    RowPatch,
    UndoResult,
)
from rowscope.inspector.claim.plan import plan_claim
from rowscope.inspector.claim.undo import undo_claim
from rowscope.inspector.claim.write import apply_claim

__all__ = [
    "Caution",
    "ClaimPlan",
    "ClaimResult",
    "Claimed",
    "FileEdit",
    "RowPatch",
    "UndoResult",
    "apply_claim",
    "apply_claim_in_place",
    "plan_claim",
    "undo_claim",
]
