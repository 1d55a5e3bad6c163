"""Tables of a store, whole: as they were compacted, or from the parts where a run was killed before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rowscope.inspector.checkpoint import path_text
from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet.compact import chosen, is_fresh, tables_of
from rowscope.inspector.fleet.schema import TABLES
from rowscope.inspector.fleet.store import MARKER, Store
from rowscope.inspector.fleet.tables import stored_table, table_path

if TYPE_CHECKING:
    import pyarrow


def read_tables(folder: str | os.PathLike[str]) -> Mapping[str, pyarrow.Table]:
    """All tables of a store by name, with every column of the schema and all that was audited so far.

    Also of a folder with the four tables alone, as one copies them to elsewhere.

    Raises:
        RefusedError: there is no such store.
        CheckpointError: a table is damaged.
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    alone = Path(path_text(folder))
    if _tables_alone(alone):
        return {name: stored_table(alone, name) for name in TABLES}
    store = Store(folder)
    if is_fresh(store, chosen(store)):
        return {name: stored_table(store.folder, name) for name in TABLES}
    return tables_of(store)


def _tables_alone(folder: Path) -> bool:
    return not (folder / MARKER).exists() and all(table_path(folder, name).is_file() for name in TABLES)


def read_table(folder: str | os.PathLike[str], name: str) -> pyarrow.Table:
    """One of them; raises as `read_tables`, and UsageError for a name that is none."""
    if name not in TABLES:
        raise UsageError(f"a store has no table {name!r}; the tables are {', '.join(TABLES)}", location=name)
    alone = Path(path_text(folder))
    if _tables_alone(alone):
        return stored_table(alone, name)
    store = Store(folder)
    return stored_table(store.folder, name) if is_fresh(store, chosen(store)) else tables_of(store)[name]
