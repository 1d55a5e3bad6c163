"""Statements -> the text that a template makes of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rowscope.inspector.vocabulary.rendering import syntax
from rowscope.inspector.vocabulary.rendering.builtins import apply_filter
from rowscope.inspector.vocabulary.rendering.evaluate import Scope, evaluate
from rowscope.inspector.vocabulary.rendering.statements import parse
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError
from rowscope.inspector.vocabulary.rendering.values import (
    MOST_CHARACTERS,
    Function,
    LoopState,
    Namespace,
    Undefined,
    text_of,
)

Value = Any
_FAULTS: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


class _LeapError(Exception):
    """`break` and `continue`."""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """What transformers' `apply_chat_template` gives for these variables.

    Args:
        template: the chat template.
        variables: `messages`, `add_generation_prompt`, `bos_token`, …: texts, numbers, lists, objects.

    Raises:
        TemplateError: the template is malformed, refuses the conversation, or holds what is not known here.
    """
    return run(parse(template), variables)


def run(body: syntax.Body, variables: Mapping[str, Any]) -> str:
    """`render` of a parsed template."""
    out: list[str] = []
    try:
        _run(body, Scope(dict(variables)), out)
    except _FAULTS as error:
        raise TemplateError(f"it fails: {type(error).__name__}: {str(error)[:80]}") from error
    except _LeapError as leap:
        raise TemplateError(f"{leap} outside of a loop") from leap
    return "".join(out)


def _run(body: syntax.Body, scope: Scope, out: list[str]) -> None:
    for node in body:
        scope.step()
        _RUN[type(node)](node, scope, out)


def _text(node: syntax.Text, scope: Scope, out: list[str]) -> None:
    out.append(node.text)


def _output(node: syntax.Output, scope: Scope, out: list[str]) -> None:
    _put(text_of(evaluate(node.of, scope)), scope, out)


def _put(text: str, scope: Scope, out: list[str]) -> None:
    # Each text counts for its length, so that all of them together stay in bounds as well.
    scope.steps[0] += len(text) * 200_000 // MOST_CHARACTERS
    out.append(text)


def _branch(node: syntax.Branch, scope: Scope, out: list[str]) -> None:
    for test, body in node.cases:
        if evaluate(test, scope):
            _run(body, scope, out)
            return


def _loop(node: syntax.Loop, scope: Scope, out: list[str]) -> None:
    over = evaluate(node.over, scope)
    if not isinstance(over, Iterable):
        raise TemplateError("a loop over what is no list")
    items = list(over)
    if node.test is not None:
        test = node.test
        items = [item for item in items if evaluate(test, scope.inner(_bound(node.targets, item)))]
    state = LoopState(items)
    for at, item in enumerate(items):
        state.index0 = at
        try:
            _run(node.body, scope.inner({"loop": state, **_bound(node.targets, item)}), out)
        except _LeapError as leap:
            if str(leap) == "break":
                break
    if not items:
        _run(node.otherwise, scope.inner({}), out)


def _bound(targets: tuple[str, ...], item: Any) -> dict[str, Any]:  # noqa: ANN401 - a value of the template
    if len(targets) == 1:
        return {targets[0]: item}
    return dict(zip(targets, item, strict=True))


def _assign(node: syntax.Assign, scope: Scope, out: list[str]) -> None:
    value = evaluate(node.value, scope)
    if node.attribute is None:
        scope.names.update(_bound(node.targets, value))
        return
    target = scope.find(node.targets[0])
    if not isinstance(target, Namespace):
        raise TemplateError(f"an attribute of {node.targets[0]!r}, which is no namespace, is set")
    target.attributes[node.attribute] = value


def _capture(node: syntax.Capture, scope: Scope, out: list[str]) -> None:
    inside: list[str] = []
    _run(node.body, scope.inner({}), inside)
    text: Any = "".join(inside)
    for step in node.filters:
        arguments = tuple(evaluate(argument, scope) for argument in step.arguments)
        named = {name: evaluate(value, scope) for name, value in step.named}
        text = apply_filter(step.name, text, arguments, named)
    if node.name is None:
        _put(text_of(text), scope, out)
    else:
        scope.names[node.name] = text


def _macro(node: syntax.Macro, scope: Scope, out: list[str]) -> None:
    def call(*values: Value, **named: Value) -> str:
        names: dict[str, Any] = {}
        known = [name for name, _ in node.parameters]
        if len(values) > len(known) or set(named) - {*known, "caller"}:
            raise TemplateError(f"the macro {node.name!r} with arguments that it does not take")
        inner = scope.inner(names)
        for at, (name, default) in enumerate(node.parameters):
            if at < len(values):
                names[name] = values[at]
            elif name in named:
                names[name] = named[name]
            else:
                names[name] = Undefined(name) if default is None else evaluate(default, inner)
        inside: list[str] = []
        _run(node.body, inner, inside)
        return "".join(inside)

    scope.names[node.name] = Function(node.name, call)


def _within(node: syntax.Within, scope: Scope, out: list[str]) -> None:
    _run(node.body, scope.inner({name: evaluate(value, scope) for name, value in node.names}), out)


def _leap(node: syntax.Leap, scope: Scope, out: list[str]) -> None:
    raise _LeapError(node.kind)


_RUN: Final[dict[type, Callable[[Any, Scope, list[str]], None]]] = {
    syntax.Text: _text,
    syntax.Output: _output,
    syntax.Branch: _branch,
    syntax.Loop: _loop,
    syntax.Assign: _assign,
    syntax.Capture: _capture,
    syntax.Macro: _macro,
    syntax.Within: _within,
    syntax.Leap: _leap,
}
