"""`config.json` and `generation_config.json`: read as far as they can be, and what they say of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowscope.inspector.errors import CheckpointError, bounded
from rowscope.inspector.frozen import ReadOnly, record
from rowscope.inspector.header import kind
from rowscope.inspector.storage import File, Folder, read_json
from rowscope.inspector.text import say

CONFIG_LIMIT = 32 << 20

_LABELS = ("id2label", "label2id")  # of `PretrainedConfig` in transformers
_MOST_LABELS = 65_536

# mistral_inference, `args.py`; vLLM, `transformers_utils/configs/mistral.py`.
_NATIVE = {
    "vocab_size": "vocab_size",
    "dim": "hidden_size",
    "tied_embeddings": "tie_word_embeddings",
    "tie_embeddings": "tie_word_embeddings",
}
_QUANTIZATION_KEYS = ("quantization_config", "compression_config")


@record
class Skip:
    """Something that was not read, and why."""

    what: str
    why: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "why", bounded(self.why))


def read_config(
    folder: Folder, name: str, *, required: bool
) -> tuple[Mapping[str, Any] | None, tuple[Skip, ...]]:
    """A config file's object, or None and, where that matters, why; never an error.

    Labels of a classifier are left out where there are more than any has, and the mapping is empty: nothing
    here reads them, and a million of them take 200 MB for as long as the checkpoint is open.

    Args:
        required: whether its absence is worth a `Skip`.
    """
    if not folder.has(name):
        return None, (
            Skip(say("{name}", name=name), say("not in {folder!r}", folder=folder.location)),
        ) if required else ()
    try:
        value = read_json(File(folder, name), CONFIG_LIMIT)
    except CheckpointError as error:
        return None, (Skip(say("{name}", name=name), error.message),)
    if not isinstance(value, dict):
        return None, (Skip(say("{name}", name=name), say("holds {kind}, not an object", kind=kind(value))),)
    for key in _LABELS:
        if isinstance(value.get(key), dict) and len(value[key]) > _MOST_LABELS:
            value[key] = {}
    return ReadOnly(value), ()


def read_main_config(folder: Folder) -> tuple[Mapping[str, Any] | None, tuple[Skip, ...], str | None]:
    """`config.json`, or in its place what Mistral's own `params.json` says; why not, and a note."""
    config, skipped = read_config(folder, "config.json", required=True)
    if config is not None or folder.has("config.json"):
        return config, skipped, None
    params, _ = read_config(folder, "params.json", required=False)
    if params is None or "dim" not in params:
        return None, skipped, None
    found = {ours: params[theirs] for theirs, ours in _NATIVE.items() if params.get(theirs) is not None}
    note = say("sizes read from params.json, in Mistral's own format: the folder has no config.json")
    return ReadOnly(found), (), note


def model_type(config: Mapping[str, Any] | None) -> str | None:
    """`model_type`, None where it is absent or no string."""
    value = (config or {}).get("model_type")
    return value if isinstance(value, str) else None


def architectures(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The class names that the config lists."""
    value = (config or {}).get("architectures")
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def quantization(config: Mapping[str, Any] | None) -> str | None:
    """The quantisation method that the config or its `text_config` names; None for plain weights.

    MLX writes a bare `quantization` object of group size and bits instead of a method's name, and often a
    copy of it as `quantization_config`.
    """
    if config is None:
        return None
    of_mlx = isinstance(config.get("quantization"), dict)
    nested = config.get("text_config")
    for scope in (config, nested if isinstance(nested, dict) else {}):
        for key in _QUANTIZATION_KEYS:
            value = scope.get(key)
            if isinstance(value, dict) and value:
                method = value.get("quant_method")
                return method if isinstance(method, str) else "mlx" if of_mlx else "unnamed"
    return "mlx" if of_mlx else None
