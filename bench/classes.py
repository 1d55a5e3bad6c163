"""`python -m bench.classes`: what only the classes of transformers know about vocabularies, written as data.

Writes `inspector/matrices/classes.json` anew from the transformers that is installed. Run it after an upgrade
of transformers, and the tests of `tests/matrices` behind it.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from tests.matrices import registered
from transformers import AutoConfig
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

from rowscope.inspector.matrices.layouts import HEAD_ENDINGS
from rowscope.inspector.matrices.scopes import text_scope

TARGET = Path(__file__).resolve().parents[1] / "inspector" / "matrices" / "classes.json"
_VOCAB = 64  # rows of a vocabulary that is cut down, to see whether the table follows it


def main() -> None:
    """Ask every registered class and write the file; classes that cannot be built are named on stderr."""
    tied, untied = _defaults()
    exceptions: dict[str, set[str]] = {
        key: set() for key in ("nested", "either", "inherit", "never", "always", "head", "headless")
    }
    extra: dict[str, set[int | None]] = {}
    loaders: dict[str, Loader] = {}
    grown: dict[str, tuple[bool, bool]] = {}
    for kind, name in registered.registered():
        try:
            answers = {
                flags: registered.answer(kind, name, top=flags[0], nested=flags[1])
                for flags in product((True, False), repeat=2)
            }
            cut = registered.answer(kind, name, vocab=_VOCAB)
        except registered.FAULTS as error:  # any class may fail in its own way
            print(f"not built: {name} ({kind}): {error}", file=sys.stderr)
            continue
        for key in _exceptions(name, answers):
            exceptions[key].add(name)
        loaders[name] = _loader(cut)
        grown[name] = (_grows(answers[True, True]), _grows(answers[False, False]))
        extra.setdefault(answers[True, True].model_type, set()).add(_extra_rows(cut, answers[True, True]))
    for kind in (*tied, *untied):
        for key in _by_config(kind):
            exceptions[key].add(kind)
    document = {
        "transformers": transformers.__version__,
        "tied": tied,
        "untied": untied,
        **{key: sorted(names) for key, names in exceptions.items()},
        "exact": sorted(kind for kind, rows in extra.items() if rows == {0}),
        "more": {
            kind: max(filter(None, rows))
            for kind, rows in sorted(extra.items())
            if len(rows) == 1 and any(rows)
        },
        "free": sorted(
            kind for kind, rows in extra.items() if rows != {0} and (len(rows) > 1 or None in rows)
        ),
        "fixed": sorted(name for name, grows in grown.items() if not any(grows)),
        "fixed_untied": sorted(name for name, grows in grown.items() if grows == (True, False)),
        "reads": _by_reading(loaders),
    }
    document["sizes"] = {kind: size for kind, _, size in _texts() if kind in extra}
    inside: dict[str, list[str]] = {}
    for kind, path, _ in _texts():
        if path.endswith("text_config"):
            inside.setdefault(path, []).append(kind)
    document["inside"] = inside
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{TARGET}: {len(tied)} types tie by default, {len(untied)} do not, rows of {len(extra)}")


class Loader(NamedTuple):
    """Which names in a file become the input matrix of a class: names in, the name in the model out."""

    rename: Callable[[str], str]
    inside: frozenset[str]
    names: frozenset[str]
    kind: str


def _loader(answer: registered.Answer) -> Loader:
    """What transformers does with names when it loads, by its own functions, and names to try."""
    model = answer.model
    steps = get_model_conversion_mapping(model)
    renamings = [step for step in steps if isinstance(step, WeightRenaming)]
    converters = [step for step in steps if isinstance(step, WeightConverter)]
    state = dict(model.state_dict())
    prefix = model.base_model_prefix

    def rename(name: str) -> str:
        return str(rename_source_key(name, renamings, converters, prefix, state)[0])

    tables, _ = registered.parameters(model.get_input_embeddings)
    every = model.named_parameters(remove_duplicate=False)
    inside = {key for key, value in every if any(value is table for table in tables)}
    known = inside | answer.input_names
    tried = (
        known | {f"{prefix}.{name}" for name in known} | {name.removeprefix(f"{prefix}.") for name in known}
    )
    return Loader(rename, frozenset(inside), frozenset(tried), answer.model_type)


def _by_reading(loaders: Mapping[str, Loader]) -> dict[str, list[str]]:
    """The names that become the input matrix, joined by spaces -> the classes that read it under them.

    A model type stands for all its classes. Tried is every name that any class has for its own.
    """
    tried = sorted({name for loader in loaders.values() for name in loader.names})
    read: dict[str, set[str]] = {}
    for cls, loader in sorted(loaders.items()):
        names = {name for name in tried if loader.rename(name) in loader.inside}
        for who in (cls, loader.kind):
            read.setdefault(who, set()).update(names)
    found: dict[str, list[str]] = {}
    for who, names in sorted(read.items()):
        if names:
            found.setdefault(" ".join(sorted(names)), []).append(who)
    return found


def _grows(answer: registered.Answer) -> bool:
    """Whether `resize_token_embeddings` makes a model whose saved config builds the same tables again.

    True for classes that have no input matrix to resize.
    """
    model, rows = answer.model, (answer.input_rows or 0) + 64
    if not answer.input_names:
        return True
    try:
        with torch.device("meta"), registered.quiet():
            try:
                model.resize_token_embeddings(rows, mean_resizing=False)
            except TypeError:  # an older signature
                model.resize_token_embeddings(rows)
            rebuilt = type(model)._from_config(copy.deepcopy(model.config)).state_dict()
    except NotImplementedError:
        return False
    except RuntimeError:  # it looks at values, of which the meta device has none
        return True
    except registered.FAULTS:  # what raises does not grow
        return False
    state = model.state_dict()
    return all(value.shape == rebuilt[key].shape for key, value in state.items() if key in rebuilt)


def _defaults() -> tuple[list[str], list[str]]:
    """Model types whose config class ties by default, and those whose class does not."""
    tied, untied = [], []
    for kind in sorted(CONFIG_MAPPING_NAMES):
        try:
            config: Any = AutoConfig.for_model(kind)
        except registered.FAULTS:  # some want settings; the class has the default as well
            config = CONFIG_MAPPING[kind]
        (tied if getattr(config, "tie_word_embeddings", False) else untied).append(kind)
    return tied, untied


def _texts() -> Iterator[tuple[str, str, int]]:
    """Model type, path of its text config, size of its vocabulary where a file states none."""
    for kind in sorted(CONFIG_MAPPING_NAMES):
        try:
            config: Any = AutoConfig.for_model(kind)
            text = config.get_text_config()
        except registered.FAULTS:  # some want settings, some have two text models: nothing is known
            continue
        size = getattr(text, "vocab_size", None)
        if type(size) is int and size > 0:
            yield kind, _path(config, text) or "", size


def _path(config: Any, text: Any, depth: int = 3) -> str | None:
    """Where `text` stands inside `config`; empty for the same, None for nowhere."""
    if config is text:
        return ""
    for key in getattr(type(config), "sub_configs", {}) if depth else ():
        found = _path(getattr(config, key, None), text, depth - 1)
        if found is not None:
            return f"{key}.{found}".rstrip(".")
    return None


def _by_config(kind: str) -> Iterator[str]:
    """How a config class merges what a config inside it says into its own flag, where it does."""
    try:
        config: Any = AutoConfig.for_model(kind)
        flags = (None, True, False)
        read = {(top, inner): _read(config, top, inner) for top, inner in product(flags, repeat=2)}
    except registered.FAULTS:  # what cannot be built from a plain object merges nothing that counts
        return
    stated = [(top, inner) for top, inner in read if top is not None and inner is not None]
    if read[None, True] == read[None, False]:
        return
    if all(read[flags] == any(flags) for flags in stated):
        yield "either"
    elif all(read[flags] == flags[0] for flags in stated):
        yield "inherit"
    elif all(read[flags] == flags[1] for flags in stated):
        yield "nested"


def _read(config: Any, top: bool | None, inner: bool | None) -> bool:
    """The flag of a config that is read from an object with these flags; None leaves one out."""
    document = copy.deepcopy(config.to_dict())
    for scope, flag in ((document, top), *((scope, inner) for scope in document.values())):
        if isinstance(scope, dict) and (scope is document or "model_type" in scope):
            scope.pop("tie_word_embeddings", None)
            if flag is not None:
                scope["tie_word_embeddings"] = flag
    return bool(getattr(type(config).from_dict(document), "tie_word_embeddings", False))


def _exceptions(name: str, answers: Mapping[tuple[bool, bool], registered.Answer]) -> Iterator[str]:
    """In what a class departs from the rules: the outer flag decides, the name's ending tells the head."""
    ties = _ties(answers)
    head = any(_has_head(answer) for answer in answers.values())
    if head != name.endswith(HEAD_ENDINGS):
        yield "head" if head else "headless"
    if head and not any(ties.values()):
        yield "never"
    if all(ties.values()):
        yield "always"
    if ties[True, True] == ties[False, True] != ties[True, False] == ties[False, False]:
        yield "nested"
    if all(tied == any(flags) for flags, tied in ties.items()):
        yield "either"


def _ties(answers: Mapping[tuple[bool, bool], registered.Answer]) -> dict[tuple[bool, bool], bool]:
    """Whether the head shares its matrix: with the input, else with another, else as far as names tell."""
    ties = {flags: answer.tied for flags, answer in answers.items()}
    if any(ties.values()):
        return ties
    if any(answer.output_module is not None for answer in answers.values()):
        return {flags: answer.shared for flags, answer in answers.items()}
    return {flags: answer.ties_something for flags, answer in answers.items()}


def _has_head(answer: registered.Answer) -> bool:
    """Whether logits over the input's rows come out: by the accessor, or by another table of its rows."""
    if answer.output_names or answer.output_module is not None:
        return True
    return any(
        len(shape) == 2
        and shape[0] == answer.input_rows
        and "emb" not in key
        and key not in answer.input_names
        for key, (_, shape) in answer.tensors.items()
    )


def _extra_rows(*answers: registered.Answer) -> int | None:
    """How many rows more than its config states the input has, whatever that is; None where it varies."""
    found = set()
    for answer in answers:
        scope = text_scope(answer.config)
        if scope is not None and answer.input_rows is not None:
            found.add(answer.input_rows - scope.size)
    return found.pop() if len(found) == 1 else None


if __name__ == "__main__":
    main()
