"""Every vocabulary table of a checkpoint: the judged matrices, and those that other ids are looked up in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES, PER_LAYER
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role, Table
from rowscope.inspector.matrices.pick import Found, Sizes, as_matrix, aside, is_table, no_vocabulary, tails
from rowscope.inspector.matrices.scopes import stated_sizes
from rowscope.inspector.matrices.stored import StoredTable, as_table
from rowscope.inspector.text import say

_KNOWN: Final = frozenset(
    rule.suffix for rules in (INPUT_NAMES, OUTPUT_NAMES) for rule in rules if not rule.weak
)
_SIDES: Final = frozenset((PER_LAYER,))
_HEADS: Final = frozenset(rule.suffix for rule in OUTPUT_NAMES)
_NAMED: Final = re.compile(r"emb|wte|head|logits|shared|codebook")
_INSIDE: Final = re.compile(r"\.(layers|blocks|layer|h)\.\d+\.")

# What stands before the role of a table that is told apart, by a part of its name.
_PLACES: Final = (
    ("per_layer", "per-layer"),
    ("audio", "audio"),
    ("codec", "audio"),
    ("speech", "audio"),
    ("acoustics", "audio"),
    ("vision", "image"),
    ("visual", "image"),
    ("image", "image"),
    ("expert", "expert"),
    ("decoder", "decoder"),
    ("encoder", "encoder"),
)
_MOST: Final = 64  # code books of one table, at most
_LEAST: Final = 16  # codes of a book, at least


def find_tables(
    tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, layout: MatrixLayout
) -> tuple[Table, ...]:
    """The judged matrices, then the other vocabulary tables by name.

    A tensor counts as a table where its name is one of vocabulary matrices, or speaks of an embedding or a
    head and its rows are those of a vocabulary size that the config states.
    """
    judged = [Table(matrix, matrix.role, "tokenizer") for matrix in layout.matrices]
    known = {table.matrix.tensor for table in (*judged, *layout.others)}
    sizes = Sizes(layout.vocab.size if layout.vocab else None, None, frozenset(tensors))
    stated = stated_sizes(config)
    rows = layout.matrices[0].rows if layout.matrices else None
    further = [
        found
        for name in sorted(tensors)
        if name not in known and (found := _table(tensors[name], sizes, stated, rows)) is not None
    ]
    return (*judged, *layout.others, *further)


def _table(ref: TensorRef, sizes: Sizes, stated: Mapping[str, int], judged: int | None) -> Table | None:
    name = ref.name
    if not name.endswith("t") and len(ref.shape) != 2:  # .weight, qweight: most tensors end here
        return None
    table = as_table(ref)
    if table is None or not is_table(table) or no_vocabulary(table.plain):
        return None
    known = any(tail in _KNOWN | _SIDES for tail in tails(table.plain))
    if not known and (_INSIDE.search(table.plain) or not _NAMED.search(table.plain)):
        return None
    rows, _ = sizes.of(table)
    path = _stated(rows, stated, table.plain)
    if not known and path is None:
        return None
    return _told_apart(table, sizes, path, judged)


def _stated(rows: int, stated: Mapping[str, int], name: str) -> str | None:
    """The size that a row count comes from: itself, or several code books of it below each other."""
    exact = [path for path, size in stated.items() if size == rows]
    if exact:
        return min(exact, key=lambda path: not any(part in name for part in path.split(".")[0].split("_")))
    for path, size in stated.items():
        if size >= _LEAST and 1 <= rows // size <= _MOST and rows % size <= 1:
            return path
    return None


def other_heads(
    tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, vocab: int | None
) -> tuple[Table, ...]:
    """Heads over other vocabularies that the config states, by name: of audio codes, of code books."""
    sizes, stated = Sizes(vocab, None, frozenset(tensors)), stated_sizes(config)
    found = [
        _table(tensors[name], sizes, stated, vocab)
        for name in sorted(tensors)
        if "head" in name or "logits" in name
    ]
    return tuple(
        table
        for table in found
        if table is not None and table.matrix.role == "output" and table.vocabulary is None
    )


def _told_apart(table: StoredTable, sizes: Sizes, path: str | None, judged: int | None) -> Table:
    rows, _ = sizes.of(table)
    kind: Role = "output" if _is_head(table.plain) else "input"
    matrix = as_matrix(kind, Found(table, "a vocabulary table beside the judged ones"), sizes)
    place = next((word for part, word in _PLACES if part in table.plain), "further")
    note = "" if path is None else say("its rows are those of {path}", path=path)
    same = rows == judged and not aside(table.plain)
    if table.plain.endswith(PER_LAYER):
        return Table(matrix, f"{place} {kind}", "tokenizer", say("looked up by the same ids, layer by layer"))
    return Table(matrix, f"{place} {kind}", "tokenizer" if same else None, note)


def _is_head(name: str) -> bool:
    last = [part for part in name.removesuffix(".weight").split(".") if not part.isdigit()][-2:]
    return any("head" in part or "logits" in part for part in last) or any(t in _HEADS for t in tails(name))


def per_layer_tables(tables: tuple[Table, ...]) -> Iterator[Matrix]:
    """Tables that are looked up by the ids of the main one, layer by layer."""
    for table in tables:
        if table.role.startswith("per-layer"):
            yield table.matrix
