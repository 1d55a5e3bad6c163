"""Every text class that transformers registers, built on torch's meta device: what it calls its tables.

The oracle of the tests and of `python -m bench.classes`: nothing here is rowscope's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PreTrainedConfig
from transformers.core_model_loading import revert_weight_conversion
from transformers.models.auto import modeling_auto

# The tables of AutoModel classes whose models read or write text.
TABLES: Final = (
    "CAUSAL_LM",
    "MASKED_LM",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "IMAGE_TEXT_TO_TEXT",
    "MULTIMODAL_LM",
    "SPEECH_SEQ_2_SEQ",
    "TEXT_TO_SPECTROGRAM",
    "TEXT_TO_WAVEFORM",
    "TEXT_ENCODING",
    "PRETRAINING",  # of models for text, which can also answer questions or fill masks
)
FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    StrictDataclassError,
)
"""What classes and configs raise that cannot be built from their defaults."""

_DEPTHS: Final = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "encoder_layers",
    "decoder_layers",
    "num_encoder_layers",
    "num_decoder_layers",
    "depth",
    "layers",
)
# Settings that a class cannot be built without and that its default config leaves out.
_NEEDED: Final[Mapping[str, Mapping[str, Any]]] = {
    "esm": {"vocab_size": 33, "pad_token_id": 1},
    "reformer": {"is_decoder": True},
    "ReformerForMaskedLM": {"is_decoder": False},
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128},
    "ministral": {"head_dim": 128},
    "hunyuan_vl": {"text_config": {"head_dim": 128}},
    "nemotron": {"num_key_value_heads": 8},
    "chameleon": {"vocabulary_map": {"<image>": 4}},
    "emu3": {"vocabulary_map": {"<image>": 4}},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "dots1": {"n_routed_experts": 4},
    "diffusion_gemma": {"text_config": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 32}},
    "deepseek_ocr2": {"text_config": {"mlp_layer_types": ["dense", "dense"], "num_hidden_layers": 2}},
    "aya_vision": {"vision_config": {"hidden_size": 1152, "num_attention_heads": 16}},
    "granite4_vision": {"downsample_rate": "1/2", "deepstack_layer_map": []},
}


@dataclass(frozen=True)
class Answer:
    """What transformers says of one class under one setting of the tie flags.

    Attributes:
        cls, model_type: the architecture and the type of its config.
        config: as `save_pretrained` would write it.
        tensors: saved name -> (dtype of safetensors, shape).
        input_names, output_names: saved names of the parameter that the accessor returns; empty where it
            returns none. `asked` says whether `get_input_embeddings` is implemented at all.
        tied: whether both accessors return one parameter.
        shared: whether the output matrix has another name as well, or is an embedding itself.
    """

    cls: str
    model_type: str
    config: Mapping[str, Any]
    tensors: Mapping[str, tuple[str, tuple[int, ...]]]
    input_names: frozenset[str]
    output_names: frozenset[str]
    output_module: str | None
    tied: bool
    shared: bool
    asked: bool
    ties_something: bool = False
    input_rows: int | None = None
    model: Any = field(default=None, repr=False, compare=False)


def registered() -> Iterator[tuple[str, str]]:
    """(model type, class name) of every class of `TABLES`, each once."""
    seen = set()
    texts = {
        kind
        for table in ("QUESTION_ANSWERING", "MASKED_LM", "CAUSAL_LM")
        for kind in getattr(modeling_auto, f"MODEL_FOR_{table}_MAPPING_NAMES")
    }
    for table in TABLES:
        for kind, names in getattr(modeling_auto, f"MODEL_FOR_{table}_MAPPING_NAMES").items():
            if table == "PRETRAINING" and kind not in texts:
                continue
            for name in names if isinstance(names, tuple) else (names,):
                if name is not None and (kind, name) not in seen:
                    seen.add((kind, name))
                    yield kind, name


def answer(
    kind: str, name: str, *, top: bool | None = None, nested: bool | None = None, vocab: int | None = None
) -> Answer:
    """Build a class and ask it.

    Args:
        top: `tie_word_embeddings` of the outermost config; None leaves the class's default.
        nested: the same of every config inside it.
        vocab: cut vocabularies down to at most this many entries.

    Raises:
        One of `FAULTS`: whatever the class raises that cannot be built from its default config.
    """
    cls = getattr(transformers, name)
    reason: Exception | None = None
    for shallow in (True, False):
        try:
            config = _config(kind, cls, shallow, vocab)
            if top is not None:
                config.tie_word_embeddings = top
            if nested is not None:
                for inner in list(_inner(config))[1:]:
                    inner.tie_word_embeddings = nested
            with torch.device("meta"), quiet(), _without_timm():
                model = cls._from_config(config)
            break
        except FAULTS as error:  # any class may fail in its own way
            reason = error
    else:
        assert reason is not None
        raise reason
    return _ask(model, config)


def _ask(model: Any, config: PreTrainedConfig) -> Answer:
    every = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    names: dict[int, set[str]] = {}
    for key, value in every:
        names.setdefault(id(value), set()).add(key)
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    kept = _kept({key: value for key, value in every if key in model.state_dict()}, tied)
    source, asked = parameters(model.get_input_embeddings)
    target, _ = parameters(model.get_output_embeddings)
    inside = {id(value): names[id(value)] for value in (*source, *target) if id(value) in names}
    saved = revert_weight_conversion(model, dict(kept))
    config.architectures = [type(model).__name__]
    try:
        output = model.get_output_embeddings()
    except NotImplementedError:
        output = None
    return Answer(
        cls=type(model).__name__,
        model_type=config.model_type,
        config=json.loads(config.to_json_string(use_diff=True)),
        tensors={k: (_dtype(v), tuple(v.shape)) for k, v in saved.items() if isinstance(v, torch.Tensor)},
        input_names=_saved(model, kept, inside, source),
        output_names=_saved(model, kept, inside, target),
        output_module=None if output is None else type(output).__name__,
        tied=bool({id(v) for v in source} & {id(v) for v in target}),
        shared=isinstance(output, torch.nn.Embedding) or any(len(names.get(id(v), ())) > 1 for v in target),
        asked=asked,
        ties_something=bool(tied),
        input_rows=source[0].shape[0] if source else None,
        model=model,
    )


def _kept(state: Mapping[str, Any], tied: set[str]) -> dict[str, Any]:
    """What is saved: of a parameter with several names the first that is not declared tied to another."""
    kept: dict[str, Any] = {}
    seen: set[int] = set()
    for key in sorted(state, key=lambda key: key in tied):
        if key not in tied and id(state[key]) not in seen:
            kept[key] = state[key]
        seen.add(id(state[key]))
    return kept


def parameters(accessor: Any) -> tuple[list[Any], bool]:
    """The tables that an accessor's module holds, and whether the accessor is implemented."""
    try:
        module = accessor()
    except (NotImplementedError, AttributeError):
        return [], False
    if module is None:
        return [], True
    weight = getattr(module, "weight", None)
    if isinstance(weight, torch.Tensor):
        return [weight], True
    inner = module.parameters() if isinstance(module, torch.nn.Module) else ()
    return [value for value in inner if value.dim() == 2], True


def _saved(
    model: Any,
    kept: Mapping[str, Any],
    inside: Mapping[int, set[str]],
    values: list[Any],
) -> frozenset[str]:
    found: set[str] = set()
    for value in values:
        for key in inside.get(id(value), ()):
            if key in kept:
                found |= set(revert_weight_conversion(model, {key: kept[key]}))
    return frozenset(found)


def _dtype(value: Any) -> str:
    short = {"float": "F", "int": "I", "bfloat": "BF", "uint": "U", "bool": "BOOL", "complex": "C"}
    kind = str(value.dtype).removeprefix("torch.")
    letters = kind.rstrip("0123456789_fnuze")
    return short.get(letters, kind) + kind[len(letters) :]


def _config(kind: str, cls: Any, shallow: bool, vocab: int | None) -> PreTrainedConfig:
    needed = _NEEDED.get(cls.__name__, _NEEDED.get(kind, {}))
    config = AutoConfig.for_model(kind, **needed)
    wanted = getattr(cls, "config_class", None)
    if wanted is not None and not isinstance(config, wanted):
        config = wanted(**needed)
    if shallow:
        for inner in _inner(config):
            _flatten(inner)
    if vocab is not None:
        for inner in _inner(config):
            _cut(inner, vocab)
    return config


def _inner(config: PreTrainedConfig) -> Iterator[PreTrainedConfig]:
    """A config and all that it holds, outermost first."""
    yield config
    for value in list(vars(config).values()):
        if isinstance(value, PreTrainedConfig):
            yield from _inner(value)


def _flatten(config: PreTrainedConfig) -> None:
    for key in _DEPTHS:
        value = vars(config).get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 2:
            setattr(config, key, 2)
    kinds, depth = vars(config).get("layer_types"), vars(config).get("num_hidden_layers")
    if isinstance(kinds, list) and isinstance(depth, int) and len(kinds) > depth:
        config.layer_types = list(dict.fromkeys(kinds))[:depth] * (depth if len(set(kinds)) == 1 else 1)


def _cut(config: PreTrainedConfig, vocab: int) -> None:
    for key, value in list(vars(config).items()):
        if key == "vocab_size" and isinstance(value, int) and value > vocab:
            setattr(config, key, vocab)
    for at, key in enumerate(("pad_token_id", "bos_token_id", "eos_token_id")):
        if isinstance(vars(config).get(key), int):
            setattr(config, key, at)


@contextlib.contextmanager
def _without_timm() -> Iterator[None]:
    """Image towers of the library timm are left out: it need not be there, and they hold no vocabulary."""
    build = transformers.AutoModel.from_config

    def from_config(config: PreTrainedConfig, **options: Any) -> Any:
        try:
            return build(config, **options)
        except ImportError:
            return torch.nn.Identity()

    transformers.AutoModel.from_config = from_config
    try:
        yield
    finally:
        transformers.AutoModel.from_config = build


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(50)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)
