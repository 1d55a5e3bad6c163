"""Plain option values without pydantic, which typer 0.29 imports for the first one it coerces (70 ms)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from typer.core import TyperCommand, TyperGroup

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?(e-?[0-9]{1,2})?", re.ASCII)


class Coercion(Protocol):
    """What typer asks to turn the words of one parameter into its value."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any: ...  # noqa: ANN401 - typer's own types


class _UnsureError(Exception):
    """The value is not one of the plain ones: typer decides what it means."""


def _text(value: object) -> str:
    if type(value) is str:
        return value
    raise _UnsureError


def _texts(value: object) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in value]
    raise _UnsureError


def _integer(value: object) -> int:
    if type(value) is int:
        return value
    if _INTEGER.fullmatch(_text(value)):
        return int(_text(value))
    raise _UnsureError


def _number(value: object) -> float:
    if type(value) is float:
        return value
    if _DECIMAL.fullmatch(_text(value)):
        return float(_text(value))
    raise _UnsureError


def _nothing(value: object) -> None:
    raise _UnsureError


# Of a path and a flag only the absence is plain: the one is looked up on the disk, the other comes parsed.
_PLAIN: Final[Mapping[str, Callable[[object], object]]] = {
    "<class 'str'>": _text,
    "<class 'int'>": _integer,
    "<class 'float'>": _number,
    "<class 'bool'>": _nothing,
    "<class 'pathlib.Path'>": _nothing,
    "list[str]": _texts,
}


@dataclass(frozen=True)
class PlainCoercion:
    """Values that can mean but one thing at once; whatever else, and every refusal, is left to typer.

    Attributes:
        plain: the value of the parameter's type; raises `_UnsureError`.
        others: makes typer's own coercion of the parameter.
    """

    plain: Callable[[object], object]
    others: Callable[[], Coercion]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - as in `Coercion`
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        try:
            return self.plain(value)
        except _UnsureError:
            return self.others().coerce(value, param=param, ctx=ctx)


class PlainCommand(TyperCommand):
    """A command whose parameters take plain values by `PlainCoercion`, where this typer coerces lazily.

    In any other version of typer, and for a parameter of any other type, it is typer's own command. What it
    says for `--help` and offers to a shell is imported when that is asked for.
    """

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - typer's own types, here and below
        return _simplified(super().get_params(ctx), ctx)

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401
        _helping().prepare(ctx)
        return super().get_help(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401
        pieces: list[str] = _helping().usage_pieces(self.get_params(ctx))
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        _helping().write_options(ctx, self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        _helping().write_page(ctx, formatter)


class PlainGroup(TyperGroup):
    """The same for a group of commands."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401
        return _simplified(super().get_params(ctx), ctx)

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401
        _helping().prepare(ctx)
        return super().get_help(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        # The commands first: they are what one looks for.
        _helping().write_commands(ctx, dict(self.commands), formatter)
        _helping().write_options(ctx, self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        _helping().write_page(ctx, formatter)


def _helping() -> Any:  # noqa: ANN401 - the module
    return import_module("rowscope.commands.helping")


def _simplified(parameters: list[Any], ctx: Any) -> list[Any]:  # noqa: ANN401
    """The parameters themselves, `--help` among them, which typer makes on first use."""
    for parameter in parameters:
        if "get_runtime_param" not in vars(parameter):
            _simplify(parameter)
    if ctx.resilient_parsing:  # a shell asks what could stand there
        from rowscope.commands.completing import offer_values

        offer_values(ctx, parameters)
    return parameters


def _simplify(parameter: object) -> None:
    own = getattr(parameter, "get_runtime_param", None)
    described = getattr(parameter, "type_descriptor", None)
    plain = _PLAIN.get(str(getattr(described, "annotation", None)))
    if own is None or plain is None or not _unconstrained(getattr(described, "parameter_info", None)):
        return
    coercion = PlainCoercion(plain, own)
    setattr(parameter, "get_runtime_param", lambda: coercion)  # noqa: B010 - known at run time alone


def _unconstrained(info: object) -> bool:
    """Whether the type alone says what the values are: no parser and no bounds."""
    absent = object()
    return all(getattr(info, name, absent) is None for name in ("parser", "min", "max"))
