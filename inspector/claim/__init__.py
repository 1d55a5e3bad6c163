"""Give reserved slots to new tokens: plan, apply into a new folder or in place, undo.

The names load on first use: the copy of the weights can begin while the planner is still being imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rowscope.inspector.claim.direct import claim_into
    from rowscope.inspector.claim.early import EarlyCopy
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

_HOME = {
    "Caution": "model",
    "ClaimPlan": "model",
    "ClaimResult": "model",
    "Claimed": "model",
    "EarlyCopy": "early",
    "FileEdit": "model",
    "RowPatch": "model",
    "UndoResult": "model",
    "apply_claim": "write",
    "apply_claim_in_place": "in_place",
    "claim_into": "direct",
    "plan_claim": "plan",
    "undo_claim": "undo",
}

__all__ = [
    "Caution",
    "ClaimPlan",
    "ClaimResult",
    "Claimed",
    "EarlyCopy",
    "FileEdit",
    "RowPatch",
    "UndoResult",
    "apply_claim",
    "apply_claim_in_place",
    "claim_into",
    "plan_claim",
    "undo_claim",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type of a lazily loaded name is its own
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rowscope.inspector.claim' has no attribute {name!r}")
    return getattr(importlib.import_module(f"rowscope.inspector.claim.{home}"), name)
