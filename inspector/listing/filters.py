"""Rows of a table by verdict and by conditions on columns, in the order of a column."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUP_MEMBERS, GROUPS
from rowscope.inspector.errors import UsageError, guess, unknown_value
from rowscope.inspector.evidence import CONFIDENCES, VERDICTS
from rowscope.inspector.listing.table import JUDGED, VocabularyRows

_WHERE: Final = re.compile(r"\s*(?P<column>\w+)\s*(?P<sign><=|>=|!=|==?|<|>)\s*(?P<value>.+?)\s*")
_SIGNS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}

# Columns with a fixed set of words -> each word and what it stands for.
_CLOSED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "group": {name: tuple(GROUPS[code] for code in codes) for name, codes in GROUP_MEMBERS.items()},
    "verdict": {word: (word,) for word in VERDICTS},
    "confidence": {word: (word,) for word in CONFIDENCES},
}


def filtered(
    table: VocabularyRows,
    *,
    verdicts: Sequence[str] = (),
    where: Sequence[str] = (),
    sort: str | None = None,
) -> VocabularyRows:
    """The rows that all conditions hold for.

    Args:
        verdicts: any of these; each may be several joined by commas.
        where: conditions such as `norm<0.5`, `duplicates>=3`, `group=added`; of NaN only `!=` holds.
        sort: a column, ascending; descending with `-` before it. Rows without a value come last.

    Raises:
        UsageError: an unknown verdict, column or condition, or a column that the table has not.
    """
    kept = np.ones(len(table), dtype=np.bool_)
    wanted = [word.strip() for verdict in verdicts for word in verdict.split(",")]
    if wanted:
        kept &= np.isin(_column(table, "verdict", "--verdict"), [_verdict(word) for word in wanted])
    for condition in where:
        kept &= _holds(table, condition)
    index = np.flatnonzero(kept)
    return _taken(table, index if sort is None else index[_order(table, sort)[index].argsort()])


def _verdict(word: str) -> str:
    if word not in VERDICTS:
        raise unknown_value("--verdict", word, VERDICTS)
    return word


def _holds(table: VocabularyRows, condition: str) -> NDArray[np.bool_]:
    match = _WHERE.fullmatch(condition)
    if match is None:
        raise UsageError(
            f"--where {condition!r} is no condition; write one such as norm<0.5 or group=added",
            location="--where",
        )
    column = _column(table, match["column"], "--where")
    compare = _SIGNS[match["sign"]]
    if column.dtype == object:
        if compare not in (operator.eq, operator.ne):
            raise UsageError(
                f"--where {condition!r}: {match['column']} holds words; compare them with = or !=",
                location="--where",
            )
        meant = _words_meant(match["column"], match["value"])
        among = np.asarray([value in meant for value in column.tolist()], dtype=np.bool_)
        return among if compare is operator.eq else ~among
    try:
        number = float(match["value"])
    except ValueError as error:
        raise UsageError(
            f"--where {condition!r}: {match['value']!r} is no number; write one such as norm<0.5",
            location="--where",
        ) from error
    return np.asarray(compare(column, number), dtype=np.bool_)


def _words_meant(column: str, word: str) -> tuple[str, ...]:
    """What a word of a condition stands for: itself, of groups also those that it covers.

    Raises:
        UsageError: the column never holds it.
    """
    known = _CLOSED.get(column)
    if known is None:
        return (word,)
    if word not in known:
        raise unknown_value(f"--where {column}", word, known, location="--where")
    return known[word]


def _order(table: VocabularyRows, sort: str) -> NDArray[np.int64]:
    """The rank of every row, equal ones in the order of the table."""
    column = _column(table, sort.removeprefix("-"), "--sort")
    missing = np.array([value is None or value != value for value in column.tolist()], dtype=np.bool_)
    filled = column.copy()
    filled[missing] = "" if column.dtype == object else 0
    # Words are compared as Python's: an array of text would take the length of the longest for each.
    _, codes = np.unique(filled, return_inverse=True)
    codes = -codes if sort.startswith("-") else codes
    order = np.lexsort((np.arange(len(table)), codes, missing))
    ranks = np.empty(len(table), dtype=np.int64)
    ranks[order] = np.arange(len(table))
    return ranks


def _column(table: VocabularyRows, name: str, option: str) -> NDArray[Any]:
    columns = table.columns
    if name not in columns:
        if name in JUDGED and "verdict" not in columns:
            raise UsageError(
                f"{option}: {name!r} comes of judging the rows; leave out --no-evidence", location=option
            )
        known = ", ".join(columns)
        raise UsageError(
            f"{option}: there is no column {name!r}; {guess(name, columns)}the columns are {known}",
            location=option,
        )
    return columns[name]


def _taken(table: VocabularyRows, index: NDArray[np.int64]) -> VocabularyRows:
    parts: dict[str, Any] = {name: values[index] for name, values in table.columns.items()}
    return dataclasses.replace(table, **parts)
