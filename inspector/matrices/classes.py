"""What only the classes of transformers know: data of `classes.json`, written by `python -m bench.classes`.

Tied means one matrix used twice. transformers 5 reads `tie_word_embeddings` at the top level of the config
and falls back to the default of the config's class (`modeling_utils.py`, `get_expanded_tied_weights_keys`);
what a nested config says counts only for the few classes that build their language model from it.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from rowscope.inspector.matrices.layouts import HEAD_ENDINGS, ROW_MULTIPLES, TIE_KEYS
from rowscope.inspector.matrices.scopes import config_int, config_value, scope_at
from rowscope.inspector.text import say


class Classes(NamedTuple):
    """The data file; sets of model types and of class names.

    Attributes:
        transformers: the version that it was written from.
        tied, untied: model types whose config class ties by default, or does not.
        nested: classes, and model types, that tie by what the nested text config says.
        either: the same of those that tie where the outermost config or the nested one says so.
        inherit: model types that take the nested flag where the outermost config is silent.
        never, always: classes that tie whatever the config says.
        head, headless: classes with, or without, an output matrix against what their name's ending tells.
        exact: model types whose input matrix has as many rows as the config says, in every class.
        more: model types that build this many rows more than the config says.
        free: model types that work the number of rows out in another way.
        fixed: classes that do not load again what `resize_token_embeddings` makes of them.
        fixed_untied: those where that holds of untied matrices alone.
        reads: class, or model type for all its classes -> the names, joined by spaces, that become its input
            matrix when a file is loaded.
        inside: model types whose text model is built from a config inside theirs -> its path; what the
            outermost one says of the vocabulary is not read.
        sizes: model types -> the vocabulary size that their config class has where a file states none.
    """

    transformers: str
    tied: frozenset[str]
    untied: frozenset[str]
    nested: frozenset[str]
    either: frozenset[str]
    inherit: frozenset[str]
    never: frozenset[str]
    always: frozenset[str]
    head: frozenset[str]
    headless: frozenset[str]
    exact: frozenset[str]
    more: Mapping[str, int]
    free: frozenset[str]
    fixed: frozenset[str]
    fixed_untied: frozenset[str]
    reads: Mapping[str, str]
    sizes: Mapping[str, int]
    inside: Mapping[str, str]


class Tie(NamedTuple):
    """What decides whether a model ties.

    Attributes:
        ties: the decision; None where neither config nor class tells.
        source: where it comes from, in words; empty for None.
        stated: what the config states at the place that counts, None where it is silent.
        ignored: where the config states the opposite without effect, or None.
        place: the key of the config that decides.
        settable: whether setting it changes anything.
    """

    ties: bool | None
    source: str
    stated: bool | None
    ignored: str | None = None
    place: str = "tie_word_embeddings"
    settable: bool = True


OWN_COUNT: Final = -1
NO_TIE = Tie(None, "", None)


@cache
def classes() -> Classes:
    """The data file, read once."""
    document = json.loads(pkgutil.get_data(__package__, "classes.json") or b"")
    found: dict[str, Any] = {key: document.pop(key) for key in ("transformers", "more", "sizes")}
    found["reads"] = {who: names for names, readers in document.pop("reads").items() for who in readers}
    found["inside"] = {kind: path for path, kinds in document.pop("inside").items() for kind in kinds}
    return Classes(**found | {key: frozenset(names) for key, names in document.items()})


def decide_tie(config: Mapping[str, Any] | None) -> Tie:
    """Whether transformers ties the matrices of a checkpoint with this config."""
    if config is None:
        return NO_TIE
    known, names = classes(), architectures(config)
    top = _flag(config.get("tie_word_embeddings"))
    for ties, group in ((True, known.always), (False, known.never)):
        if names and names[0] in group:
            said = say("{name} always ties them" if ties else "{name} never ties them", name=names[0])
            return Tie(ties, said, top, settable=False)
    outer = _default(config, known) if top is None else top
    who = {*names[:1], config.get("model_type")}
    if who & known.nested or (who & known.either and not outer) or (who & known.inherit and top is None):
        return _by_nested(config, known)
    if top is not None:
        return Tie(top, _says("tie_word_embeddings", top), top)
    nested = _flag(config_value(config, "tie_word_embeddings"))
    if outer is None:
        for key in TIE_KEYS[1:] if nested is None else ():
            if (own := _flag(config.get(key))) is not None:
                return Tie(own, _says(key, own), own, place=key)
        words = "" if nested is None else _says(_where(config), nested)
        return Tie(nested, words, nested)
    ignored = None if nested is None or nested == outer else _where(config)
    kind = config.get("model_type")
    said = say("{name!r} ties by default" if outer else "{name!r} does not tie by default", name=kind)
    return Tie(outer, said, None, ignored)


def _by_nested(config: Mapping[str, Any], known: Classes) -> Tie:
    """By the first nested text config that says anything, else by the default of its class."""
    key = next(
        (key for key in ("text_config", "decoder") if isinstance(config.get(key), Mapping)), "text_config"
    )
    inner = config.get(key, {})
    place = f"{key}.tie_word_embeddings"
    stated = _flag(inner.get("tie_word_embeddings"))
    if stated is not None:
        return Tie(stated, _says(place, stated), stated, place=place)
    default = _default(inner, known)
    words = "" if default is None else _by_default(inner.get("model_type"), key)
    return Tie(default, words, None, place=place)


def _default(config: Mapping[str, Any], known: Classes) -> bool | None:
    kind = config.get("model_type")
    return True if kind in known.tied else False if kind in known.untied else None


def _by_default(kind: object, key: str) -> str:
    return say("{name!r} in {key} decides, by its default", name=kind, key=key)


def _says(place: str, stated: bool) -> str:
    return say("config.json says {place}" if stated else "config.json says {place} is false", place=place)


def _where(config: Mapping[str, Any]) -> str:
    for key, value in config.items():
        if isinstance(value, Mapping) and value.get("tie_word_embeddings") is not None:
            return f"{key}.tie_word_embeddings"
    return say("tie_word_embeddings of a nested config")


def _flag(value: Any) -> bool | None:  # noqa: ANN401 - JSON value
    return value if isinstance(value, bool) else None


def head_expected(config: Mapping[str, Any] | None) -> bool | None:
    """Whether the architecture computes logits over its vocabulary; None where the config names none."""
    names = architectures(config)
    if not names:
        return None
    known = classes()
    return any(
        name not in known.headless and (name in known.head or name.endswith(HEAD_ENDINGS)) for name in names
    )


def built_rows(config: Mapping[str, Any] | None, size: int) -> int | None:
    """How many input rows transformers builds of a stated vocabulary size, and so which number it loads.

    `OWN_COUNT` where the class works the number out in another way, None for a type that is not known. Of a
    model around a model (`thinker_config.text_config`) the inner type tells what the outer one does not.
    """
    kind, known = (config or {}).get("model_type"), classes()
    if (config or {}).get("auto_map") is not None or not isinstance(kind, str):
        return None  # code of its own decides
    around = (text_path(config) or "").split(".")[:-1]
    inner = (scope_at(config, ".".join(around[:end])) or {} for end in range(1, len(around) + 1))
    for type_ in (kind, *(scope.get("model_type") for scope in inner)):
        if isinstance(type_, str) and (type_ in known.exact or type_ in known.more):
            return size + known.more.get(type_, 0)
    return OWN_COUNT if kind in known.free else None


def padded_rows(config: Mapping[str, Any] | None, size: int) -> frozenset[int]:
    """Row counts that a config states by itself, for code that transformers does not have: a multiple that
    the vocabulary is padded to, or the number of rows outright."""
    kind, known = (config or {}).get("model_type"), classes()
    if kind in known.exact or kind in known.more:
        return frozenset()
    multiples = [config_int(config, key) for key in ROW_MULTIPLES]
    found = {-(-size // multiple) * multiple for multiple in multiples if multiple}
    return frozenset(found | {config_int(config, "embedding_size") or size})


def default_size(config: Mapping[str, Any] | None) -> int | None:
    """The vocabulary size that transformers takes where the config states none; None where that is unknown.

    The config of the text model, where one of its own type stands inside, goes before the outermost.
    """
    if config is None or config.get("auto_map") is not None:
        return None
    inner = scope_at(config, text_path(config))
    kinds = (inner.get("model_type") if inner is not None else None, config.get("model_type"))
    sizes = classes().sizes
    return next((sizes[kind] for kind in kinds if isinstance(kind, str) and kind in sizes), None)


def text_path(config: Mapping[str, Any] | None) -> str | None:
    """The path of the config that the text model is built from; None where it is the outermost."""
    kind = (config or {}).get("model_type")
    return classes().inside.get(kind) if isinstance(kind, str) else None


def architectures(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The class names that the config lists."""
    value = (config or {}).get("architectures")
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
