"""Tables of every format, made by the formulas of their writers: stored tensors, and what they stand for.

Written from the layouts (docs/quantised.md) in plain numpy; nothing of rowscope is used.
"""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np

from .made import FP4, FP6, STEM, Made, named, randomly, scales_of, spread, stream


def mlx(bits, group, dtype=np.float16):
    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        scales, biases = (scales_of(random, rows, width // group, dtype) * sign for sign in (1, -1))
        values = spread(scales, group, width) * codes.astype("f4") + spread(biases, group, width)
        return Made(
            named(weight=stream(codes, bits), scales=scales, biases=biases),
            values,
            ("mlx-affine", bits, group, list(scales.shape)),
            own_rows=True,
            config={"quantization": {"group_size": group, "bits": bits}},
        )

    return make


def mlx_mode(mode, bits, group):
    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        codes = np.where(codes & 0x7F == 0x7F, 1, codes).astype(np.uint8) if bits == 8 else codes
        levels = FP4[codes] if bits == 4 else codes.view(ml_dtypes.float8_e4m3fn).astype("f4")
        raw = random.integers(110, 126, (rows, width // group), dtype=np.uint8)
        scale = raw.view(ml_dtypes.float8_e4m3fn) if mode == "nvfp4" else np.exp2(raw.astype("f4") - 127)
        return Made(
            named(weight=stream(codes, bits), scales=raw),
            levels * spread(np.asarray(scale, "f4"), group, width),
            (f"mlx-{mode}", bits, group, list(raw.shape)),
            own_rows=mode == "nvfp4",
            config={"quantization": {"group_size": group, "bits": bits, "mode": mode}},
        )

    return make


def whole(dtype, by, *, zero=False, name="weight_scale"):
    """An element a byte; scales of the tensor, each row, groups of 32 columns, or blocks of 128 x 128."""

    def make(rows, width):
        random, codes = randomly(rows, width, 8)
        lane = np.dtype(dtype)
        levels = codes.view(lane).astype("f4")
        codes = np.where(np.isfinite(levels), codes, 3).astype(np.uint8)
        levels = codes.view(lane).astype("f4")
        shape = {
            "tensor": (),
            "row": (rows, 1),
            "group": (rows, width // 32),
            "block": (-(-rows // 128), -(-width // 128)),
        }[by]
        scale = ((1 + random.random(shape)) / 64).astype(np.float32)
        step = {"tensor": (rows, width), "row": (1, width), "group": (1, 32), "block": (128, 128)}[by]
        wide = np.kron(np.atleast_2d(scale), np.ones(step, "f4"))[:rows, :width].astype("f4")
        parts = {"weight": codes.view(lane), name: scale}
        if zero:
            parts["weight_zero_point"] = random.integers(-9, 9, shape, dtype=np.int8)
            levels = levels - np.kron(np.atleast_2d(parts["weight_zero_point"]), np.ones(step, "f4"))
        word = "int8" if lane == np.int8 else "fp8"
        group = {"group": 32, "block": 128}.get(by)
        return Made(
            named(**parts),
            levels * wide,
            (f"{word}-{by}", 8, group, list(scale.shape)),
            by in ("row", "group"),
        )

    return make


def pack_quantized(bits, by, *, symmetric=True, order=False):
    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        group = 32 if by == "group" else width
        groups = -(-width // group)
        scale = scales_of(random, 1 if by == "tensor" else rows, groups)
        zero = random.integers(0, 1 << bits, scale.shape, dtype=np.uint8)
        index = random.permutation(np.arange(width) // group) if order else np.arange(width) // group
        top = 1 << (bits - 1)
        levels = codes.astype("f4") - top
        if not symmetric:
            levels = levels - (zero.astype("f4") - top)[:, index]
        parts = {"weight_packed": stream(codes, bits, np.int32), "weight_scale": scale}
        parts["weight_shape"] = np.array([rows, width])
        if by == "tensor":
            parts["weight_scale"] = scale[0]
        if not symmetric:
            whole_bytes = (zero.astype("i2") - top).astype(np.int8)[0]
            parts["weight_zero_point"] = whole_bytes if by == "tensor" else stream(zero.T, bits, np.int32).T
        if order:
            parts["weight_g_idx"] = index.astype(np.int32)
        weights = {"num_bits": bits, "symmetric": symmetric}
        return Made(
            named(**parts),
            levels * scale.astype("f4")[:, index],
            ("pack-quantized", bits, 32 if by == "group" else None, list(parts["weight_scale"].shape)),
            own_rows=symmetric and not order and by != "tensor",
            config={"quantization_config": {"config_groups": {"group_0": {"weights": weights}}}},
        )

    return make


def packed_floats(form, bits, group):
    """compressed-tensors' mxfp4, mxfp6 and nvfp4; ModelOpt's nvfp4."""

    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        raw = random.integers(110, 126, (rows, width // group), dtype=np.uint8)
        nv = form.startswith("nvfp4")
        scale = raw.view(ml_dtypes.float8_e4m3fn).astype("f4") if nv else np.exp2(raw.astype("f4") - 127)
        overall = np.array([1234.5], "f4")
        first, second = "weight_packed", "weight_global_scale"
        if form == "nvfp4-modelopt":
            first, second, overall = "weight", "weight_scale_2", np.array(0.0012, "f4")
        parts = {first: stream(codes, bits, np.uint8)}
        parts["weight_scale"] = raw.view(ml_dtypes.float8_e4m3fn) if nv else raw
        if nv:
            parts[second] = overall
            scale = scale * overall if form == "nvfp4-modelopt" else scale / overall
        values = (FP4 if bits == 4 else FP6)[codes] * spread(scale, group, width)
        return Made(named(**parts), values, (form, bits, group, list(raw.shape)))

    return make


def gemma(bits):
    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        scale = scales_of(random, rows, 1)
        stored = codes.view(np.int8) if bits == 8 else stream(codes, bits, np.uint8)
        levels = stored.astype("f4") if bits == 8 else codes.astype("f4") - (1 << (bits - 1))
        return Made(
            named(embedding_quantized=stored, embedding_scale=scale),
            levels * scale,
            (f"gemma-int{bits}", bits, None, [rows, 1]),
            own_rows=True,
            config={"quantization_config": {"quant_method": "gemma", "num_bits": bits}},
        )

    return make


def torchao(kind):
    def make(rows, width):
        random, codes = randomly(rows, width, 4 if kind == "Int4Tensor" else 8)
        data, metadata = {}, {"_type": kind, "_data": {"block_size": [1, 32]}}
        scale = scales_of(random, rows, width // 32)
        wide = spread(scale, 32, width)
        if kind == "Int4Tensor":
            zero = random.random(scale.shape, dtype=np.float32)
            signed = np.where(codes > 7, codes.astype("f4") - 16, codes)
            data = {"qdata": stream(codes, 4, np.uint8).view(np.int8), "scale": scale.T, "zero_point": zero.T}
            values = signed.astype("f4") * wide + spread(zero, 32, width)
            storage = ("torchao-int4", 4, 32, [width // 32, rows])
        else:
            zero = random.integers(-8, 8, scale.shape, dtype=np.int8)
            data = {"qdata": codes.view(np.int8), "scale": scale, "zero_point": zero}
            values = (codes.view(np.int8).astype("f4") - spread(zero, 32, width)) * wide
            storage = ("torchao-int8", 8, 32, list(scale.shape))
        return Made(
            named(**{f"_weight_{name}": value for name, value in data.items()}),
            values,
            storage,
            own_rows=kind != "Int4Tensor",
            metadata={f"{STEM}.weight": json.dumps(metadata)},
        )

    return make


def gptq(bits, version, *, order=False):
    def make(rows, width):
        random, codes = randomly(rows, width, bits)
        zero = random.integers(0, (1 << bits) - 1, (width // 32, rows), dtype=np.uint8)
        scale = scales_of(random, width // 32, rows, np.float16)
        index = random.permutation(np.arange(width) // 32) if order else np.arange(width) // 32
        more = 1 if version == "gptq" else 0
        values = (codes.T.astype("f4") - (zero.astype("f4") + more)[index]) * scale.astype("f4")[index]
        return Made(
            named(
                qweight=stream(codes, bits, np.int32).T,
                qzeros=stream(zero, bits, np.int32),
                scales=scale,
                g_idx=index.astype(np.int32),
            ),
            values.T,
            (version.replace("_", "-"), bits, 32, list(scale.shape)),
            config={"quantization_config": {"bits": bits, "checkpoint_format": version, "group_size": 32}},
        )

    return make


def awq():
    def make(rows, width):
        random, codes = randomly(rows, width, 4)
        zero = random.integers(0, 16, (width // 32, rows), dtype=np.uint8)
        scale = scales_of(random, width // 32, rows, np.float16)
        order = np.arange(rows).reshape(-1, 8)[:, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(-1)
        values = (codes.T.astype("f4") - spread(zero.T, 32, width).T) * spread(scale.T, 32, width).T
        parts = {"qweight": codes.T[:, order], "qzeros": zero[:, order]}
        packed = {name: stream(part, 4, np.int32) for name, part in parts.items()}
        return Made(named(**packed, scales=scale), values.T, ("awq", 4, 32, list(scale.shape)))

    return make


def bitsandbytes(*, nested=False):
    def make(rows, width):
        random, codes = randomly(rows, width, 4)
        levels = np.sort(random.normal(size=16)).astype("f4")
        blocks = rows * width // 64
        state = {"shape": [rows, width], "blocksize": 64, "quant_type": "nf4", "dtype": "float32"}
        largest = ((1 + random.random(blocks)) / 64).astype("f4")
        more = {}
        if nested:
            inner, table = scales_of(random, -(-blocks // 256), 1)[:, 0], np.linspace(-1, 1, 256).astype("f4")
            absmax = random.integers(0, 256, blocks, dtype=np.uint8)
            state |= {"nested_blocksize": 256, "nested_offset": 0.25, "nested_dtype": "float32"}
            more = {"weight.nested_absmax": inner, "weight.nested_quant_map": table}
            largest = table[absmax] * inner[np.arange(blocks) // 256] + np.float32(0.25)
        pairs = codes.reshape(-1, 2)
        parts = {
            "weight": (pairs[:, :1] << 4) | pairs[:, 1:],
            "weight.absmax": absmax if nested else largest,
            "weight.quant_map": levels,
            "weight.quant_state.bitsandbytes__nf4": np.frombuffer(json.dumps(state).encode(), np.uint8),
        }
        values = (levels[codes].reshape(-1, 64) * largest[:, None]).reshape(rows, width)
        return Made(named(**parts, **more), values, ("bitsandbytes-nf4", 4, 64, [blocks]))

    return make


def bitsandbytes_int8():
    def make(rows, width):
        random, codes = randomly(rows, width, 8)
        largest = scales_of(random, rows, 1)[:, 0]
        values = codes.view(np.int8).astype("f4") * largest[:, None] * np.float32(7.874015718698502e-3)
        parts = {"weight": codes.view(np.int8), "SCB": largest, "weight_format": np.array(0, np.uint8)}
        return Made(named(**parts), values, ("bitsandbytes-int8", 8, None, [rows]), own_rows=True)

    return make


def model2vec():
    def make(rows, width):
        random, codes = randomly(rows, width, 8)
        stored = codes[: rows // 2].view(np.int8)
        mapping, weights = random.integers(0, rows // 2, rows), random.random(rows, dtype=np.float32)
        tensors = {"embeddings": stored, "mapping": mapping, "weights": weights}
        values = stored.astype("f4")[mapping] * weights[:, None]
        return Made(tensors, values, ("model2vec-int8", 8, None, [rows]), config={"model_type": "model2vec"})

    return make
