"""One or more tables of each format, by name."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from .formulas import (
    awq,
    bitsandbytes,
    bitsandbytes_int8,
    gemma,
    gptq,
    mlx,
    mlx_mode,
    model2vec,
    pack_quantized,
    packed_floats,
    torchao,
    whole,
)
from .made import Made

ZOO: dict[str, Callable[[int, int], Made]] = {
    **{
        f"mlx {b} bit by {g}": mlx(b, g)
        for b, g in ((1, 64), (2, 32), (3, 64), (4, 64), (5, 32), (6, 64), (8, 32))
    },
    "mlx 4 bit, scales bf16": mlx(4, 64, ml_dtypes.bfloat16),
    "mlx mxfp4": mlx_mode("mxfp4", 4, 32),
    "mlx nvfp4": mlx_mode("nvfp4", 4, 16),
    "mlx mxfp8": mlx_mode("mxfp8", 8, 32),
    **{f"fp8 by {by}": whole(ml_dtypes.float8_e4m3fn, by) for by in ("tensor", "row", "group", "block")},
    "fp8 e5m2 by row": whole(ml_dtypes.float8_e5m2, "row"),
    "fp8 by block, inverse": whole(ml_dtypes.float8_e4m3fn, "block", name="weight_scale_inv"),
    **{f"int8 by {by}": whole(np.int8, by) for by in ("tensor", "row", "group")},
    "int8 by row, zeros": whole(np.int8, "row", zero=True),
    **{f"packed {b} bit": pack_quantized(b, "group") for b in (2, 3, 4, 5, 6, 7, 8)},
    "packed 4 bit by channel": pack_quantized(4, "channel"),
    "packed 4 bit, zeros": pack_quantized(4, "group", symmetric=False),
    "packed 3 bit by channel, zeros": pack_quantized(3, "channel", symmetric=False),
    "packed 8 bit by tensor, zeros": pack_quantized(8, "tensor", symmetric=False),
    "packed 4 bit, reordered": pack_quantized(4, "group", order=True),
    "packed 4 bit, reordered, zeros": pack_quantized(4, "group", symmetric=False, order=True),
    "mxfp4": packed_floats("mxfp4", 4, 32),
    "mxfp6": packed_floats("mxfp6", 6, 32),
    "nvfp4": packed_floats("nvfp4", 4, 16),
    "nvfp4 of ModelOpt": packed_floats("nvfp4-modelopt", 4, 16),
    **{f"gemma {b} bit": gemma(b) for b in (8, 4, 2)},
    "torchao int8": torchao("IntxUnpackedToInt8Tensor"),
    "torchao int4": torchao("Int4Tensor"),
    **{f"gptq {b} bit": gptq(b, "gptq") for b in (2, 3, 4, 8)},
    "gptq v2, reordered": gptq(4, "gptq_v2", order=True),
    "awq": awq(),
    "nf4": bitsandbytes(),
    "nf4, nested": bitsandbytes(nested=True),
    "bitsandbytes int8": bitsandbytes_int8(),
    "model2vec": model2vec(),
}
"""By name: what makes a table of so many rows and columns."""
