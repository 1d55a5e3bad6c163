"""Checkpoints that transformers would not load as they are, told apart before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError


def refuse_unloadable(checkpoint: Checkpoint, *, trust_remote_code: bool) -> None:
    """Refuse what model mode cannot or must not load.

    Raises:
        RefusedError: no config (NO_CONFIG), code of its own (REMOTE_CODE), quantised weights (QUANTIZED),
            or weights files that transformers does not look for (OTHER_FILES).
    """
    _ = checkpoint.layout  # raises where a vocabulary table is named and not whole
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
    index = checkpoint.index.file.name.rpartition("/")[2] if checkpoint.index is not None else None
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


def refuse_other_input(loader: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401 - a class
    """Refuse a class that reads something else than token ids.

    Raises:
        RefusedError: (WRONG_KIND)
    """
    name = getattr(loader, "main_input_name", "input_ids")
    if name != "input_ids":
        raise RefusedError(
            f"{loader.__name__} of {checkpoint.path!r} reads {name}, not token ids: no probe can feed it; "
            "`rowscope audit` judges its rows from the files",
            location=loader.__name__,
            code="WRONG_KIND",
        )


def refuse_random(missing: Iterable[str], checkpoint: Checkpoint) -> None:
    """Weights that the class needs and the files lack would be random numbers; an unused pooler may be.

    Raises:
        RefusedError: (MISSING_TENSORS)
    """
    needed = sorted(name for name in missing if "pooler" not in name)
    if needed:
        raise RefusedError(
            f"{len(needed):,} tensors of the model are not stored in {checkpoint.path!r}, first "
            f"{needed[0]!r}: a probe would measure random numbers; restore the missing tensors",
            location=needed[0],
            code="MISSING_TENSORS",
        )


def load_errors() -> tuple[type[BaseException], ...]:
    """What transformers is known to raise over files that it cannot make a model or tokenizer of."""
    import huggingface_hub.errors
    from safetensors import SafetensorError

    # Configs are checked by huggingface_hub since transformers 5; older ones have no such error.
    strict = getattr(huggingface_hub.errors, "StrictDataclassError", ValueError)
    plain = (OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError)
    return (*plain, ArithmeticError, AssertionError, SafetensorError, strict)


def first_line(error: BaseException) -> str:
    """First line of an error's message; its type where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
