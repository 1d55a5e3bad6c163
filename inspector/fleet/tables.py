"""The tables of a store: rows of parts as Arrow, Parquet files of them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.fleet.parts import storable
from rowscope.inspector.fleet.records import Record
from rowscope.inspector.fleet.schema import ROWS, TABLES, Column, arrow, arrow_schema

if TYPE_CHECKING:
    import pyarrow

ROWS_FOLDER: Final = "rows"


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


def read_table(store: str | Path, name: str) -> pyarrow.Table:
    """A table of a store, `checkpoints`, `matrices`, `findings` or `special_tokens`, with every column of
    the schema.

    Raises:
        CheckpointError: there is no such store, or the file is damaged.
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    pa = arrow()
    import pyarrow.parquet

    path = table_path(store, name)
    try:
        return conform(pyarrow.parquet.read_table(path), TABLES[name])
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{str(store)!r} is no store of a fleet: it has no {path.name}; write one with "
            "'rowscope fleet PATH --out DIR'",
            location=str(store),
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise CheckpointError(
            f"cannot read {str(path)!r}: {str(error).splitlines()[0]}; run 'rowscope fleet' into it again",
            location=str(path),
        ) from error


def read_tables(store: str | Path) -> Mapping[str, pyarrow.Table]:
    """All tables of a store by name; raises as `read_table`."""
    return {name: read_table(store, name) for name in TABLES}


def table_path(store: str | Path, name: str) -> Path:
    """Where a store keeps a table."""
    return Path(store) / f"{name}.parquet"


def rows_table(path: str | Path) -> pyarrow.Table:
    """One file of `DIR/rows/`, with every column of the schema."""
    import pyarrow.parquet

    return conform(pyarrow.parquet.read_table(path), ROWS)
