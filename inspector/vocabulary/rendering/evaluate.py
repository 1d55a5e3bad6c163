"""Expressions -> values."""

from __future__ import annotations

import operator
from collections.abc import Callable, ItemsView, KeysView, Mapping, ValuesView
from typing import Any, Final

from rowscope.inspector.vocabulary.rendering import syntax
from rowscope.inspector.vocabulary.rendering.builtins import (
    GLOBALS,
    LIST_METHODS,
    LONG_METHODS,
    OBJECT_METHODS,
    TEXT_METHODS,
    apply_filter,
    apply_test,
    format_text,
)
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError
from rowscope.inspector.vocabulary.rendering.values import (
    Function,
    LoopState,
    Namespace,
    Undefined,
    bounded,
    text_of,
    weighed,
)

Value = Any

_ARITHMETIC: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": operator.add,
    "-": operator.sub,
    "/": operator.truediv,
    "//": operator.floordiv,
}
_COMPARISONS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}
MOST_STEPS: Final = 200_000


class Scope:
    """Names in reach, the innermost first; counts the steps of the whole run."""

    def __init__(self, names: dict[str, Value], outer: Scope | None = None) -> None:
        self.names = names
        self.outer = outer
        self.steps: list[int] = outer.steps if outer else [0]

    def inner(self, names: dict[str, Value]) -> Scope:
        return Scope(names, self)

    @property
    def outermost(self) -> Scope:
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def find(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return GLOBALS.get(name) or Undefined(name)

    def step(self, cost: int = 1) -> None:
        """Count what was done: 1 for each node, more for long values."""
        self.steps[0] += cost
        if self.steps[0] > MOST_STEPS:
            raise TemplateError("it runs on and on")


def evaluate(node: syntax.Expression, scope: Scope) -> Value:
    """The value of an expression.

    Raises:
        TemplateError: something that is not known; a text or number that has grown too large.
        TypeError, ValueError, LookupError, AttributeError, ArithmeticError: values that do not fit.
    """
    value = bounded(_EVALUATE[type(node)](node, scope))
    scope.step(1 + (len(value) >> 7 if isinstance(value, (str, list)) else 0))
    return value


def _item(node: syntax.Item, scope: Scope) -> Value:
    of, key = evaluate(node.of, scope), evaluate(node.key, scope)
    if isinstance(of, Undefined):
        raise TemplateError(f"{of.name!r} is undefined")
    if isinstance(of, Namespace):
        return of.attributes.get(key, Undefined(str(key)))
    if isinstance(of, LoopState):
        return of.get(key)
    method = _method(of, key) if isinstance(key, str) else None
    if method is not None and (node.dotted or not isinstance(of, Mapping)):
        return method
    try:
        return of[key]
    except (LookupError, TypeError):
        return method or Undefined(str(key))


def _method(of: Value, name: str) -> Function | None:
    kinds = ((str, TEXT_METHODS), (Mapping, OBJECT_METHODS), (list, LIST_METHODS))
    if any(isinstance(of, kind) and name in methods for kind, methods in kinds):
        if name in LONG_METHODS and isinstance(of, str):
            return Function(name, lambda *values: LONG_METHODS[name](of, *values))
        return Function(name, getattr(of, name))
    if isinstance(of, str) and name == "format":
        return Function(name, lambda *values: format_text(of, *values))
    return None


def _slice(node: syntax.Slice, scope: Scope) -> Value:
    parts = [None if part is None else evaluate(part, scope) for part in node.parts]
    return evaluate(node.of, scope)[slice(*(parts if len(parts) > 1 else [*parts, None]))]


def _call(node: syntax.Call, scope: Scope) -> Value:
    function = evaluate(node.of, scope)
    if not isinstance(function, Function):
        named = node.of.name if isinstance(node.of, syntax.Name) else "a value"
        raise TemplateError(f"{named!r} called as a function")
    arguments = [evaluate(argument, scope) for argument in node.arguments]
    found = function.call(*arguments, **_named(node.named, scope))
    views = (KeysView, ValuesView, ItemsView)
    return weighed(list(found) if isinstance(found, views) else found)


def _named(pairs: tuple[tuple[str, syntax.Expression], ...], scope: Scope) -> dict[str, Value]:
    return {name: evaluate(value, scope) for name, value in pairs}


def _filter(node: syntax.Filter, scope: Scope) -> Value:
    arguments = tuple(evaluate(argument, scope) for argument in node.arguments)
    named = _named(node.named, scope)
    return weighed(apply_filter(node.name, evaluate(node.of, scope), arguments, named))


def _test(node: syntax.Test, scope: Scope) -> bool:
    arguments = tuple(evaluate(argument, scope) for argument in node.arguments)
    return apply_test(node.name, evaluate(node.of, scope), arguments) is not node.negated


def _unary(node: syntax.Unary, scope: Scope) -> Value:
    value = evaluate(node.of, scope)
    return not value if node.sign == "not" else -value if node.sign == "-" else +value


def _binary(node: syntax.Binary, scope: Scope) -> Value:
    left = evaluate(node.left, scope)
    if node.sign == "and":
        return evaluate(node.right, scope) if left else left
    if node.sign == "or":
        return left or evaluate(node.right, scope)
    right = evaluate(node.right, scope)
    if node.sign == "~":
        return text_of(left) + text_of(right)
    if node.sign == "*" and isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left * right
    if node.sign == "%" and not isinstance(left, str):
        return left % right
    if node.sign not in _ARITHMETIC:
        raise TemplateError(f"the operator {node.sign!r} on a text")
    return weighed(_ARITHMETIC[node.sign](left, right))


def _compare(node: syntax.Compare, scope: Scope) -> bool:
    left = evaluate(node.first, scope)
    for sign, operand in node.rest:
        right = evaluate(operand, scope)
        if not _COMPARISONS[sign](left, right):
            return False
        left = right
    return True


def _choice(node: syntax.Choice, scope: Scope) -> Value:
    if evaluate(node.test, scope):
        return evaluate(node.yes, scope)
    return Undefined("else") if node.no is None else evaluate(node.no, scope)


_EVALUATE: Final[dict[type, Callable[[Any, Scope], Value]]] = {
    syntax.Const: lambda node, scope: node.value,
    syntax.Name: lambda node, scope: scope.find(node.name),
    syntax.Item: _item,
    syntax.Slice: _slice,
    syntax.Call: _call,
    syntax.Filter: _filter,
    syntax.Test: _test,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Compare: _compare,
    syntax.Choice: _choice,
    syntax.Several: lambda node, scope: weighed([evaluate(item, scope) for item in node.items]),
    syntax.Pairs: lambda node, scope: weighed(
        {evaluate(key, scope): evaluate(value, scope) for key, value in node.items}
    ),
}
