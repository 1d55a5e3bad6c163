"""The tree of a template: expressions and statements.

Tuples with names: twenty dataclasses would take longer to define than most templates to run.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Const(NamedTuple):
    """A constant: text, number, true, false, none."""

    value: Any


class Name(NamedTuple):
    """A variable."""

    name: str


class Item(NamedTuple):
    """`of[key]`; `of.key` where `dotted`."""

    of: Expression
    key: Expression
    dotted: bool = False


class Slice(NamedTuple):
    """`of[start:stop:step]`."""

    of: Expression
    parts: tuple[Expression | None, ...]


class Call(NamedTuple):
    """`of(…)`."""

    of: Expression
    arguments: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...]


class Filter(NamedTuple):
    """`of | name(…)`."""

    of: Expression
    name: str
    arguments: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


class Test(NamedTuple):
    """`of is name …`."""

    of: Expression
    name: str
    arguments: tuple[Expression, ...]
    negated: bool


class Unary(NamedTuple):
    """`not of`, `-of`, `+of`."""

    sign: str
    of: Expression


class Binary(NamedTuple):
    """`left sign right`: arithmetic, `~`, `and`, `or`."""

    sign: str
    left: Expression
    right: Expression


class Compare(NamedTuple):
    """`first < second in third`: all of them hold."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


class Choice(NamedTuple):
    """`yes if test else no`."""

    test: Expression
    yes: Expression
    no: Expression | None


class Several(NamedTuple):
    """A list or tuple."""

    items: tuple[Expression, ...]


class Pairs(NamedTuple):
    """An object."""

    items: tuple[tuple[Expression, Expression], ...]


Expression = (
    Const | Name | Item | Slice | Call | Filter | Test | Unary | Binary | Compare | Choice | Several | Pairs
)


class Text(NamedTuple):
    """Text between tags."""

    text: str


class Output(NamedTuple):
    """`{{ … }}`."""

    of: Expression


class Branch(NamedTuple):
    """`if`, its `elif`s, `else`: the first body whose test holds; `else` has the test true."""

    cases: tuple[tuple[Expression, Body], ...]


class Loop(NamedTuple):
    """`for`, with the test of its `if` and the body of its `else`."""

    targets: tuple[str, ...]
    over: Expression
    test: Expression | None
    body: Body
    otherwise: Body


class Assign(NamedTuple):
    """`set`: names, or one attribute of a namespace."""

    targets: tuple[str, ...]
    attribute: str | None
    value: Expression


class Capture(NamedTuple):
    """`set name` … `endset`, with the filters that the text passes; no name where it is put out."""

    name: str | None
    filters: tuple[Filter, ...]
    body: Body


class Macro(NamedTuple):
    """`macro`."""

    name: str
    parameters: tuple[tuple[str, Expression | None], ...]
    body: Body


class Within(NamedTuple):
    """`with`, `generation`: a body of its own scope."""

    names: tuple[tuple[str, Expression], ...]
    body: Body


class Leap(NamedTuple):
    """`break`, `continue`."""

    kind: str


Statement = Text | Output | Branch | Loop | Assign | Capture | Macro | Within | Leap
Body = tuple[Statement, ...]
