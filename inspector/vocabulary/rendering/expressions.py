"""Tokens -> expressions, by the precedence that Jinja gives its operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rowscope.inspector.vocabulary.rendering.syntax import (
    Binary,
    Call,
    Choice,
    Compare,
    Const,
    Expression,
    Filter,
    Item,
    Name,
    Pairs,
    Several,
    Slice,
    Test,
    Unary,
)
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError, Token

_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_AFTER_TEST = {"and", "or", "else"}
_NO_ARGUMENT = {"not", "if", "is", "in"}
_LONGEST_NUMBER = 20

Named = tuple[tuple[str, Expression], ...]


class Reader:
    """Reads tokens one after the other."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else Token("end", "")

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def sees(self, text: str, kind: str = "sign") -> bool:
        return self.next.text == text and self.next.kind == kind

    def skip(self, text: str, kind: str = "sign") -> bool:
        """Take the token if it is the next one."""
        there = self.sees(text, kind)
        self.at += there
        return there

    def expect(self, text: str) -> None:
        if not self.skip(text, "name" if text.isalpha() else "sign"):
            raise TemplateError(f"{self.next.text or 'an end'!r} where {text!r} should stand")

    def name(self) -> str:
        token = self.take()
        if token.kind != "name":
            raise TemplateError(f"{token.text!r} where a name should stand")
        return token.text

    def expression(self, *, choice: bool = True) -> Expression:
        """An expression; without `choice` an `if` behind it is left to the statement around it."""
        found = self._or()
        while choice and self.skip("if", "name"):
            test = self._or()
            found = Choice(test, found, self.expression() if self.skip("else", "name") else None)
        return found

    def several(self, *, choice: bool = True) -> Expression:
        """One expression, or several with commas between them."""
        items = [self.expression(choice=choice)]
        while self.skip(","):
            if self.next.kind == "end":
                break
            items.append(self.expression(choice=choice))
        return items[0] if len(items) == 1 else Several(tuple(items))

    def _or(self) -> Expression:
        return self._left(("or",), self._and, "name")

    def _and(self) -> Expression:
        return self._left(("and",), self._not, "name")

    def _not(self) -> Expression:
        return Unary("not", self._not()) if self.skip("not", "name") else self._compare()

    def _compare(self) -> Expression:
        first, rest = self._sum(), []
        while True:
            negated = self.sees("not", "name") and self.tokens[self.at + 1 : self.at + 2] == [
                Token("name", "in")
            ]
            if self.next.kind == "sign" and self.next.text in _COMPARISONS:
                rest.append((self.take().text, self._sum()))
            elif negated or self.sees("in", "name"):
                self.at += 1 + negated
                rest.append(("not in" if negated else "in", self._sum()))
            else:
                return Compare(first, tuple(rest)) if rest else first

    def _sum(self) -> Expression:
        return self._left(("+", "-"), self._concatenation)

    def _concatenation(self) -> Expression:
        return self._left(("~",), self._product)

    def _product(self) -> Expression:
        return self._left(("*", "/", "//", "%"), self._unary)

    def _left(
        self, signs: tuple[str, ...], operand: Callable[[], Expression], kind: str = "sign"
    ) -> Expression:
        found = operand()
        while self.next.kind == kind and self.next.text in signs:
            found = Binary(self.take().text, found, operand())
        return found

    def _unary(self, *, filters: bool = True) -> Expression:
        for sign in ("-", "+"):
            if self.skip(sign):
                found: Expression = Unary(sign, self._unary(filters=False))
                return self._filters(found) if filters else found
        found = self._postfix(self._primary())
        return self._filters(found) if filters else found

    def _primary(self) -> Expression:
        token = self.take()
        if token.kind == "name":
            return Const(_CONSTANTS[token.text]) if token.text in _CONSTANTS else Name(token.text)
        if token.kind == "string":
            return self._strings(token.text)
        if token.kind == "number":
            return Const(_number(token.text))
        if token.kind == "sign" and token.text in ("(", "["):
            closing = ")" if token.text == "(" else "]"
            items = self._items(closing)
            return items[0] if closing == ")" and items and not self._comma else Several(tuple(items))
        if token.kind == "sign" and token.text == "{":
            return Pairs(self._pairs())
        raise TemplateError(f"{token.text or 'an end'!r} where a value should stand")

    def _strings(self, text: str) -> Expression:
        while self.next.kind == "string":
            text += self.take().text
        return Const(text)

    def _items(self, closing: str) -> list[Expression]:
        items: list[Expression] = []
        self._comma = False
        while not self.skip(closing):
            items.append(self.expression())
            comma = self.skip(",")
            if not comma:
                self.expect(closing)
                self._comma = len(items) > 1
                return items
        self._comma = True
        return items

    def _pairs(self) -> tuple[tuple[Expression, Expression], ...]:
        pairs = []
        while not self.skip("}"):
            key = self.expression()
            self.expect(":")
            pairs.append((key, self.expression()))
            if not self.skip(","):
                self.expect("}")
                break
        return tuple(pairs)

    def _postfix(self, found: Expression) -> Expression:
        while True:
            if self.skip("."):
                found = Item(found, Const(self._after_dot()), True)
            elif self.skip("["):
                found = self._subscript(found)
            elif self.skip("("):
                found = Call(found, *self._arguments())
            else:
                return found

    def _after_dot(self) -> int | str:
        token = self.take()
        value = _number(token.text) if token.kind == "number" else token.text
        if isinstance(value, float):
            raise TemplateError(f"{token.text!r} where a name or an index should stand")
        return value

    def _subscript(self, of: Expression) -> Expression:
        parts: list[Expression | None] = [None]
        while not self.skip("]"):
            if self.skip(":"):
                parts.append(None)
            else:
                parts[-1] = self.expression()
        if len(parts) == 1 and parts[0] is not None:
            return Item(of, parts[0])
        return Slice(of, tuple(parts))

    def _arguments(self) -> tuple[tuple[Expression, ...], Named]:
        """The arguments of a call, behind its `(`."""
        values, named = [], []
        while not self.skip(")"):
            follows = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
            if self.next.kind == "name" and follows == Token("sign", "="):
                key = self.name()
                self.at += 1
                named.append((key, self.expression()))
            else:
                values.append(self.expression())
            if not self.skip(","):
                self.expect(")")
                break
        return tuple(values), tuple(named)

    def _filters(self, found: Expression) -> Expression:
        while True:
            if self.skip("|"):
                found = self.filter(found)
            elif self.skip("is", "name"):
                found = self._test(found)
            elif self.skip("("):
                found = Call(found, *self._arguments())
            else:
                return found

    def filter(self, of: Expression) -> Filter:
        """A filter behind its `|`."""
        name = self.name()
        return Filter(of, name, *(self._arguments() if self.skip("(") else ((), ())))

    def _test(self, of: Expression) -> Expression:
        negated = self.skip("not", "name")
        name = self.name()
        arguments: tuple[Expression, ...] = ()
        if name == "is" or (self.next.kind == "name" and self.next.text in _NO_ARGUMENT):
            raise TemplateError(f"{self.next.text!r} behind the test {name!r}")
        if self.skip("("):
            arguments, _ = self._arguments()
        elif self.next.kind in ("string", "number") or (
            self.next.kind == "name" and self.next.text not in _AFTER_TEST
        ):
            arguments = (self._postfix(self._primary()),)
        return Test(of, name, arguments, negated)


def _number(text: str) -> int | float:
    if len(text) > _LONGEST_NUMBER:
        raise TemplateError(f"the number {text[:20]}…")
    try:
        return float(text) if any(sign in text for sign in ".eE") else int(text)
    except ValueError as error:  # an underscore that stands at the end, or beside another
        raise TemplateError(f"the number {text!r}") from error
