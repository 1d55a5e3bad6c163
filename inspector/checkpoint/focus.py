"""One vocabulary table of a checkpoint, by its name, and the checkpoint as if it had that table alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.errors import UsageError, guess, require
from rowscope.inspector.matrices import MatrixLayout, Role, Table

_ROLES: Final[Mapping[str, Role]] = {"input": "input", "output": "output"}


def table_named(checkpoint: Checkpoint, name: str) -> Table:
    """The vocabulary table that a tensor is, or the one of the role `input` or `output`.

    Raises:
        UsageError: no vocabulary table has that name or role; the message lists them.
    """
    require("--matrix", name, str, "input, output or the name of a vocabulary table")
    role = _ROLES.get(name)
    own = None if role is None else checkpoint.layout.of_role(role)
    for table in checkpoint.tables:
        if table.matrix.tensor == (name if own is None else own.tensor):
            return table
    known = ", ".join(f"{table.matrix.tensor} ({table.role})" for table in checkpoint.tables) or "none"
    near = guess(name, ("input", "output", *(table.matrix.tensor for table in checkpoint.tables)))
    raise UsageError(
        f"--matrix {name!r} is not known; {near}use input, output, or a vocabulary table by its name: "
        f"{known}",
        location="--matrix",
    )


def focused(checkpoint: Checkpoint, table: Table) -> Checkpoint:
    """The checkpoint with that table as its one matrix: nothing is said of ties, sizes or special ids."""
    layout = MatrixLayout((table.matrix,), None, False, "no-head", None, False, alone=True)
    view = dataclasses.replace(checkpoint, generation_config=None)
    # Cached properties of the view: what the checkpoint would find by itself is what was found already.
    view.__dict__.update(layout=layout, tables=checkpoint.tables, declaring=(None, None))
    return view
