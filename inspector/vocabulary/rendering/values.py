"""The values that a template meets besides texts, numbers, lists and objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from rowscope.inspector.vocabulary.rendering.tokens import TemplateError


class Undefined:
    """What nothing defines: false, empty, no text; any use beyond that is an error."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undefined)

    def __hash__(self) -> int:
        return id(Undefined)


class Namespace:
    """`namespace(…)`: attributes that a loop's body may set."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes


class Function:
    """Something that a template may call: a macro, a method, a global function."""

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name = name
        self.call = call


class LoopState:
    """`loop` inside of a `for`."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items
        self.index0 = 0
        self._changed: Any = None

    def get(self, name: str) -> Any:  # noqa: ANN401 - a value of the template
        """An attribute of `loop`."""
        at, count = self.index0, len(self.items)
        plain = {
            "index0": at,
            "index": at + 1,
            "revindex0": count - at - 1,
            "revindex": count - at,
            "first": at == 0,
            "last": at == count - 1,
            "length": count,
            "depth": 1,
            "depth0": 0,
        }
        if name in plain:
            return plain[name]
        if name == "previtem":
            return self.items[at - 1] if at else Undefined("loop.previtem")
        if name == "nextitem":
            return self.items[at + 1] if at + 1 < count else Undefined("loop.nextitem")
        if name == "cycle":
            return Function("cycle", lambda *values: values[at % len(values)])
        if name == "changed":
            return Function("changed", self._has_changed)
        raise TemplateError(f"loop.{name}")

    def _has_changed(self, *values: Any) -> bool:  # noqa: ANN401 - values of the template
        before, self._changed = self._changed, values
        return bool(before != values)


MOST_CHARACTERS: Final = 1 << 20
"""Of a text that a template makes."""

MOST_WEIGHT: Final = 1 << 17
"""Of a list: its elements, those of the lists in it, and a sixteenth of their texts."""


def text_of(value: Any) -> str:  # noqa: ANN401 - a value of the template
    """What a value puts out."""
    if isinstance(value, (Function, Namespace, LoopState)):
        raise TemplateError("a function or namespace that is put out as text")
    return str(value)


def weighed(value: Any) -> Any:  # noqa: ANN401 - a value of the template
    """A new list or object, unless it holds too much, counted as often as it is reached."""
    left, weight = [value], 0
    while left:
        item = left.pop()
        weight += 1 + (len(item) >> 4 if isinstance(item, str) else 0)
        if weight > MOST_WEIGHT:
            raise TemplateError("a list that holds too much")
        if isinstance(item, (list, tuple)):
            left += item
        elif isinstance(item, dict):
            left += item.values()
    return value


def bounded(value: Any) -> Any:  # noqa: ANN401 - a value of the template
    """The value, unless it has grown too large."""
    if isinstance(value, (str, list, tuple)) and len(value) > MOST_CHARACTERS:
        raise TemplateError("a value of more than a million elements")
    if isinstance(value, int) and value.bit_length() > 64:
        raise TemplateError("a number of more than 64 bits")
    return value
