"""Checkpoints that transformers would not load as they are, told apart before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError


def refuse_unloadable(checkpoint: Checkpoint, probe: str, *, trust_remote_code: bool) -> None:
    """Refuse what model mode cannot or must not load.

    Raises:
        RefusedError: an adapter (ADAPTER), no config (NO_CONFIG), code of its own (REMOTE_CODE), quantised
            weights (QUANTIZED), or weights files that transformers does not look for (OTHER_FILES).
    """
    _ = checkpoint.layout  # raises where a vocabulary table is named and not whole
    _need_whole_model(checkpoint)
    _need_config(checkpoint)
    _need_trust(checkpoint, trust_remote_code)
    _need_plain_weights(checkpoint, probe)
    _need_numbers(checkpoint)
    _need_standard_files(checkpoint)


def _need_whole_model(checkpoint: Checkpoint) -> None:
    if checkpoint.adapter is not None:
        base = f" ({checkpoint.adapter.base})" if checkpoint.adapter.base else ""
        raise RefusedError(
            f"{checkpoint.path!r} holds a PEFT adapter, not a model: model mode reads whole models; merge it "
            f"into its base{base} with PEFT's merge_and_unload and save_pretrained, and give the folder that "
            "this writes",
            location="adapter_config.json",
            code="ADAPTER",
        )


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


def _need_plain_weights(checkpoint: Checkpoint, probe: str) -> None:
    method = checkpoint.quantization
    if method is not None:
        instead = ", or use --values mean" if probe == "distil" else ""
        raise RefusedError(
            f"{checkpoint.path!r} is quantised ({method}): model mode reads plain weights, through which "
            f"gradients can flow; give the checkpoint it was quantised from{instead}",
            location="config.json",
            code="QUANTIZED",
        )


def _need_numbers(checkpoint: Checkpoint) -> None:
    """Integers without a quantisation stand for values that nothing names; transformers takes them bare."""
    for name, tensor in checkpoint.tensors.items():
        if name.endswith(".weight") and tensor.dtype[:1] in ("I", "U"):
            raise RefusedError(
                f"{name!r} of {checkpoint.path!r} holds {tensor.dtype} elements, and config.json does not "
                "say which values they stand for; give the checkpoint it was quantised from",
                location=name,
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


def refuse_other_shapes(mismatched: Iterable[Any], checkpoint: Checkpoint) -> None:
    """Weights of other shapes than the class makes them would be random numbers, too.

    Args:
        mismatched: (name, stored shape, the class' shape) each.

    Raises:
        RefusedError: (CANNOT_LOAD)
    """
    found = sorted(mismatched, key=lambda one: str(one[0]))
    if found:
        name, stored, wanted = found[0]
        raise RefusedError(
            f"transformers cannot load {checkpoint.path!r}: {len(found):,} tensors have not the shape that "
            f"config.json gives, first {name!r}: {list(stored)} stored, {list(wanted)} by the config; "
            "correct config.json",
            location=str(name),
            code="CANNOT_LOAD",
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


def refuse_unread(network: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401 - torch module
    """Refuse a model of which transformers does not say where it looks tokens up (one of several towers).

    Raises:
        RefusedError: (NO_EMBEDDING)
    """
    try:
        found = network.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        found = None
    weight = getattr(found, "weight", None)
    if weight is None or weight.dim() != 2:
        raise RefusedError(
            f"{type(network).__name__} of {checkpoint.path!r} has no single matrix to look tokens up in: "
            "no probe can say what it does with them; `rowscope audit` judges its rows from the files",
            location=type(network).__name__,
            code="NO_EMBEDDING",
        )


def refuse_on_ids(error: BaseException, name: str, path: str) -> RefusedError:
    """What to say of a model that loads and then fails on nothing but token ids: it wants pictures, boxes,
    sounds, or its config does not fit its code. Raised by the caller. (CANNOT_RUN)"""
    return RefusedError(
        f"{name} of {path!r} cannot be run on token ids alone: {first_line(error)}; `rowscope audit` judges "
        "its rows from the files",
        location=name,
        code="CANNOT_RUN",
    )


def load_errors() -> tuple[type[BaseException], ...]:
    """What transformers is known to raise over files that it cannot make a model or tokenizer of."""
    import huggingface_hub.errors
    from safetensors import SafetensorError

    # Configs are checked by huggingface_hub since transformers 5; older ones have no such error.
    strict = getattr(huggingface_hub.errors, "StrictDataclassError", ValueError)
    plain = (OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError)
    # The last three are what a checkpoint's own code may end in, where it is trusted.
    own = (NameError, SyntaxError, SystemExit)
    return (*plain, ArithmeticError, AssertionError, SafetensorError, strict, *own)


def told(error: BaseException) -> bool:
    """Whether an error is one of `load_errors`, or a bare Exception, which the tokenizers library raises."""
    return isinstance(error, load_errors()) or type(error) is Exception


def first_line(error: BaseException) -> str:
    """First line of an error's message, and the next where it only announces that; its type where it has
    none, or where it is nothing but a key."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines or isinstance(error, (LookupError, SystemExit)):
        return " ".join([type(error).__name__, *lines[:1]])
    return " ".join(lines[:2] if lines[0].endswith(":") else lines[:1])
