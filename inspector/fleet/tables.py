"""The tables of a store: rows of parts as Arrow, Parquet files of them, and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.fleet.parts import storable
from rowscope.inspector.fleet.records import Record
from rowscope.inspector.fleet.schema import TABLES, Column, arrow, arrow_schema

if TYPE_CHECKING:
    import pyarrow


def to_table(rows: Iterable[Record], columns: tuple[Column, ...]) -> pyarrow.Table:
    """Records as an Arrow table of these columns: what a record does not have is null, what else it has is
    left out."""
    pa = arrow()
    rows = list(rows)
    schema = arrow_schema(columns)
    arrays = [pa.array([storable(row.get(at.name)) for row in rows], type=at.type) for at in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def conform(table: pyarrow.Table, columns: tuple[Column, ...]) -> pyarrow.Table:
    """A table of any version of rowscope with the columns of this one: those that it lacks are null."""
    pa = arrow()
    schema = arrow_schema(columns)
    known = set(table.column_names)
    arrays = [
        table.column(at.name).cast(at.type) if at.name in known else pa.nulls(table.num_rows, at.type)
        for at in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def stored_table(store: str | Path, name: str) -> pyarrow.Table:
    """A table as it was compacted, with every column of the schema.

    Raises:
        CheckpointError: it is not there, or damaged.
    """
    pa = arrow()
    import pyarrow.parquet

    path = table_path(store, name)
    try:
        return conform(pyarrow.parquet.read_table(path), TABLES[name])
    except (pa.ArrowException, OSError) as error:
        raise CheckpointError(
            f"cannot read {str(path)!r}: {str(error).splitlines()[0]}; run 'rowscope fleet' into it again",
            location=str(path),
        ) from error


def table_path(store: str | Path, name: str) -> Path:
    """Where a store keeps a table."""
    return Path(store) / f"{name}.parquet"
