"""rowscope: what is in the vocabulary rows of this checkpoint?

The public names load on first use, so that `import rowscope` costs next to nothing: it imports none
of numpy, numba, torch, transformers, rich or typer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rowscope.inspector.audit import Report, audit
    from rowscope.inspector.bounds import VocabularyBounds, vocabulary_bounds
    from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
    from rowscope.inspector.claim import apply_claim, apply_claim_in_place, claim_into, plan_claim, undo_claim
    from rowscope.inspector.diff import Diff, diff
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.fleet import FleetReport, fleet, fleet_report
    from rowscope.inspector.fleet.trainer import FleetCallback
    from rowscope.inspector.listing import VocabularyRows, find_suspects, reserved_ids, row_table
    from rowscope.inspector.mask import Mask, apply_mask, mask
    from rowscope.inspector.matrices import Matrix
    from rowscope.inspector.rows import RowTable
    from rowscope.inspector.storage import RemoteOptions
    from rowscope.inspector.study import study

__version__ = "0.1.0"

_HOME = {
    "Checkpoint": "rowscope.inspector.checkpoint",
    "Diff": "rowscope.inspector.diff",
    "FleetCallback": "rowscope.inspector.fleet.trainer",
    "FleetReport": "rowscope.inspector.fleet",
    "Mask": "rowscope.inspector.mask",
    "Matrix": "rowscope.inspector.matrices.find",
    "RemoteOptions": "rowscope.inspector.storage",
    "Report": "rowscope.inspector.audit.run",
    "RowTable": "rowscope.inspector.rows",
    "RowscopeError": "rowscope.inspector.errors",
    "VocabularyBounds": "rowscope.inspector.bounds",
    "VocabularyRows": "rowscope.inspector.listing.table",
    "apply_claim": "rowscope.inspector.claim",
    "apply_claim_in_place": "rowscope.inspector.claim",
    "apply_mask": "rowscope.inspector.mask",
    "audit": "rowscope.inspector.audit.run",
    "claim_into": "rowscope.inspector.claim",
    "diff": "rowscope.inspector.diff",
    "find_suspects": "rowscope.inspector.listing.suspects",
    "fleet": "rowscope.inspector.fleet.run",
    "fleet_report": "rowscope.inspector.fleet",
    "mask": "rowscope.inspector.mask",
    "open_checkpoint": "rowscope.inspector.checkpoint",
    "plan_claim": "rowscope.inspector.claim",
    "reserved_ids": "rowscope.inspector.listing.table",
    "row_table": "rowscope.inspector.listing.table",
    "study": "rowscope.inspector.study",
    "undo_claim": "rowscope.inspector.claim",
    "vocabulary_bounds": "rowscope.inspector.bounds",
}

__all__ = [
    "Checkpoint",
    "Diff",
    "FleetCallback",
    "FleetReport",
    "Mask",
    "Matrix",
    "RemoteOptions",
    "Report",
    "RowTable",
    "RowscopeError",
    "VocabularyBounds",
    "VocabularyRows",
    "__version__",
    "apply_claim",
    "apply_claim_in_place",
    "apply_mask",
    "audit",
    "claim_into",
    "diff",
    "find_suspects",
    "fleet",
    "fleet_report",
    "mask",
    "open_checkpoint",
    "plan_claim",
    "reserved_ids",
    "row_table",
    "study",
    "undo_claim",
    "vocabulary_bounds",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type of a lazily loaded name is its own
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rowscope' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
