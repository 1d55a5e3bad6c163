"""The one way from a vocabulary matrix to its rows: what cannot be decoded is refused here."""

from __future__ import annotations

from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.rows.decoded import DecodedRows


def open_rows(matrix: Matrix) -> RowReader:
    """A reader of a matrix's rows, to be closed by the caller.

    Raises:
        UndecodableError: the stored elements are no values of rows (`Matrix.undecodable` says why), or not
            numbers that rowscope decodes.
        CheckpointError, MalformedFileError: see `RowReader`.
    """
    if matrix.undecodable is not None:
        raise UndecodableError(matrix.undecodable, location=matrix.tensor)
    return RowReader(matrix.ref) if matrix.packed is None else DecodedRows(matrix.ref, matrix.packed)
