"""What transformers does when it loads: which names become the input matrix, whether a resize comes back.

Data of `classes.json`, made by transformers' own renaming and `resize_token_embeddings`.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rowscope.inspector.matrices.classes import architectures, classes
from rowscope.inspector.matrices.stored import plain_name

# Endings of classes that keep their text model under the names of its type's other classes.
_OF_TYPE: Final = (
    "Model",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
)


def input_names(config: Mapping[str, Any] | None) -> frozenset[str]:
    """The names under which the class that a config states reads its input matrix; empty where unknown."""
    if config is None or config.get("auto_map") is not None:
        return frozenset()
    known, names, kind = classes().reads, architectures(config), config.get("model_type")
    if names and names[0] in known:
        return frozenset(known[names[0]].split())
    alike = not names or any(_beside(names[0], ending, known) for ending in _OF_TYPE)
    return (
        frozenset(known[kind].split()) if alike and isinstance(kind, str) and kind in known else frozenset()
    )


def _beside(name: str, ending: str, known: Mapping[str, str]) -> bool:
    """Whether a class stands beside those that are known: `BertModel` beside `BertForMaskedLM`."""
    stem = name.removesuffix(ending)
    return stem not in ("", name) and any(other.startswith(stem) for other in known)


def foreign_prefix(names: Iterable[str], config: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """What stands before the name of the input matrix that the class would read, and that name.

    None where the class reads it as it is, where nothing like it is there, or where the class is not known.
    """
    wanted = input_names(config)
    if not wanted:
        return None
    stems = {name.removesuffix(".weight").rpartition(".")[2] for name in wanted}
    every, found = list(names), set()
    for name in every:
        if not any(stem in name for stem in stems):
            continue
        plain = plain_name(name)
        if plain in wanted:
            return None
        ends = [end for end in wanted if plain is not None and plain.endswith(f".{end}")]
        if plain is not None and ends:
            end = max(ends, key=len)
            found.add((plain.removesuffix(end), end))
    every.sort()
    return max(found, key=lambda pair: (_starting(every, pair[0]), pair), default=None)


def _starting(ordered: Sequence[str], prefix: str) -> int:
    """How many sorted names start with `prefix`."""
    return bisect_left(ordered, prefix + chr(sys.maxunicode)) - bisect_left(ordered, prefix)


def resizable(config: Mapping[str, Any] | None, tied: bool) -> bool:
    """Whether what `resize_token_embeddings` makes of the stated class loads again; True for unknown ones."""
    known = classes()
    return not any(
        name in known.fixed or (not tied and name in known.fixed_untied) for name in _first(config)
    )


def _first(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    return architectures(config)[:1]
