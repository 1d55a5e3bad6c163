"""model2vec: static embeddings, cut to 8 bits, or with several tokens to a stored row.

Layouts: MinishLab/model2vec, `persistence` and `vocabulary_quantization.py`: a token's row is
`embeddings[mapping[token]] * weights[token]`; integers are stored without a scale.
"""

from __future__ import annotations

from typing import Final

from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed, Part, seen_as
from rowscope.inspector.matrices.packed.shapes import refused
from rowscope.kernels.decode.coding import Coding

_NAME: Final = "embeddings"
_FLOATS: Final = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16}


def read_static(beside: Beside) -> Packed | None:
    """The one table of a model2vec file, where it is not plain floats."""
    name, main = beside.main.name, beside.main
    mapping, weights = beside.tensors.get("mapping"), beside.tensors.get("weights")
    if name.rpartition(".")[2] != _NAME or len(main.shape) != 2:
        return None
    if main.dtype != "I8" and mapping is None and weights is None:
        return None
    stored, width = main.shape
    rows = mapping.shape[0] if mapping is not None and mapping.shape else stored
    bits = 8 if main.dtype == "I8" else _FLOATS.get(main.dtype, 0)
    form = "model2vec-int8" if main.dtype == "I8" else "model2vec"
    label = "model2vec INT8 without a scale" if main.dtype == "I8" else f"model2vec {main.dtype}"
    bare = Packed(form, label + (" through a mapping" if mapping is not None else ""), bits, rows, width)
    if mapping is not None and (mapping.dtype not in ("I32", "I64", "U32") or len(mapping.shape) != 1):
        return refused(
            bare, f"{mapping.name!r} is {mapping.dtype} {list(mapping.shape)}, no row of each token"
        )
    if weights is not None and weights.shape not in ((rows,), (rows, 1)):
        return refused(
            bare, f"{weights.name!r} has the shape {list(weights.shape)}, no weight of {rows} tokens"
        )
    if not bits:
        return refused(bare, f"{name!r} holds {main.dtype} elements")
    whole = main.dtype == "I8"
    return Packed(
        format=bare.format,
        label=bare.label,
        bits=bits,
        rows=rows,
        width=width,
        coding=Coding(8, "signed") if whole else None,
        codes=Part(seen_as(main, main.shape, "U8") if whole else main),
        scale=() if weights is None else (("*", Part(seen_as(weights, (rows, 1)))),),
        mapping=mapping,
        scale_shape=None if weights is None else weights.shape,
    )
