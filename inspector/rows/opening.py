"""The one way from a vocabulary matrix to its rows: what cannot be decoded is refused here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.rows.blocks import RowReader


def open_rows(matrix: Matrix) -> RowReader:
    """A reader of a matrix's rows, to be closed by the caller.

    Raises:
        UndecodableError: the stored elements are no values of rows (`Matrix.undecodable` says why), or not
            numbers that rowscope decodes.
        CheckpointError, MalformedFileError: see `RowReader`.
    """
    if matrix.undecodable is not None:
        raise UndecodableError(matrix.undecodable, location=matrix.tensor)
    # The readers of what is rare are imported where they are met: they take longer than a small audit's scan.
    if matrix.change is not None:
        from rowscope.inspector.rows.adapted import AdaptedRows

        return AdaptedRows(open_rows(replace(matrix, change=None)), matrix.change)
    if matrix.packed is not None:
        from rowscope.inspector.rows.decoded import DecodedRows

        _require_one_file(matrix)
        return DecodedRows(matrix.ref, matrix.packed)
    if matrix.ref.pieces:
        from rowscope.inspector.rows.pieced import PiecedRows

        return PiecedRows(matrix.ref)
    return RowReader(matrix.ref)


def expect_tables(matrices: Sequence[Matrix]) -> None:
    """Say that whole tables will be scanned: from a remote place they are fetched meanwhile.

    Raises:
        RemoteError: together they are more than may be fetched; nothing of them was.
    """
    remote = [matrix for matrix in matrices if matrix.ref.shard.file.folder.traffic is not None]
    for matrix in remote[:1]:
        place = matrix.ref.shard.file.folder
        if place.traffic is not None:
            names = " and ".join(matrix.tensor for matrix in remote)
            place.traffic.require(sum(matrix.nbytes for matrix in remote), f"{names} in {place.location}")
    for matrix in remote:
        with suppress(UndecodableError), open_rows(matrix) as reader:  # the audit tells what is not read
            reader.expect(None)


def _require_one_file(matrix: Matrix) -> None:
    if len(matrix.ref.pieces) > 1:
        raise UndecodableError(
            f"{matrix.tensor!r} is packed and lies in {len(matrix.ref.pieces)} pieces; consolidate the "
            "files to read it",
            location=matrix.tensor,
        )
