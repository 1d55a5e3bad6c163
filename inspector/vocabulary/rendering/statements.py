"""Tokens -> the statements of a template."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from rowscope.inspector.vocabulary.rendering.expressions import Reader
from rowscope.inspector.vocabulary.rendering.syntax import (
    Assign,
    Body,
    Branch,
    Capture,
    Const,
    Expression,
    Filter,
    Leap,
    Loop,
    Macro,
    Output,
    Statement,
    Text,
    Within,
)
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError, tokens_of

_TRUE: Final = Const(True)
_MOST_CHARACTERS: Final = 1 << 20


@lru_cache(maxsize=8)
def parse(template: str) -> Body:
    """The statements of a template.

    Raises:
        TemplateError: it is no Jinja, or holds a statement that is not known; too long, nested too deeply.
    """
    if len(template) > _MOST_CHARACTERS:
        raise TemplateError(f"a template of {len(template):,} characters")
    reader = Reader(list(tokens_of(template)))
    try:
        body, end = _body(reader, ())
    except RecursionError as error:
        raise TemplateError("expressions nested too deeply") from error
    if end is not None:
        raise TemplateError(f"{end!r} that ends nothing")
    return body


def _body(reader: Reader, ends: tuple[str, ...]) -> tuple[Body, str | None]:
    """Statements up to a block tag of one of the names `ends`, which is taken up to its name."""
    found: list[Statement] = []
    while reader.at < len(reader.tokens):
        token = reader.take()
        if token.kind == "text":
            found.append(Text(token.text))
        elif token.kind == "output":
            found.append(Output(reader.several()))
            _end(reader)
        else:
            name = reader.name()
            if name in ends:
                return tuple(found), name
            if name not in _STATEMENTS:
                raise TemplateError(f"the statement {name!r}")
            found.extend(_STATEMENTS[name](reader))
    if ends:
        raise TemplateError(f"a block without its {ends[-1]!r}")
    return tuple(found), None


def _end(reader: Reader) -> None:
    token = reader.take()
    if token.kind != "end":
        raise TemplateError(f"{token.text!r} where a tag should end")


def _closed(reader: Reader, end: str) -> Body:
    """The body up to the tag `end`, the tag taken whole."""
    body, _ = _body(reader, (end,))
    while reader.next.kind == "name":  # `endmacro name`
        reader.take()
    _end(reader)
    return body


def _if(reader: Reader) -> list[Statement]:
    cases: list[tuple[Expression, Body]] = []
    word: str | None = "if"
    while word in ("if", "elif", "else"):
        test = _TRUE if word == "else" else reader.several()
        _end(reader)
        body, word = _body(reader, ("endif",) if word == "else" else ("elif", "else", "endif"))
        cases.append((test, body))
    _end(reader)
    return [Branch(tuple(cases))]


def _targets(reader: Reader) -> tuple[str, ...]:
    opened = reader.skip("(")
    names = [reader.name()]
    while reader.skip(","):
        names.append(reader.name())
    if opened:
        reader.expect(")")
    return tuple(names)


def _for(reader: Reader) -> list[Statement]:
    targets = _targets(reader)
    reader.expect("in")
    over = reader.several(choice=False)
    test = reader.expression() if reader.skip("if", "name") else None
    if reader.skip("recursive", "name"):
        raise TemplateError("a recursive loop")
    _end(reader)
    body, word = _body(reader, ("else", "endfor"))
    otherwise: Body = ()
    _end(reader)
    if word == "else":
        otherwise = _closed(reader, "endfor")
    return [Loop(targets, over, test, body, otherwise)]


def _set(reader: Reader) -> list[Statement]:
    targets = _targets(reader)
    attribute = None
    if len(targets) == 1 and reader.skip("."):
        attribute = reader.name()
    if reader.skip("="):
        value = reader.several()
        _end(reader)
        return [Assign(targets, attribute, value)]
    filters = _pipeline(reader)
    if len(targets) > 1 or attribute is not None:
        raise TemplateError("a block that sets several names or an attribute")
    return [Capture(targets[0], filters, _closed(reader, "endset"))]


def _pipeline(reader: Reader) -> tuple[Filter, ...]:
    filters = []
    while reader.skip("|"):
        filters.append(reader.filter(Const("")))
    _end(reader)
    return tuple(filters)


def _filter(reader: Reader) -> list[Statement]:
    first = reader.filter(Const(""))
    return [Capture(None, (first, *_pipeline(reader)), _closed(reader, "endfilter"))]


def _macro(reader: Reader) -> list[Statement]:
    name = reader.name()
    reader.expect("(")
    parameters: list[tuple[str, Expression | None]] = []
    while not reader.skip(")"):
        parameter = reader.name()
        parameters.append((parameter, reader.expression() if reader.skip("=") else None))
        if not reader.skip(","):
            reader.expect(")")
            break
    _end(reader)
    return [Macro(name, tuple(parameters), _closed(reader, "endmacro"))]


def _with(reader: Reader) -> list[Statement]:
    names = []
    while reader.next.kind == "name":
        name = reader.name()
        reader.expect("=")
        names.append((name, reader.expression()))
        reader.skip(",")
    _end(reader)
    return [Within(tuple(names), _closed(reader, "endwith"))]


def _generation(reader: Reader) -> list[Statement]:
    """transformers' own tag around what the assistant writes; it puts out its body."""
    _end(reader)
    return [Capture(None, (), _closed(reader, "endgeneration"))]


def _leap(kind: str) -> Callable[[Reader], list[Statement]]:
    def read(reader: Reader) -> list[Statement]:
        _end(reader)
        return [Leap(kind)]

    return read


_STATEMENTS: Final[dict[str, Callable[[Reader], list[Statement]]]] = {
    "if": _if,
    "for": _for,
    "set": _set,
    "macro": _macro,
    "filter": _filter,
    "with": _with,
    "generation": _generation,
    "break": _leap("break"),
    "continue": _leap("continue"),
}
