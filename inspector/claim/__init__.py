"""Give reserved slots to new tokens: plan, apply into a new folder or in place, undo.

The names load on first use: the copy of the weights can begin while the planner is still being imported.
Knows plans, edits, rows and the disk. Must not know the other rooms that act (diff, mask, model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.claim.applying.direct import claim_into
    from rowscope.inspector.claim.applying.early import EarlyCopy
    from rowscope.inspector.claim.applying.in_place import apply_claim_in_place
    from rowscope.inspector.claim.applying.undo import undo_claim
    from rowscope.inspector.claim.applying.write import apply_claim
    from rowscope.inspector.claim.disk.transfer import LINKS, Link
    from rowscope.inspector.claim.model import (
        Caution,
        Claimed,
        ClaimPlan,
        ClaimResult,
        FileEdit,
        RowPatch,
        UndoResult,
    )
    from rowscope.inspector.claim.planning.plan import plan_claim
    from rowscope.inspector.claim.values.recipe import GivenRows

__all__ = [
    "LINKS",
    "Caution",
    "ClaimPlan",
    "ClaimResult",
    "Claimed",
    "EarlyCopy",
    "FileEdit",
    "GivenRows",
    "Link",
    "RowPatch",
    "UndoResult",
    "apply_claim",
    "apply_claim_in_place",
    "claim_into",
    "plan_claim",
    "undo_claim",
]

__getattr__ = lazily(
    __name__,
    {
        "Caution": "model",
        "ClaimPlan": "model",
        "ClaimResult": "model",
        "Claimed": "model",
        "EarlyCopy": "applying.early",
        "FileEdit": "model",
        "GivenRows": "values.recipe",
        "LINKS": "disk.transfer",
        "Link": "disk.transfer",
        "RowPatch": "model",
        "UndoResult": "model",
        "apply_claim": "applying.write",
        "apply_claim_in_place": "applying.in_place",
        "claim_into": "applying.direct",
        "plan_claim": "planning.plan",
        "undo_claim": "applying.undo",
    },
)
