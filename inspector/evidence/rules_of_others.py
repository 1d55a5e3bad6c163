"""What two well-known rules of other tools say of the same rows, so that users can compare."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rowscope.inspector.census import RESERVED, USED
from rowscope.inspector.evidence.facts import MatrixFacts

# unsloth calls a row untrained when no element leaves [-1e-16, 1e-16].
UNSLOTH_LIMIT: Final = 1e-16
# NVIDIA Megatron-Bridge: input rows of norm at most 1e-4, or with a value that is not finite.
NVIDIA_LIMIT: Final = 1e-4


def other_tools(item: MatrixFacts) -> dict[str, dict[str, Any]]:
    """Counts of rows that each rule calls untrained, in all and by used and reserved."""
    table = item.table
    # NaN compares as false: the rule passes over rows that hold one.
    unsloth = (np.abs(table.max) <= UNSLOTH_LIMIT) & (np.abs(table.min) <= UNSLOTH_LIMIT)
    nvidia = ~table.finite | (table.norm <= NVIDIA_LIMIT)
    rules = {
        "unsloth": (f"|max| and |min| <= {UNSLOTH_LIMIT:g}", unsloth),
        "megatron-bridge": (f"norm <= {NVIDIA_LIMIT:g} or not finite", nvidia),
        "rowscope": ("any verdict but trained", item.evidence.untrained),
    }
    used, reserved = np.isin(item.codes, USED), np.isin(item.codes, RESERVED)
    return {
        name: {
            "rule": words,
            "rows": int(hit.sum()),
            "used": int((hit & used).sum()),
            "reserved": int((hit & reserved).sum()),
        }
        for name, (words, hit) in rules.items()
    }
