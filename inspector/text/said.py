"""Sentences that remember how they were made, so that another language can say them too.

English is the source: a sentence is a template that stands where it is said, and the values that fill it. It
is a `str`, so that JSON, comparing and pickling know nothing of it; `translated` looks its template up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rowscope.inspector.frozen import ReadOnly


class Said(str):
    """English text made of a template and values.

    Attributes:
        template: with `{name}` for each value, or for a `joined` text what stands between its parts.
        values: by name; values that are `Said` themselves are sentences within the sentence.
        parts: of a `joined` text, else empty.
    """

    __slots__ = ("parts", "template", "values")
    template: str
    values: Mapping[str, Any]
    parts: tuple[str, ...]

    def __new__(cls, template: str, values: Mapping[str, Any], parts: tuple[str, ...] = ()) -> Said:
        text = template.join(parts) if parts else fill(template, values)
        self = super().__new__(cls, text)
        self.template, self.values, self.parts = template, ReadOnly(values), parts
        return self

    def __format__(self, spec: str) -> str:
        """`{sentence:A}` begins with a capital, as a sentence of its own."""
        return f"{self[:1].upper()}{self[1:]}" if spec == "A" else super().__format__(spec)

    def __reduce__(self) -> tuple[type[Said], tuple[str, dict[str, Any], tuple[str, ...]]]:
        return Said, (self.template, dict(self.values), self.parts)


class _Count(int):
    """A number in a sentence: `{n}` with separators, `{n:d}` without, `{n:# row|# rows}` with its noun."""

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return f"{int(self):{spec or ','}}"
        one, many = spec.split("|")
        return (one if self == 1 else many).replace("#", f"{int(self):,}")


def say(template: str, /, **values: Any) -> Said:  # noqa: ANN401 - numbers and texts
    """A sentence. Whole numbers get separators; `{n:d}` leaves them out, `{n:row|rows}` picks a word."""
    return Said(template, values)


def template(text: str) -> str:
    """Marks a template that stands apart from the `say` it is for, so that it gets its translations."""
    return text


def joined(between: str, parts: Iterable[str]) -> Said:
    """Texts one after the other: sentences with `" "`, the items of a list with `", "`."""
    some = tuple(parts)
    return Said(between, {}, some) if some else Said("", {})


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A template of any language with its values."""
    return template.format(**{name: _shown(value) for name, value in values.items()})


def _shown(value: Any) -> Any:  # noqa: ANN401 - what a template may hold
    return _Count(value) if isinstance(value, int) and not isinstance(value, bool) else value
