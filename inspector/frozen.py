"""Results that compare by value and can be pickled: mappings that nobody changes, equality over arrays.

Imports no numpy: rooms that read headers alone start without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Never, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ReadOnly(dict[Key, Value]):
    """A mapping that cannot be changed; pickles and copies as itself, which `MappingProxyType` does not."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> Never:
        raise TypeError("this mapping is part of a result and cannot be changed; copy it with dict(…)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[ReadOnly[Key, Value]], tuple[dict[Key, Value]]]:
        return ReadOnly, (dict(self),)


class Comparable:
    """Base of frozen dataclasses with arrays, to be declared with `eq=False`.

    Equal are two of one class whose fields are: arrays element by element and dtype by dtype, NaN equal to
    NaN, fields with `compare=False` left out. Not hashable, as arrays are not.
    """

    __slots__ = ()
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return same(self, other) if type(other) is type(self) else NotImplemented


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any result
    """Whether two results hold the same, through dataclasses, mappings and sequences."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one) if field.compare]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "dtype"):
        return _same_arrays(one, other)
    return bool(one == other) or (one != one and other != other)


def _same_arrays(one: Any, other: Any) -> bool:  # noqa: ANN401 - numpy arrays or scalars
    import numpy as np

    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind == "O":
        return same(one.tolist(), other.tolist())
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
