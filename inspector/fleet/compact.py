"""All parts of a store as its tables: each file is replaced as a whole, and says of which parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rowscope.inspector.fleet.options import digest
from rowscope.inspector.fleet.parts import decode, path_of
from rowscope.inspector.fleet.records import Record
from rowscope.inspector.fleet.schema import STORE_VERSION, TABLES, arrow, arrow_schema
from rowscope.inspector.fleet.store import Entry, Store
from rowscope.inspector.fleet.tables import table_path, to_table

if TYPE_CHECKING:
    import os

    import pyarrow

    from rowscope.inspector.fleet.runs import Run

_AT_ONCE: Final = 200
_MADE_OF: Final = b"rowscope.parts"
_NUMBER: Final = re.compile(r"(\d+)")


@dataclass(slots=True)
class Compacted:
    """What became of the parts; `damaged` are those that are none, as after a power failure."""

    parts: int = 0
    damaged: list[Entry] = field(default_factory=list)


def chosen(store: Store) -> list[Entry]:
    """The part of each checkpoint that counts, by identifier: a run killed between writing a new one and
    removing the old one leaves two, of which the later one is right."""
    found = []
    for entries in store.entries().values():
        found.append(entries[0] if len(entries) == 1 else max(entries, key=lambda at: _written(store, at)))
    return sorted(found, key=lambda at: at.checkpoint)


def _written(store: Store, entry: Entry) -> tuple[int, str]:
    try:
        return store.path(entry).stat().st_mtime_ns, entry.name
    except OSError:
        return 0, entry.name


def made_of(entries: Sequence[Entry]) -> str:
    """What a table says of the parts that it was made of."""
    return digest([STORE_VERSION, [entry.name for entry in entries]])


def is_fresh(store: Store, entries: Sequence[Entry]) -> bool:
    """Whether every table was made of exactly these parts."""
    wanted = made_of(entries).encode()
    return all(_said(table_path(store.folder, name)) == wanted for name in TABLES)


def _said(path: str | os.PathLike[str]) -> bytes | None:
    pa = arrow()
    import pyarrow.parquet

    try:
        return (pyarrow.parquet.read_schema(path).metadata or {}).get(_MADE_OF)
    except (OSError, pa.ArrowException):
        return None


def compact(run: Run) -> Compacted:
    """Make the tables of all parts; nothing is done where they are. Parts that arrive meanwhile, of another
    run, are taken in as well: the tables are made again until they hold what is there, or until only a run
    that still audits can know.

    Raises:
        RefusedError: the store cannot be written.
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    result = Compacted()
    entries = chosen(run.store)
    while not is_fresh(run.store, entries):
        writers = {name: _Writer(run, name, made_of(entries)) for name in TABLES}
        result.parts = len(entries)
        for tables in _batches(run.store, entries, result.damaged):
            for name, table in tables.items():
                writers[name].add(table)
        for writer in writers.values():
            writer.finish()
        for entry in result.damaged:
            run.store.remove(entry)
        if run.others():
            break
        entries = chosen(run.store)
    return result


def tables_of(store: Store) -> Mapping[str, pyarrow.Table]:
    """The tables of all parts, in memory."""
    pa = arrow()
    found = list(_batches(store, chosen(store), []))
    return {
        name: pa.concat_tables([tables[name] for tables in found])
        if found
        else arrow_schema(columns).empty_table()
        for name, columns in TABLES.items()
    }


def _batches(
    store: Store, entries: Sequence[Entry], damaged: list[Entry]
) -> Iterator[Mapping[str, pyarrow.Table]]:
    """The rows of all parts as tables, some hundred parts at a time, in the order of their paths."""
    ordered = iter(_by_path(store, entries))
    while batch := list(islice(ordered, _AT_ONCE)):
        rows: dict[str, list[Record]] = {name: [] for name in TABLES}
        for entry in batch:
            part = decode(store.read(entry))
            if part is None:
                damaged.append(entry)
                continue
            for name in TABLES:
                rows[name] += part[name]
        yield {name: to_table(found, TABLES[name]) for name, found in rows.items()}


def _by_path(store: Store, entries: Sequence[Entry]) -> list[Entry]:
    """In the natural order of their paths: step 9 before step 10."""
    return sorted(entries, key=lambda at: (natural(path_of(store.read(at)) or ""), at.checkpoint))


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers within text by their value."""
    return [
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part)
        for part in _NUMBER.split(text)
        if part
    ]


class _Writer:
    """One table's file, written in the scratch folder."""

    def __init__(self, run: Run, name: str, made: str) -> None:
        import pyarrow.parquet

        self._target = table_path(run.store.folder, name)
        self._run = run
        self._part = run.scratch()
        schema = arrow_schema(TABLES[name]).with_metadata({_MADE_OF: made.encode()})
        with run.store.writing():
            self._file: Any = pyarrow.parquet.ParquetWriter(self._part, schema, compression="zstd")
        self._waiting: list[pyarrow.Table] = []
        self._rows = 0

    def add(self, table: pyarrow.Table) -> None:
        """Rows, which make a row group as soon as there are enough of them."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            with self._run.store.writing():
                self._file.write_table(arrow().concat_tables(self._waiting))
        self._waiting, self._rows = [], 0

    def finish(self) -> None:
        """The whole file, in its place."""
        self._flush()
        with self._run.store.writing():
            self._file.close()
            Path(self._part).replace(self._target)


_ROW_GROUP: Final = 50_000
