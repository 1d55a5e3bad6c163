"""Tensors that come nearest to a vocabulary matrix where none was found, and why each was passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.classes import text_path
from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES
from rowscope.inspector.matrices.pick import is_table, no_vocabulary, tails
from rowscope.inspector.matrices.scopes import text_scope
from rowscope.inspector.matrices.stored import as_table

_WEAK: Final = {rule.suffix for rules in (INPUT_NAMES, OUTPUT_NAMES) for rule in rules if rule.weak}
_WEAK_HEADS: Final = {rule.suffix for rule in OUTPUT_NAMES if rule.weak}


class Miss(NamedTuple):
    """A tensor that was looked at, and why it is no vocabulary matrix."""

    ref: TensorRef
    why: str


def nearest_misses(
    tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, limit: int = 5
) -> tuple[Miss, ...]:
    """The tensors that look most like vocabulary matrices: by name first, then by their number of rows."""
    scope = text_scope(config, text_path(config))
    vocab = scope.size if scope else None
    flat = [ref for ref in tensors.values() if len(ref.shape) == 2 and 0 not in ref.shape]
    ranked = sorted(flat, key=lambda ref: (-_likeness(ref), -ref.shape[0], ref.name))
    return tuple(Miss(ref, _why(ref, vocab)) for ref in ranked[:limit])


def _likeness(ref: TensorRef) -> int:
    table = as_table(ref)
    if table is None or no_vocabulary(ref.name):
        return 0
    if any(tail in _WEAK for tail in tails(table.plain)):
        return 3
    return 2 if "emb" in ref.name else 1 if "head" in ref.name else 0


def _why(ref: TensorRef, vocab: int | None) -> str:
    table = as_table(ref)
    rows = ref.shape[0]
    if no_vocabulary(ref.name):
        return "its name is that of positions, segments, classes or patches"
    if table is not None and is_table(table):
        ends = set(tails(table.plain))
        if vocab is None and ends & _WEAK_HEADS:
            return "such a name is also that of a classifier, and nothing states a vocabulary size"
        if ends & _WEAK:
            return (
                f"other models use the name for other things, and {rows:,} rows are far from {vocab:,}"
                if (vocab)
                else "other models use the name for other things"
            )
    if vocab is not None and rows == vocab:
        return f"it has the {vocab:,} rows of the vocabulary, but no name of a vocabulary matrix"
    if vocab is not None:
        return f"no name of a vocabulary matrix, and {rows:,} rows where the config states {vocab:,}"
    return "no name of a vocabulary matrix"
