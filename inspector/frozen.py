"""Results that compare by value and can be pickled: records, read-only mappings, equality over arrays.

Imports no numpy: rooms that read headers alone start without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from reprlib import recursive_repr
from typing import Any, ClassVar, Never, TypeVar, dataclass_transform, overload

Key = TypeVar("Key")
Value = TypeVar("Value")
Kind = TypeVar("Kind")


@overload
def record(cls: type[Kind], /) -> type[Kind]: ...
@overload
def record(*, eq: bool = True) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, dataclasses.Field))
def record(cls: type[Any] | None = None, /, *, eq: bool = True) -> Any:
    """A class as `dataclass(frozen=True, slots=True)` makes it, in a quarter of the time.

    A command imports a hundred of them, and dataclasses compiles six methods for each, which took a fifth of
    `audit demo`. Here one is compiled, `__init__`; the others are closures over the fields. Making an
    instance takes three times as long, 0.3 us a field: what is made by the thousand, a tensor or a token,
    stays with dataclasses.

    Args:
        eq: compare and hash by value; False leaves both to the bases, as for `Comparable`.
    """
    return _made(cls, eq) if cls is not None else lambda cls: _made(cls, eq)


def field_names(made: Any) -> tuple[str, ...]:  # noqa: ANN401 - any dataclass
    """Names of a dataclass's own fields, in order; of the class or of an instance."""
    return tuple([field.name for field in dataclasses.fields(made)])


def fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass instance
    """A dataclass's own fields, one level deep."""
    return {name: getattr(value, name) for name in field_names(value)}


def _made(cls: type[Any], eq: bool) -> type[Any]:
    made = dataclasses.dataclass(eq=False, repr=False, slots=True)(cls)
    fields = dataclasses.fields(made)
    methods: dict[str, Any] = {"__setattr__": _set_once, "__delattr__": _keep}
    if "__repr__" not in cls.__dict__:
        methods["__repr__"] = _shows([field.name for field in fields if field.repr])
    if eq:
        methods.update(_compares([field.name for field in fields if field.compare]))
    for name, method in methods.items():
        setattr(made, name, method)
    return made


def _set_once(self: object, name: str, value: object) -> None:
    """`__setattr__`: only `__init__` and unpickling find a slot that is still empty."""
    if hasattr(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _keep(self: object, name: str) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _shows(names: list[str]) -> Callable[[object], str]:
    @recursive_repr()
    def show(self: object) -> str:
        held = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({held})"

    return show


def _compares(names: list[str]) -> dict[str, Callable[..., Any]]:
    """`__eq__` and `__hash__` over these fields."""

    def values(self: object) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in names])

    def equal(self: object, other: object) -> bool:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def number(self: object) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": number}


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
