"""The comparison as a table: a line per common row and matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUPS
from rowscope.inspector.errors import MissingExtraError
from rowscope.inspector.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pyarrow

    from rowscope.inspector.diff.result import Diff, MatrixDiff

_AT_ONCE: Final = 4096
"""Rows of which Python's values are held together."""

COLUMNS: Final = (
    "id",
    "token",
    "base_token",
    "text",
    "base_text",
    "group",
    "base_group",
    "matrix",
    "distance",
    "relative",
    "cosine",
    "norm_base",
    "norm_tuned",
    "changed_elements",
    "identical",
    "identical_after_rounding",
)


def row_columns(diff: Diff, *, changed_only: bool = False) -> Mapping[str, NDArray[Any]]:
    """`COLUMNS` as arrays of one length, the matrices one after the other.

    Args:
        changed_only: leave out rows that are identical, at once or after rounding.
    """
    parts = [_columns(matrix, diff, changed_only) for matrix in diff.matrices]
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}


def row_records(diff: Diff, *, changed_only: bool = False) -> Iterator[dict[str, Any]]:
    """One dict a row, of Python values; floats that are not finite become None."""
    columns = row_columns(diff, changed_only=changed_only)
    for start in range(0, len(columns["id"]), _AT_ONCE):
        part = [_values(column[start : start + _AT_ONCE]) for column in columns.values()]
        for values in zip(*part, strict=True):
            yield dict(zip(columns, values, strict=True))


def to_arrow(diff: Diff, *, changed_only: bool = False) -> pyarrow.Table:
    """The table as Arrow.

    Raises:
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "an Arrow table") from error
    columns = row_columns(diff, changed_only=changed_only)
    text = pyarrow.string()
    return pyarrow.table(
        {
            name: pyarrow.array(column, type=text if column.dtype == object else None)
            for name, column in columns.items()
        }
    )


def _columns(matrix: MatrixDiff, diff: Diff, changed_only: bool) -> dict[str, NDArray[Any]]:
    table, names = matrix.table, diff.names
    ids = np.flatnonzero(table.changed) if changed_only else np.arange(len(table))
    groups = np.array(GROUPS, dtype=object)
    return {
        "id": ids,
        "token": _tokens(ids, names.tuned),
        "base_token": _tokens(ids, names.base),
        "text": _texts(ids, names.tuned),
        "base_text": _texts(ids, names.base),
        "group": groups[names.tuned_codes[ids]],
        "base_group": groups[names.base_codes[ids]],
        "matrix": np.full(ids.size, matrix.role, dtype=object),
        "distance": table.distance[ids],
        "relative": table.relative[ids],
        "cosine": table.cosine[ids],
        "norm_base": table.norm_base[ids],
        "norm_tuned": table.norm_tuned[ids],
        "changed_elements": table.changed_elements[ids],
        "identical": table.identical[ids],
        "identical_after_rounding": table.rounded[ids],
    }


def _tokens(ids: NDArray[np.int64], vocabulary: Vocabulary | None) -> NDArray[np.object_]:
    tokens = vocabulary.tokens if vocabulary else {}
    found = np.empty(ids.size, dtype=object)
    found[:] = [tokens.get(id) for id in ids.tolist()]
    return found


def _texts(ids: NDArray[np.int64], vocabulary: Vocabulary | None) -> NDArray[np.object_]:
    found = np.full(ids.size, None, dtype=object)
    if vocabulary is not None:
        found[:] = [vocabulary.text(id) for id in ids.tolist()]
    return found


def _values(column: NDArray[Any]) -> list[Any]:
    values = column.tolist()
    if column.dtype.kind != "f":
        return list(values)
    return [value if np.isfinite(value) else None for value in values]
