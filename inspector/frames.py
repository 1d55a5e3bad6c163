"""Tables that other libraries take: Arrow, pandas, polars, the Arrow stream protocol, and notebooks.

Imports no numpy and none of these libraries before they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rowscope.inspector.errors import optional
from rowscope.inspector.text import real, visible

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    from numpy.typing import NDArray

SHOWN: Final = 20
"""Rows of a table in a notebook."""


class Framed:
    """Base of results that are tables: a class says its columns, and the rest follows.

    Columns are arrays of shape (n,) in order; those of dtype object hold strings, or bools where `flags`
    names them, and None where there is none.
    """

    __slots__ = ()
    flags: ClassVar[tuple[str, ...]] = ()

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Column name -> values."""
        raise NotImplementedError

    def to_arrow(self) -> pyarrow.Table:
        """The table as Arrow; None is null, and NaN stays NaN.

        Raises:
            MissingExtraError: pyarrow is not installed (extra `table`).
        """
        arrow = optional("pyarrow", "table", "an Arrow table")
        kinds = {True: arrow.bool_(), False: arrow.string()}
        return arrow.table(
            {
                name: arrow.array(
                    values, type=kinds[name in self.flags] if values.dtype.kind == "O" else None
                )
                for name, values in self.columns.items()
            }
        )

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a pandas DataFrame.

        Raises:
            MissingExtraError: pandas is not installed (extra `table`).
        """
        return optional("pandas", "table", "a DataFrame").DataFrame(dict(self.columns))

    def to_polars(self) -> polars.DataFrame:
        """The table as a polars DataFrame.

        Raises:
            MissingExtraError: polars or pyarrow is not installed (extra `polars`).
        """
        library = optional("polars", "polars", "a polars DataFrame")
        optional("pyarrow", "polars", "a polars DataFrame")
        frame: polars.DataFrame = library.from_arrow(self.to_arrow())
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface: DuckDB, polars, pandas and others read the table as it is.

        Raises:
            MissingExtraError: pyarrow is not installed (extra `table`).
        """
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        return html_table(self.columns)


def html_table(columns: Mapping[str, NDArray[Any]], most: int = SHOWN) -> str:
    """The first rows as an HTML table; nothing in a name is markup."""
    rows = len(next(iter(columns.values()), ()))
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    shown = zip(*(values[:most].tolist() for values in columns.values()), strict=True)
    body = "".join("<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in row) + "</tr>" for row in shown)
    more = f"<p>{rows:,} rows; the first {most} are shown</p>" if rows > most else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return real(value) if isinstance(value, float) else _text(str(value))


def _text(value: str) -> str:
    return escape(visible(value), quote=True)
