"""A mask and what it leaves out as text.

Result -> str; must not print.
"""

from rowscope.inspector.render.mask.text import mask_lines

__all__ = [
    "mask_lines",
]
