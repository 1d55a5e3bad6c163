"""Where generation stops, by the files that say so, and what ends a turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.evidence.generating import GENERATING
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import config_value
from rowscope.inspector.vocabulary import Turns, Vocabulary, ids_of, read_turns

GENERATION: Final = "generation_config.json"
CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer"
_KEY: Final = "eos_token_id"
# What transformers' GenerationConfig.from_model_config asks where the outermost config is silent.
_DECODERS: Final = ("decoder", "generator", "text_config")


@record
class Stops:
    """Stop tokens.

    Attributes:
        decides: the file that transformers' `generate` takes them from: generation_config.json where it is
            there, whatever it says, else config.json.
        place: the key in that file, `text_config.eos_token_id`.
        ids: the ids that it states; () where it states none.
        named: every place that names one -> its ids: `config.json`, `generation_config.json`, `tokenizer`.
        texts: `stop_strings` of generation_config.json.
        turns: what the chat template writes around turns; None without a template.
        generates: whether the architecture is one that generates, or has a chat template and names none;
            False as well where the file that decides was not read, so that nothing can be told.
    """

    decides: str
    place: str
    ids: tuple[int, ...]
    named: Mapping[str, tuple[int, ...]]
    texts: tuple[str, ...]
    turns: Turns | None
    generates: bool


def read_stops(checkpoint: Checkpoint, vocabulary: Vocabulary) -> Stops:
    """The stop tokens of a checkpoint, as transformers 5 reads them."""
    config, generation = checkpoint.config or {}, checkpoint.generation_config
    place, value = _of_config(config)
    named = {CONFIG: _ids(value), TOKENIZER: role_ids(vocabulary, "eos")}
    if generation is not None:
        named[GENERATION] = _ids(generation.get(_KEY))
    decides = CONFIG if generation is None else GENERATION
    texts = (generation or {}).get("stop_strings")
    names = checkpoint.architectures
    unread = any(skip.what == GENERATION for skip in checkpoint.skipped)
    known = generation is not None or (checkpoint.config is not None and not unread)
    return Stops(
        decides=decides,
        place=place if generation is None else _KEY,
        ids=named[decides],
        named={source: ids for source, ids in named.items() if ids},
        texts=tuple(_texts(texts)),
        turns=read_turns(vocabulary),
        generates=known and (any(map(_generates, names)) if names else bool(vocabulary.chat_templates)),
    )


def _generates(architecture: str) -> bool:
    return architecture.endswith(GENERATING)


def _of_config(config: Mapping[str, Any]) -> tuple[str, Any]:
    """The place in config.json that counts, and what it says."""
    if config.get(_KEY) is not None:
        return _KEY, config[_KEY]
    inner = next((key for key in _DECODERS if isinstance(config.get(key), Mapping) and config[key]), None)
    if inner is not None and config[inner].get(_KEY) is not None:
        return f"{inner}.{_KEY}", config[inner][_KEY]
    return _KEY, config_value(config, _KEY)


def _ids(value: Any) -> tuple[int, ...]:  # noqa: ANN401 - JSON value
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if type(item) is int and item >= 0)


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - JSON value
    items = value if isinstance(value, list) else [value]
    return (item for item in items if isinstance(item, str) and item)


def role_ids(vocabulary: Vocabulary, role: str) -> tuple[int, ...]:
    """Ids of the tokens that the tokenizer gives a role; () where none has it."""
    tokens = vocabulary.roles.get(role, ())
    found = ids_of(vocabulary.tokens, set(tokens)) if tokens else {}
    return tuple(found[token][-1] for token in tokens if token in found)
