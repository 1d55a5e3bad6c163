"""Checkpoints that transformers would not load as they are, told apart before anything is loaded."""

from __future__ import annotations

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError


def refuse_unloadable(checkpoint: Checkpoint, *, trust_remote_code: bool) -> None:
    """Refuse what model mode cannot or must not load.

    Raises:
        RefusedError: no config (NO_CONFIG), code of its own (REMOTE_CODE), quantised weights (QUANTIZED),
            or weights files that transformers does not look for (OTHER_FILES).
    """
    _need_config(checkpoint)
    _need_trust(checkpoint, trust_remote_code)
    _need_plain_weights(checkpoint)
    _need_standard_files(checkpoint)


def _need_config(checkpoint: Checkpoint) -> None:
    if checkpoint.config is None:
        why = next((skip.why for skip in checkpoint.skipped if skip.what == "config.json"), "not there")
        raise RefusedError(
            f"config.json of {checkpoint.path!r} cannot be used ({why}): transformers builds the model from "
            "it; put the model's config.json beside the weights",
            location="config.json",
            code="NO_CONFIG",
        )


def _need_trust(checkpoint: Checkpoint, trust: bool) -> None:
    code = (checkpoint.config or {}).get("auto_map")
    if not code or trust:
        return
    names = ", ".join(sorted(str(value) for value in code.values())) if isinstance(code, dict) else str(code)
    raise RefusedError(
        f"config.json of {checkpoint.path!r} names Python code of its own (auto_map: {names}), which would "
        "run with your rights; read that code, then give --trust-remote-code, or take auto_map out of a copy "
        "of config.json if transformers knows the architecture itself",
        location="config.json: auto_map",
        code="REMOTE_CODE",
    )


def _need_plain_weights(checkpoint: Checkpoint) -> None:
    method = checkpoint.quantization
    if method is not None:
        raise RefusedError(
            f"{checkpoint.path!r} is quantised ({method}): model mode reads plain weights, through which "
            "gradients can flow; give the checkpoint it was quantised from",
            location="config.json",
            code="QUANTIZED",
        )


def _need_standard_files(checkpoint: Checkpoint) -> None:
    """transformers reads model.safetensors, else the index's shards: the files audited must be those."""
    names = [shard.name for shard in checkpoint.shards]
    index = checkpoint.index.path.name if checkpoint.index is not None else None
    single = checkpoint.root / "model.safetensors"
    if names == ["model.safetensors"]:
        return
    if index == "model.safetensors.index.json" and not single.exists():
        return
    raise RefusedError(
        f"transformers reads model.safetensors or model.safetensors.index.json from a folder, not "
        f"{index or names[0]!r}; put a copy or link of that name, with config and tokenizer files, into a "
        "folder of its own and give that folder",
        location=index or names[0],
        code="OTHER_FILES",
    )
