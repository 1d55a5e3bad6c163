"""The ids that must never be sampled, in the form that each serving stack takes.

Knows groups and verdicts. Must not know the other rooms that act (claim, diff, model).
"""

from rowscope.inspector.mask.apply import PlannedConfig, apply_mask, plan_mask
from rowscope.inspector.mask.build import mask
from rowscope.inspector.mask.formats import FORMATS, MaskFormat, format_notes, render_mask
from rowscope.inspector.mask.result import LeftOut, Mask

__all__ = [
    "FORMATS",
    "LeftOut",
    "Mask",
    "MaskFormat",
    "PlannedConfig",
    "apply_mask",
    "format_notes",
    "mask",
    "plan_mask",
    "render_mask",
]
