"""Results as JSON values, and as the text of a JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, Final

from rowscope.inspector.frozen import field_names
from rowscope.inspector.text import Said, told

_name: Final = json.encoder.encode_basestring_ascii
"""A text as JSON, in ASCII."""


def to_plain(value: Any, lang: str = "en") -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Dataclasses, mappings, sequences and numpy scalars as JSON values; NaN and infinities as None.

    Sentences are said in `lang`; keys stay as they are.
    """
    value = _opened(value, lang)
    if isinstance(value, dict):
        return {key: to_plain(item, lang) for key, item in value.items()}
    if isinstance(value, (list, Iterator)):
        return [to_plain(item, lang) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_pieces(document: Mapping[str, Any], lang: str = "en") -> Iterator[str]:
    """The text of `json.dumps(to_plain(document, lang), indent=2)` and a line feed, in pieces.

    Neither the document as JSON values nor its text is ever whole in memory: a piece holds one entry of a
    list or a mapping that is a value of `document`. Such a list may be an iterator.
    """
    mark = "{"
    for key, value in document.items():
        yield f"{mark}\n  {_name(key)}: "
        yield from _entries(_opened(value, lang), lang)
        mark = ","
    yield "\n}\n" if mark == "," else "{}\n"


def _entries(value: Any, lang: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    """A value of the document, entry by entry."""
    entries: Iterable[tuple[str, Any]]
    if isinstance(value, dict):
        start, end = "{}"
        entries = ((f"{_name(name)}: ", item) for name, item in value.items())
    elif isinstance(value, (list, Iterator)):
        start, end = "[]"
        entries = (("", item) for item in value)
    else:
        yield _text(value, "\n  ", lang)
        return
    mark, line = start, "\n    "
    for name, item in entries:
        yield f"{mark}{line}{name}{_text(item, line, lang)}"
        mark = ","
    yield f"\n  {end}" if mark == "," else f"{start}{end}"


def _text(value: Any, line: str, lang: str) -> str:  # noqa: ANN401 - JSON
    """One value, as of `json.dumps` with an indent of 2, where `line` begins a line of its level."""
    leaf = _LEAVES.get(type(value))
    if leaf is not None:
        return leaf(value)
    if type(value) not in _PLAIN:
        value = _opened(value, lang)
    deeper = f"{line}  "
    # A list of millions is made of scalars: each is written here, without a call more.
    if isinstance(value, dict):
        start, end = "{}"
        body = f",{deeper}".join(
            [
                f"{_name(key if type(key) is str else str(key))}: "
                f"{write(item) if (write := _LEAVES.get(type(item))) else _text(item, deeper, lang)}"
                for key, item in value.items()
            ]
        )
    elif isinstance(value, (list, tuple)):
        start, end = "[]"
        body = f",{deeper}".join(
            [
                write(item) if (write := _LEAVES.get(type(item))) else _text(item, deeper, lang)
                for item in value
            ]
        )
    else:
        other: Callable[[Any], str] = _LEAVES.get(type(value), json.dumps)
        return other(value)
    return f"{start}{deeper}{body}{line}{end}" if body else f"{start}{end}"


def _opened(value: Any, lang: str) -> Any:  # noqa: ANN401 - JSON out
    """One level as JSON: a dict with names for keys, a list or a scalar. An iterator stays one.

    What numpy made is known by its `tolist`, so that numpy need not be loaded.
    """
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Said):
        return value if lang == "en" else told(value, lang)
    if hasattr(value, "tolist"):
        value = value.tolist()
    kind: Any = type(value)
    if is_dataclass(kind):
        return {name: getattr(value, name) for name in field_names(kind)}
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return value


def _real(value: float) -> str:
    return repr(value) if math.isfinite(value) else "null"


_PLAIN: Final = frozenset({dict, list, tuple})
"""What needs no opening to be gone through."""

_LEAVES: Final[Mapping[type, Callable[[Any], str]]] = {
    str: _name,
    int: repr,
    float: _real,
    bool: ("false", "true").__getitem__,
    type(None): {None: "null"}.__getitem__,
}
"""Scalars that need no look inside, and their text."""
