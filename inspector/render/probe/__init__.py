"""Results of model mode as text.

Result -> str; must not print.
"""

from rowscope.inspector.render.probe.text import probe_lines

__all__ = [
    "probe_lines",
]
