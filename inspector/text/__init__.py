"""How names and numbers are spelled for people: escaped, rounded, grouped.

The ground floor: knows nothing of ours.
"""

from rowscope.inspector.text.escape import visible
from rowscope.inspector.text.numbers import cosine, count, ratio, real

__all__ = [
    "cosine",
    "count",
    "ratio",
    "real",
    "visible",
]
