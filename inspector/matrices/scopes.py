"""Where a config speaks of a vocabulary: at its top, or in one of the configs inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

# Configs of the text model inside a larger one, in the order in which they are asked.
_TEXT: Final = (
    "text_config",
    "llm_config",
    "language_config",
    "thinker_config",
    "text_encoder",
    "encoder",
    "encoder_config",
    "decoder",
)
# Parts of the name of a config that speaks of another modality, or of a second model beside the first.
_OTHER: Final = ("vision", "image", "audio", "codec", "talker", "speech", "depth", "expert", "patcher", "vq")

# What a config calls the size of its text vocabulary; the more particular name counts first.
_SIZE_KEYS: Final = (
    "text_vocab_size",
    "src_vocab_size",
    "vocab_size",
    "padded_vocab_size",
    "input_vocab_size",
    "n_vocab",
)
_SIZE_ENDINGS: Final = ("vocab_size", "codebook_size", "n_vocab", "vocab_size_per_layer_input")
_DEPTH: Final = 3  # configs nest no deeper


class Scope(NamedTuple):
    """A config that states a vocabulary size.

    Attributes:
        path: where it stands, `text_config.vocab_size`.
        config: the object that holds the key.
        size: the size stated; positive.
    """

    path: str
    config: Mapping[str, Any]
    size: int


def config_value(config: Mapping[str, Any] | None, *keys: str) -> Any:  # noqa: ANN401 - JSON value
    """First value that is not None under `keys`, at the top level or in a nested text config."""
    if config is None:
        return None
    for _, scope in _text_scopes("", config):
        for key in keys:
            if scope.get(key) is not None:
                return scope[key]
    return None


def config_int(config: Mapping[str, Any] | None, *keys: str) -> int | None:
    """Like `config_value`, for a non-negative integer; anything else counts as absent."""
    value = config_value(config, *keys)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def scope_at(config: Mapping[str, Any] | None, path: str | None) -> Mapping[str, Any] | None:
    """The config inside another at a path such as `thinker_config.text_config`; None where there is none."""
    if config is None or not path:
        return None
    for key in path.split("."):
        inner = config.get(key)
        if not isinstance(inner, Mapping):
            return None
        config = inner
    return config


def text_scope(config: Mapping[str, Any] | None, inside: str | None = None) -> Scope | None:
    """The config that states the size of the text vocabulary; None where none does.

    The one at the path `inside` goes first, then the outermost.
    """
    if config is None:
        return None
    inner = scope_at(config, inside)
    size = _size(inner.get("vocab_size")) if inner is not None else None
    if inner is not None and size is not None:
        return Scope(f"{inside}.vocab_size", inner, size)
    for path, scope in _text_scopes("", config):
        for key in _SIZE_KEYS:
            if (size := _size(scope.get(key))) is not None:
                return Scope(path + key, scope, size)
    return None


def size_place(config: Mapping[str, Any]) -> str:
    """Where a config has to state the text vocabulary's size: in the text model's own, if there is one."""
    paths = [path for path, _ in _text_scopes("", config)]
    return (paths[1] if len(paths) > 1 else "") + "vocab_size"


def stated_sizes(config: Mapping[str, Any] | None) -> dict[str, int]:
    """Every vocabulary size that a config states anywhere, by its path."""
    return dict(_sizes("", config or {}, 0))


def _sizes(path: str, config: Mapping[str, Any], depth: int) -> Iterator[tuple[str, int]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and depth < _DEPTH:
            yield from _sizes(f"{path}{key}.", value, depth + 1)
        elif key.endswith(_SIZE_ENDINGS) and (size := _size(value)) is not None:
            yield path + key, size


def _size(value: Any) -> int | None:  # noqa: ANN401 - JSON value
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _text_scopes(
    path: str, config: Mapping[str, Any], depth: int = 0
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A config and those inside it that may be of the text model, the likeliest first."""
    yield path, config
    if depth == _DEPTH:
        return
    nested = [key for key, value in config.items() if isinstance(value, Mapping)]
    known = [key for key in _TEXT if key in nested]
    others = [key for key in nested if key not in known and key.endswith(("_config", "_model"))]
    for key in (*known, *(key for key in others if not any(part in key for part in _OTHER))):
        yield from _text_scopes(f"{path}{key}.", config[key], depth + 1)
