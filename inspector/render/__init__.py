"""Results -> text, one sub-room a command; here what they share.

Knows results and findings. Must not measure, print or write.
"""

from rowscope.inspector.render.lines import Line, to_plain_text

__all__ = [
    "Line",
    "to_plain_text",
]
