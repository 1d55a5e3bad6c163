"""The tree of a template: expressions and statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Const:
    """A constant: text, number, true, false, none."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """`of[key]`; `of.key` where `dotted`."""

    of: Expression
    key: Expression
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """`of[start:stop:step]`."""

    of: Expression
    parts: tuple[Expression | None, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`of(…)`."""

    of: Expression
    arguments: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`of | name(…)`."""

    of: Expression
    name: str
    arguments: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """`of is name …`."""

    of: Expression
    name: str
    arguments: tuple[Expression, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Unary:
    """`not of`, `-of`, `+of`."""

    sign: str
    of: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """`left sign right`: arithmetic, `~`, `and`, `or`."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """`first < second in third`: all of them hold."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`yes if test else no`."""

    test: Expression
    yes: Expression
    no: Expression | None


@dataclass(frozen=True, slots=True)
class Several:
    """A list or tuple."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object."""

    items: tuple[tuple[Expression, Expression], ...]


Expression = (
    Const | Name | Item | Slice | Call | Filter | Test | Unary | Binary | Compare | Choice | Several | Pairs
)


@dataclass(frozen=True, slots=True)
class Text:
    """Text between tags."""

    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """`{{ … }}`."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, its `elif`s, `else`: the first body whose test holds; `else` has the test true."""

    cases: tuple[tuple[Expression, Body], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`for`, with the test of its `if` and the body of its `else`."""

    targets: tuple[str, ...]
    over: Expression
    test: Expression | None
    body: Body
    otherwise: Body


@dataclass(frozen=True, slots=True)
class Assign:
    """`set`: names, or one attribute of a namespace."""

    targets: tuple[str, ...]
    attribute: str | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Capture:
    """`set name` … `endset`, with the filters that the text passes; no name where it is put out."""

    name: str | None
    filters: tuple[Filter, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Macro:
    """`macro`."""

    name: str
    parameters: tuple[tuple[str, Expression | None], ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Within:
    """`with`, `generation`: a body of its own scope."""

    names: tuple[tuple[str, Expression], ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Leap:
    """`break`, `continue`."""

    kind: str


Statement = Text | Output | Branch | Loop | Assign | Capture | Macro | Within | Leap
Body = tuple[Statement, ...]
