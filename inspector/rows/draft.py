"""The table of a draft vocabulary: which token each row of a draft model's head is."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.matrices import Table

_INTEGERS: Final[dict[str, np.dtype[Any]]] = {"I64": np.dtype("<i8"), "I32": np.dtype("<i4")}


def draft_tokens(table: Table) -> NDArray[np.int64]:
    """The token of every row of a draft model's head, int64 [rows]: row i is token i + d2t[i].

    Raises:
        CheckpointError: the tensor `d2t` holds no 32- or 64-bit integers, or cannot be read.
    """
    ref = table.d2t
    assert ref is not None
    if ref.dtype not in _INTEGERS:
        raise CheckpointError(
            f"{ref.name!r} holds {ref.dtype} elements, not the integers that name the rows of "
            f"{table.matrix.tensor!r}; look at them with 'rowscope inspect'",
            location=ref.name,
        )
    with ref.shard.file.open() as file:
        held = bytes(file.read(ref.offset, ref.offset + ref.nbytes))
    offsets: NDArray[np.int64] = np.frombuffer(held, dtype=_INTEGERS[ref.dtype]).astype(np.int64)
    return np.asarray(np.arange(offsets.size, dtype=np.int64) + offsets)
