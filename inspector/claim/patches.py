"""New rows -> byte patches: where each row lies in its file, what stood there, what will."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from rowscope.inspector.blocks import RowReader
from rowscope.inspector.claim.encode import encode
from rowscope.inspector.claim.model import Claimed, RowPatch
from rowscope.inspector.claim.targets import Target
from rowscope.inspector.claim.values import NewRows
from rowscope.inspector.source import MappedFile, TensorRef
from rowscope.kernels import formats


def patches(target: Target, rows: NewRows, claimed: Sequence[Claimed]) -> Iterator[RowPatch]:
    """The byte patches of a target and its copies."""
    for ref in (target.matrix.ref, *target.copies):
        for place, claim in enumerate(claimed):
            yield _patch(ref, target.role, claim, rows.raw[place].tobytes(), rows.source)


def bias_patches(ref: TensorRef, rows: NewRows, claimed: Sequence[Claimed]) -> Iterator[RowPatch]:
    """The byte patches of the output bias."""
    assert rows.bias is not None
    raw = encode(rows.bias[:, None], ref.dtype, ref.name)
    for place, claim in enumerate(claimed):
        yield _patch(ref, "bias", claim, raw[place].tobytes(), f"bias: {rows.source.partition(',')[0]}")


def _patch(ref: TensorRef, role: str, claim: Claimed, after: bytes, source: str) -> RowPatch:
    offset, length = row_place(ref, claim.id)
    with MappedFile(ref.shard.path) as file:
        before = bytes(file.view(offset, offset + length))
    return RowPatch(
        token=claim.token,
        id=claim.id,
        role=role,
        tensor=ref.name,
        file=ref.shard.name,
        dtype=ref.dtype,
        offset=offset,
        before=before,
        after=after,
        norm_before=_norm(before, ref.dtype),
        norm_after=_norm(after, ref.dtype),
        source=source,
    )


def _norm(raw: bytes, dtype: str) -> float:
    form = formats.FORMATS[dtype]
    with np.errstate(all="ignore"):
        values = formats.to_float64(form, formats.unpack(form, np.frombuffer(raw, np.uint8)[None]))
        return float(np.linalg.norm(values))


def row_place(ref: TensorRef, row: int) -> tuple[int, int]:
    """Absolute offset and length of a matrix's row, or of an element of the bias, in its file."""
    if len(ref.shape) == 2 and ref.shape[0] > 1:
        with RowReader(ref) as reader:
            return ref.offset + row * reader.row_bytes, reader.row_bytes
    size = ref.nbytes // math.prod(ref.shape)
    return ref.offset + row * size, size
