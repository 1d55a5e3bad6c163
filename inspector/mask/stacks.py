"""The mask for engines and trainers that take it in a shape of their own."""

from __future__ import annotations

import io
import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.mask.result import Mask
from rowscope.inspector.mask.vllm_plugin import VARIABLE

HARD: Final = -1e9
"""A bias that leaves no probability in any format of floats; JSON has no infinity."""

_WORD: Final = 32
# What `to_str()` of SGLang's processor gives in other bytes: a pickle that names the class, in hexadecimal.
_SGLANG: Final = b"csglang.srt.sampling.custom_logit_processor\nDisallowedTokensLogitsProcessor\n."


def sglang_body(mask: Mask) -> str:
    """Fields of a request to SGLang: its own DisallowedTokensLogitsProcessor, and the ids for it."""
    processor = json.dumps({"callable": _SGLANG.hex()})
    body = {"custom_logit_processor": processor, "custom_params": {"token_ids": mask.ids.tolist()}}
    return json.dumps(body) + "\n"


def trl_settings(mask: Mask) -> str:
    """`generation_kwargs` of GRPOConfig and its like: the list takes the place of every other one, so that it
    holds the checkpoint's own ids too, and the image token that TRL would bar."""
    image = [] if mask.image_token is None else [mask.image_token]
    ids = sorted({*mask.with_own.tolist(), *image})
    return json.dumps({"generation_kwargs": {"suppress_tokens": ids}}) + "\n"


def spelled_ranges(mask: Mask) -> str:
    """`7,4008:4096`, as `--ids` and ROWSCOPE_MASK take it; id 0 as `0:1`, for `0` alone is off."""
    return ",".join(str(a) if a and b == a + 1 else f"{a}:{b}" for a, b in mask.ranges)


def verl_overrides(mask: Mask) -> str:
    """Hydra overrides, one a line: the environment of vLLM's processes, and the defaults of SGLang's."""
    ranges = spelled_ranges(mask)
    bias = json.dumps({"logit_bias": {str(id): HARD for id in mask.ids.tolist()}}, separators=(",", ":"))
    return (
        f"+ray_kwargs.ray_init.runtime_env.env_vars.{VARIABLE}='{ranges or 'off'}'\n"
        f"+actor_rollout_ref.rollout.engine_kwargs.sglang.preferred_sampling_params='{bias}'\n"
    )


def bitmask(mask: Mask) -> NDArray[np.int32]:
    """int32 [1, ceil(rows / 32)]: bit `id % 32` of word `id // 32` is 1 where the id may be sampled.

    The layout of `xgrammar.allocate_token_bitmask`; bits beyond the last row are 0.
    """
    allowed = np.zeros(-(-mask.rows // _WORD) * _WORD, dtype=np.bool_)
    allowed[: mask.rows] = ~mask.flags
    packed = np.packbits(allowed.reshape(-1, 8), axis=-1, bitorder="little")
    return packed.reshape(1, -1, _WORD // 8).view("<i4").reshape(1, -1).astype(np.int32)


def bitmask_file(mask: Mask) -> bytes:
    """The same as a `.npy` file."""
    file = io.BytesIO()
    np.save(file, bitmask(mask), allow_pickle=False)
    return file.getvalue()
