"""Which transformers class loads a checkpoint, and what kind of model it is."""

from __future__ import annotations

from typing import Any, Final

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError

_AUTO: Final = {
    "causal": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "masked": "AutoModelForMaskedLM",
    "headless": "AutoModel",
}


def choose_class(transformers: Any, checkpoint: Checkpoint, *, trust_remote_code: bool) -> tuple[Any, str]:  # noqa: ANN401
    """A class with `from_pretrained`, and the kind: "causal", "seq2seq", "masked" or "headless".

    The architecture that the config names decides; where it names none, or one without a head over the
    vocabulary (a classifier, a bare encoder), the model behind it is loaded.

    Raises:
        RefusedError: (CANNOT_LOAD) transformers knows none of the architectures that the config names.
    """
    config = checkpoint.config or {}
    auto_map = config.get("auto_map") if trust_remote_code else None
    if isinstance(auto_map, dict) and auto_map:
        kind = next((kind for kind, name in _AUTO.items() if name in auto_map), "headless")
        return getattr(transformers, _AUTO[kind]), kind
    for name in checkpoint.architectures:
        known = _kind(transformers, name, config)
        if known is not None:
            # A class in the mapping's place loads the same tensors, and more names: …ForPreTraining.
            exact = name.endswith(("LMHeadModel", "ForConditionalGeneration", "ForCausalLM", "ForMaskedLM"))
            return getattr(transformers, name if exact else _AUTO[known]), known
    _need_known(transformers, checkpoint)
    if checkpoint.architectures or checkpoint.layout.tie_source == "no-head":
        return transformers.AutoModel, "headless"
    kind = "seq2seq" if config.get("is_encoder_decoder") else "causal"
    return getattr(transformers, _AUTO[kind]), kind


def _need_known(transformers: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401
    """What stands in for an unknown architecture may compute something else from the same tensors."""
    names = checkpoint.architectures
    if names and not any(hasattr(transformers, name) for name in names):
        raise RefusedError(
            f"transformers {transformers.__version__} cannot load {checkpoint.path!r}: it knows no "
            f"architecture {names[0]!r}, which config.json names; update transformers, or give a checkpoint "
            "that brings its code along and --trust-remote-code; `rowscope audit` needs no transformers",
            location="config.json: architectures",
            code="CANNOT_LOAD",
        )


def _kind(transformers: Any, name: str, config: Any) -> str | None:  # noqa: ANN401
    """The kind of a named class; None where transformers does not know it or it has no vocabulary head."""
    if not hasattr(transformers, name):
        return None
    auto = transformers.models.auto.modeling_auto
    if name in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        return "causal"
    if config.get("is_encoder_decoder") and name.endswith(("ForConditionalGeneration", "LMHeadModel")):
        return "seq2seq"
    if name in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.values():
        return "masked"
    if name.endswith("ForPreTraining") and config.get("model_type") in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "masked"
    # Models of several modalities generate text from text alone, too.
    return "causal" if name.endswith("ForConditionalGeneration") else None


def head_of(network: Any) -> Any:  # noqa: ANN401 - torch module
    """The module of the output matrix, or None: one with a two-dimensional weight over the vocabulary."""
    head = network.get_output_embeddings()
    weight = getattr(head, "weight", None)
    return head if weight is not None and weight.dim() == 2 else None
