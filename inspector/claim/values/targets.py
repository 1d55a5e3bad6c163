"""Every stored tensor in which a new token has a row, and which of them hold the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.claim.values.packed import require_own_scales, row_parts
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import INPUT_NAMES, OUTPUT_NAMES, Matrix

_COMPARED = 1 << 24  # bytes of two matrices that are compared at a time


@record
class Target:
    """A matrix that is written to, and the tensors that store the same bytes again.

    Attributes:
        matrix: decides the values.
        role: of the values: `both` also where two tensors store a tied matrix.
        copies: tensors that get the same bytes.
    """

    matrix: Matrix
    role: str
    copies: tuple[TensorRef, ...]


def find_targets(checkpoint: Checkpoint) -> tuple[Target, ...]:
    """The vocabulary matrices with their copies (such as those of layers that predict further tokens).

    A second tensor counts as a copy where its name is one of vocabulary matrices, its dtype and shape are
    the same, and its bytes are.
    """
    found: list[Target] = []
    for matrix in checkpoint.matrices:
        if any(ref.name == matrix.tensor for target in found for ref in target.copies):
            continue
        copies = tuple(ref for ref in _lookalikes(checkpoint, matrix) if _same_bytes(matrix.ref, ref))
        others = {m.tensor for m in checkpoint.matrices if m is not matrix}
        tied = any(ref.name in others for ref in copies)
        found.append(Target(matrix, "both" if tied else matrix.role, copies))
    return tuple(found)


def writable_tensors(checkpoint: Checkpoint) -> tuple[TensorRef, ...]:
    """Every tensor in which a claim can change a row: tables, copies, parts of packed ones, the bias."""
    found: list[TensorRef] = []
    for matrix in checkpoint.matrices:
        found += [matrix.ref, *_lookalikes(checkpoint, matrix)]
        found += [part.ref for part in row_parts(matrix.packed)] if matrix.packed is not None else []
    bias = checkpoint.layout.output_bias
    return (*found, bias) if bias is not None else tuple(found)


def _lookalikes(checkpoint: Checkpoint, matrix: Matrix) -> Iterator[TensorRef]:
    endings = tuple(f".{rule.suffix}" for rule in (*INPUT_NAMES, *OUTPUT_NAMES))
    for name, ref in checkpoint.tensors.items():
        alike = ref.dtype == matrix.dtype and ref.shape == matrix.ref.shape
        if alike and name != matrix.tensor and f".{name}".endswith(endings):
            yield ref


def _same_bytes(one: TensorRef, other: TensorRef) -> bool:
    with one.shard.file.open() as first, other.shard.file.open() as second:
        for start in range(0, one.nbytes, _COMPARED):
            size = min(_COMPARED, one.nbytes - start)
            a, b = one.offset + start, other.offset + start
            same = np.array_equal(
                np.frombuffer(first.view(a, a + size), np.uint8),
                np.frombuffer(second.view(b, b + size), np.uint8),
            )
            first.release(a, a + size)
            second.release(b, b + size)
            if not same:
                return False
    return True


def require_writable(target: Target) -> None:
    """Refuse matrices whose rows cannot be written one by one.

    Raises:
        RefusedError: the matrix cannot be decoded, or is stored with scales beside it that rows share.
    """
    matrix = target.matrix
    if matrix.packed is not None and matrix.undecodable is None:
        require_own_scales(matrix.packed, matrix.tensor)
        if not target.copies:
            return
    if matrix.packing is not None and matrix.undecodable is None:
        raise RefusedError(
            f"{matrix.tensor!r} is quantised ({matrix.packing}): a row's values depend on other tensors; "
            "claim in the checkpoint it was quantised from, or use --values keep",
            location=matrix.tensor,
        )
    if matrix.undecodable is not None:
        raise RefusedError(f"{matrix.undecodable}, or use --values keep", location=matrix.tensor)
