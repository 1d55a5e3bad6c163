"""Folders of other formats: what they are, and what makes safetensors of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_SOURCE = "nothing leads back from it: audit the checkpoint that it was made from"


class Foreign(NamedTuple):
    """One format, by the names in its folder.

    Attributes:
        marks: patterns of which each must match the whole of some name.
        what: the format's name.
        hint: the next step; `{folder}` is the folder as given, quoted.
    """

    marks: tuple[str, ...]
    what: str
    hint: str


_SAFE: Final = "--safe_serialization"
_ZERO: Final = f"make weights of it: python {{folder}}/zero_to_fp32.py {{folder}} OUT {_SAFE}"
_ZERO_MODULE: Final = "make weights of it: python -m deepspeed.utils.zero_to_fp32"
_DCP: Final = (
    "make weights of it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch {folder} OUT.pt, "
    "then in Python: state = torch.load('OUT.pt'); safetensors.torch.save_file(state.get('model', state), "
    "'model.safetensors')"
)

# The first that fits counts: what a training run leaves goes before the single files that lie within it.
FORMATS: Final[tuple[Foreign, ...]] = (
    Foreign((r"zero_to_fp32\.py",), "a DeepSpeed ZeRO checkpoint", _ZERO),
    Foreign((r"global_step\d+",), "a DeepSpeed ZeRO checkpoint", f"{_ZERO_MODULE} {{folder}} OUT {_SAFE}"),
    Foreign(
        (r".*_(optim|model)_states\.pt",),
        "a step of a DeepSpeed checkpoint",
        f"{_ZERO_MODULE} {{folder}}/.. OUT {_SAFE} --tag STEP (zero_to_fp32.py, STEP is this folder's name)",
    ),
    Foreign(
        (r"pytorch_model_fsdp_\d+",),
        "an FSDP checkpoint of accelerate",
        "merge its shards: accelerate merge-weights {folder}/pytorch_model_fsdp_0 OUT",
    ),
    Foreign(
        (r"pytorch_model_fsdp\.bin",),
        "an FSDP checkpoint of accelerate",
        "load it with torch and save_file it",
    ),
    Foreign((r".*\.distcp", r"\.metadata"), "a torch distributed checkpoint (FSDP, DCP)", _DCP),
    Foreign((r".*\.distcp",), "a part of a torch distributed checkpoint (its .metadata is missing)", _DCP),
    Foreign(
        (r"latest_checkpointed_iteration\.txt",),
        "a Megatron-LM checkpoint",
        "convert it with Megatron-Bridge (AutoBridge.export_ckpt) or Megatron-LM's "
        "tools/checkpoint/convert.py",
    ),
    Foreign(
        (r"mp_rank_\d+(_\d+)?",),
        "a step of a Megatron-LM checkpoint",
        "convert it with Megatron-Bridge (AutoBridge.export_ckpt) or Megatron-LM's "
        "tools/checkpoint/convert.py",
    ),
    Foreign(
        (r".*\.nemo",),
        "a NeMo archive",
        "convert it with NeMo's scripts/checkpoint_converters/convert_…_nemo_to_hf.py",
    ),
    Foreign(
        (r"context", r"weights"),
        "a NeMo 2 checkpoint",
        "export it: nemo.collections.llm.export_ckpt(path={folder}, target='hf', output_path=OUT)",
    ),
    Foreign(
        (r"model_config\.yaml", r"model_weights.*"),
        "an unpacked NeMo archive",
        "convert it with NeMo's scripts/checkpoint_converters/convert_…_nemo_to_hf.py",
    ),
    Foreign((r".*openvino.*\.xml",), "a model in OpenVINO IR", _SOURCE),
    Foreign((r"(?P<ir>.*)\.xml", r".*\.bin"), "a model in OpenVINO IR", _SOURCE),
    Foreign((r".*\.onnx(_data)?",), "a model in ONNX", _SOURCE),
    Foreign((r".*\.(mlpackage|mlmodelc?)",), "a Core ML model", _SOURCE),
    Foreign((r".*\.(tflite|litertlm|task)",), "a TensorFlow Lite (LiteRT) model", _SOURCE),
    Foreign((r"saved_model\.pb(txt)?",), "a TensorFlow SavedModel", _SOURCE),
    Foreign(
        (r".*\.ckpt.*\.index",),
        "a TensorFlow checkpoint",
        "convert it once: AutoModelForCausalLM.from_pretrained({folder}, from_tf=True).save_pretrained(OUT) "
        "with transformers 4",
    ),
    Foreign(
        (r"_CHECKPOINT_METADATA",),
        "an Orbax checkpoint of JAX",
        "restore it with orbax and save_file the arrays",
    ),
    Foreign((r".*\.(engine|plan)",), "a TensorRT engine", _SOURCE),
    Foreign((r".*\.pte",), "an ExecuTorch program", _SOURCE),
    Foreign((r".*\.mnn(\.weight)?",), "a model in MNN", _SOURCE),
    Foreign((r"(ndarray|tensor)-cache\.json",), "a model compiled by MLC", _SOURCE),
    Foreign(
        (r"model\.bin", r"(shared|source|target)?_?vocabulary\.(json|txt)"), "a CTranslate2 model", _SOURCE
    ),
    Foreign((r".*\.pdparams",), "a PaddlePaddle checkpoint", "paddle.load it and save_file the arrays"),
    Foreign((r".*\.keras",), "a Keras model", "load it with Keras and save_file the arrays"),
)

# What a run leaves beside its weights: not the weights.
STATES: Final = re.compile(
    r"training_args\.bin|(optimizer|scheduler|scaler|random_states|rng_state|sampler|dataloader)[\w.-]*"
    r"\.(pt|pth|bin|pkl)|latest|trainer_state\.json"
)


def foreign_format(names: Sequence[str], folder: str) -> str | None:
    """What a folder of these names holds, with the next step; None where nothing is known.

    A folder that holds OpenVINO's pair is known by a stem that both files have.
    """
    for form in FORMATS:
        found = [re.fullmatch(mark, name) for mark in form.marks for name in names]
        matched = [match for match in found if match]
        if all(any(re.fullmatch(mark, name) for name in names) for mark in form.marks):
            stems = [match["ir"] for match in matched if "ir" in match.re.groupindex]
            if stems and not any(f"{stem}.bin" in names for stem in stems):
                continue
            return f"it is {form.what} ({matched[0][0]!r}); {form.hint.format(folder=folder)}"
    return None


def conversion(suffix: str) -> str | None:
    """How a weights file of another format becomes safetensors; None for an unknown suffix."""
    return _CONVERSIONS.get(suffix.lower())


_TORCH = (
    "convert it once: torch.load(FILE, weights_only=True) and safetensors.torch.save_file, "
    "or AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(OUT), or with the class that "
    "config.json names: AutoModel leaves the output matrix out"
)
_CONVERSIONS = {
    ".bin": _TORCH,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".gguf": (
        "convert it once: AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=FILE).save_pretrained(OUT), "
        "or audit the checkpoint that it was made from"
    ),
    ".h5": "convert it once: AutoModelForCausalLM.from_pretrained(FOLDER, from_tf=True).save_pretrained(OUT) "
    "with transformers 4",
    ".msgpack": "convert it once: AutoModelForCausalLM.from_pretrained(FOLDER, from_flax=True)"
    ".save_pretrained(OUT) with transformers 4",
    ".npz": "convert it once: safetensors.numpy.save_file(dict(numpy.load(FILE)), OUT)",
}
