"""rowscope: what is in the vocabulary rows of this checkpoint?

The public names load on first use, so that `import rowscope` costs next to nothing: it imports none
of numpy, numba, torch, transformers, rich or typer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rowscope.inspector.audit import Report, audit
    from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.matrices import Matrix
    from rowscope.inspector.rows import RowTable
    from rowscope.inspector.table import reserved_ids, row_table

__version__ = "0.1.0"

_HOME = {
    "Checkpoint": "rowscope.inspector.checkpoint",
    "Matrix": "rowscope.inspector.matrices",
    "Report": "rowscope.inspector.audit",
    "RowTable": "rowscope.inspector.rows",
    "RowscopeError": "rowscope.inspector.errors",
    "audit": "rowscope.inspector.audit",
    "open_checkpoint": "rowscope.inspector.checkpoint",
    "reserved_ids": "rowscope.inspector.table",
    "row_table": "rowscope.inspector.table",
}

__all__ = [
    "Checkpoint",
    "Matrix",
    "Report",
    "RowTable",
    "RowscopeError",
    "__version__",
    "audit",
    "open_checkpoint",
    "reserved_ids",
    "row_table",
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
