"""The ids that must never be sampled, in the form that each serving stack takes.

Knows groups and verdicts. Must not know the other rooms that act (claim, diff, model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.mask.apply import PlannedConfig, apply_mask, plan_mask
    from rowscope.inspector.mask.build import mask
    from rowscope.inspector.mask.formats import FORMATS, MaskFormat, format_notes, render_mask
    from rowscope.inspector.mask.result import LeftOut, Mask, Suppressed

__all__ = [
    "FORMATS",
    "LeftOut",
    "Mask",
    "MaskFormat",
    "PlannedConfig",
    "Suppressed",
    "apply_mask",
    "format_notes",
    "mask",
    "plan_mask",
    "render_mask",
]

# Lazy: vLLM imports `vllm_plugin` wherever rowscope is installed, and needs none of the others for it.
__getattr__ = lazily(
    __name__,
    {
        "FORMATS": "formats",
        "LeftOut": "result",
        "Mask": "result",
        "MaskFormat": "formats",
        "PlannedConfig": "apply",
        "Suppressed": "result",
        "apply_mask": "apply",
        "format_notes": "formats",
        "mask": "build",
        "plan_mask": "apply",
        "render_mask": "formats",
    },
)
