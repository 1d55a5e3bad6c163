"""New rows -> byte patches: where each row lies in its file, what stood there, what will."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.claim.model import Claimed, RowPatch
from rowscope.inspector.claim.values.encode import encode
from rowscope.inspector.claim.values.packed import decode_rows, row_parts, split_rows, stored_rows
from rowscope.inspector.claim.values.targets import Target
from rowscope.inspector.claim.values.values import NewRows
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import Packed
from rowscope.inspector.text import Said, say
from rowscope.kernels import formats


def patches(target: Target, rows: NewRows, claimed: Sequence[Claimed]) -> Iterator[RowPatch]:
    """The byte patches of a target and its copies."""
    if target.matrix.packed is not None:
        yield from _packed_patches(target, target.matrix.packed, rows, claimed)
        return
    for ref in (target.matrix.ref, *target.copies):
        yield from _patches(ref, target.role, rows.raw, claimed, rows.source)


def _packed_patches(
    target: Target, packed: Packed, rows: NewRows, claimed: Sequence[Claimed]
) -> Iterator[RowPatch]:
    """A patch for every claim and tensor of a quantised table; their norms are those of the decoded rows."""
    ids = np.array([claim.id for claim in claimed], dtype=np.int64)
    before = np.linalg.norm(decode_rows(packed, stored_rows(packed, ids)).astype(np.float64), axis=1)
    after = np.linalg.norm(decode_rows(packed, rows.raw).astype(np.float64), axis=1)
    for part, raw in zip(row_parts(packed), split_rows(packed, rows.raw), strict=True):
        found = _patches(part.ref, target.role, np.ascontiguousarray(raw), claimed, rows.source)
        for patch, old, new in zip(found, before.tolist(), after.tolist(), strict=True):
            yield dataclasses.replace(patch, norm_before=old, norm_after=new)


def bias_patches(ref: TensorRef, rows: NewRows, claimed: Sequence[Claimed]) -> Iterator[RowPatch]:
    """The byte patches of the output bias."""
    assert rows.bias is not None
    raw = encode(rows.bias[:, None], ref.dtype, ref.name)
    yield from _patches(ref, "bias", raw, claimed, say("bias: {said}", said=_unscaled(rows.source)))


def _unscaled(source: str) -> str:
    """How rows were made, without what was done to their norm: a bias has none."""
    return source.values.get("made", source) if isinstance(source, Said) else source.partition(",")[0]


def _patches(
    ref: TensorRef, role: str, raw: NDArray[np.uint8], claimed: Sequence[Claimed], source: str
) -> Iterator[RowPatch]:
    """A patch for every claim, `raw` uint8 [k, row bytes] in their order."""
    entries = math.prod(ref.shape) if role == "bias" else ref.shape[0]
    length = ref.nbytes // entries
    with ref.shard.file.open() as file:
        for claim, row in zip(claimed, raw, strict=True):
            offset = ref.offset + claim.id * length
            before, after = bytes(file.view(offset, offset + length)), row.tobytes()
            yield RowPatch(
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
