"""The mask in the form that each serving stack takes: one function a format, and a table of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from rowscope.inspector.errors import unknown_value
from rowscope.inspector.frozen import record
from rowscope.inspector.mask.modules import mlx_module, python_module, tensorrt_llm_module, vllm_module
from rowscope.inspector.mask.result import Mask
from rowscope.inspector.mask.stacks import (
    bitmask_file,
    sglang_body,
    spelled_ranges,
    trl_settings,
    verl_overrides,
)
from rowscope.inspector.text import say

BIAS: Final = -100
"""The lowest bias that OpenAI-style servers take; they add it to the logit."""


@record
class MaskFormat:
    """A form of the mask.

    Attributes:
        setting: where it goes, in words.
        file: a file name that suits it.
        build: the form itself.
        limit: entries above which some servers refuse it, and what to use then.
    """

    setting: str
    file: str
    build: Callable[[Mask], str | bytes]
    limit: tuple[int, str] | None = None

    @property
    def binary(self) -> bool:
        """Whether it is written as bytes, to a file."""
        return self.file.endswith(".npy")


def render_mask(mask: Mask, format: str) -> str | bytes:
    """The mask in one of `FORMATS`: text, or bytes for `numpy` and `xgrammar`.

    Raises:
        UsageError: no such format.
    """
    if format not in FORMATS:
        raise unknown_value("--format", format, ("text", "json", *FORMATS))
    return FORMATS[format].build(mask)


def format_notes(mask: Mask, format: str) -> tuple[str, ...]:
    """What the user should know about this mask in this form."""
    form = FORMATS.get(format)
    if form is None or form.limit is None or len(mask) <= form.limit[0]:
        return ()
    most, advice = form.limit
    return (
        say("{count:# entry|# entries}: {advice} above {most}", count=len(mask), advice=advice, most=most),
    )


def _ids(mask: Mask) -> str:
    return "".join(f"{id}\n" for id in mask.ids.tolist())


def _ranges(mask: Mask) -> str:
    ranges = spelled_ranges(mask)
    return f"{ranges}\n" if ranges else ""


def _generation_config(mask: Mask) -> str:
    return json.dumps({"suppress_tokens": mask.with_own.tolist()}, indent=2) + "\n"


def _logit_bias(mask: Mask) -> str:
    return json.dumps({"logit_bias": {str(id): BIAS for id in mask.ids.tolist()}}) + "\n"


def _llama_cpp(mask: Mask) -> str:
    return "".join(f"--logit-bias {id}-inf\n" for id in mask.ids.tolist())


def _llama_cpp_server(mask: Mask) -> str:
    return json.dumps({"logit_bias": [[id, False] for id in mask.ids.tolist()]}) + "\n"


def _numpy(mask: Mask) -> bytes:
    file = io.BytesIO()
    np.save(file, mask.flags, allow_pickle=False)
    return file.getvalue()


FORMATS: Final[Mapping[str, MaskFormat]] = MappingProxyType(
    {
        "ids": MaskFormat(say("anything that reads one id a line"), "mask.txt", _ids),
        "ranges": MaskFormat(say("rowscope's own --ids, and people"), "mask.ranges", _ranges),
        "generation-config": MaskFormat(
            say("generation_config.json of transformers, key suppress_tokens; --apply writes it there"),
            "suppress_tokens.json",
            _generation_config,
        ),
        "logit-bias": MaskFormat(
            say("the body of a request to an OpenAI-style server, key logit_bias"),
            "logit_bias.json",
            _logit_bias,
            (
                1024,
                say("vLLM refuses a request with more, and the OpenAI API has taken 300; use --format vllm"),
            ),
        ),
        "vllm": MaskFormat(
            say("vLLM, server and offline: --logits-processors MODULE:SuppressReserved"),
            "suppress_reserved.py",
            vllm_module,
        ),
        "sglang": MaskFormat(
            say("the body of a request to SGLang, started with --enable-custom-logit-processor"),
            "sglang.json",
            sglang_body,
        ),
        "trl": MaskFormat(
            say("GRPOConfig(**settings) of TRL and its like, where transformers generates"),
            "trl.json",
            trl_settings,
        ),
        "verl": MaskFormat(
            say("Hydra overrides of verl.trainer.main_ppo, for rollouts by vLLM or SGLang"),
            "verl.args",
            verl_overrides,
            (
                5000,
                say("Linux takes no argument of more than 131,072 bytes; for vLLM use the first line alone"),
            ),
        ),
        "tensorrt-llm": MaskFormat(
            say("SamplingParams(logits_processor=SuppressReserved()) of TensorRT-LLM"),
            "suppress_reserved.py",
            tensorrt_llm_module,
        ),
        "mlx": MaskFormat(
            say("mlx_lm.generate(…, logits_processors=[suppress])"), "suppress_reserved.py", mlx_module
        ),
        "xgrammar": MaskFormat(
            say("numpy.load: the int32 bitmask of xgrammar and llguidance, bit 1 = allowed"),
            "bitmask.npy",
            bitmask_file,
        ),
        "llama.cpp": MaskFormat(
            say("arguments of llama-cli and other llama.cpp programs"), "logit_bias.args", _llama_cpp
        ),
        "llama.cpp-server": MaskFormat(
            say("the body of a request to llama-server, key logit_bias"), "logit_bias.json", _llama_cpp_server
        ),
        "numpy": MaskFormat(say("numpy.load: bool [rows], True = never sample"), "mask.npy", _numpy),
        "python": MaskFormat(
            say("import in Python: IDS, RANGES, suppress(logits)"), "reserved.py", python_module
        ),
    }
)
"""Every form by its name on the command line, with the setting that it goes into."""
