"""Filters, tests, methods and functions that chat templates use, each as Jinja defines it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from rowscope.inspector.vocabulary.rendering.tokens import TemplateError
from rowscope.inspector.vocabulary.rendering.values import (
    MOST_CHARACTERS,
    Function,
    Namespace,
    Undefined,
    text_of,
)

# Values of a template are texts, numbers, lists, objects: nothing narrower than Any describes them.
Value = Any
_LONGEST_RANGE: Final = 10_000
_WIDEST: Final = 64


def _default(value: Value, instead: Value = "", boolean: bool = False) -> Value:
    return instead if isinstance(value, Undefined) or (boolean and not value) else value


def _tojson(value: Value, indent: int | None = None, **rest: Value) -> str:
    """As transformers defines it: no escapes for HTML, no ASCII."""
    known = {"ensure_ascii", "separators", "sort_keys"}
    if (
        set(rest) - known
        or not (indent is None or 0 <= indent <= _WIDEST)
        or isinstance(value, (Undefined, Function, Namespace))
    ):
        raise TemplateError("tojson of what is no JSON")
    options: dict[str, Value] = {"ensure_ascii": False, "indent": indent, **rest}
    return json.dumps(value, **options)


def _join(value: Value, between: str = "", attribute: str | None = None) -> str:
    items = list(value) if attribute is None else [_attribute(item, attribute) for item in value]
    texts = [text_of(item) for item in items]
    _require_short(sum(map(len, texts)) + len(texts) * len(text_of(between)))
    return text_of(between).join(texts)


def _replace(value: Value, old: Value, new: Value, count: int = -1) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    _require_short(len(text) + len(new) * (text.count(old) if old else len(text) + 1))
    return text.replace(old, new, count)


def _require_short(length: int) -> None:
    if length > MOST_CHARACTERS:
        raise TemplateError("a text of more than a million characters")


def _attribute(item: Value, path: Value) -> Value:
    for part in path.split(".") if isinstance(path, str) else (path,):
        if isinstance(item, Mapping) and part in item:
            item = item[part]
        elif isinstance(item, (list, tuple)) and str(part).isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return Undefined(str(part))
    return item


def _map(
    value: Value, name: str | None = None, *rest: Value, attribute: Value = None, **named: Value
) -> list[Value]:
    if attribute is not None:
        found = [_attribute(item, attribute) for item in value or ()]
        return [_default(item, named["default"]) for item in found] if "default" in named else found
    return [apply_filter(name or "", item, rest, named) for item in value or ()]


def _holds(item: Value, test: tuple[Value, ...]) -> bool:
    return bool(apply_test(test[0], item, test[1:])) if test else bool(item)


def _select(wanted: bool) -> Callable[..., list[Value]]:
    return lambda value, *test: [item for item in value or () if _holds(item, test) is wanted]


def _select_attribute(wanted: bool) -> Callable[..., list[Value]]:
    return lambda value, name, *test: [
        item for item in value or () if _holds(_attribute(item, name), test) is wanted
    ]


def _items(value: Value) -> list[tuple[Value, Value]]:
    return [] if isinstance(value, Undefined) else list(value.items())


def _indent(value: Value, width: Value = 4, first: bool = False, blank: bool = False) -> str:
    margin = width if isinstance(width, str) else " " * min(width, _WIDEST)
    _require_short(len(text_of(value)) + len(margin) * text_of(value).count("\n"))
    head, *lines = text_of(value).split("\n")
    return "\n".join(
        [(margin if first else "") + head, *((margin if line or blank else "") + line for line in lines)]
    )


def _first(value: Value) -> Value:
    return next(iter(value), Undefined("first"))


def _last(value: Value) -> Value:
    return next(reversed(list(value)), Undefined("last"))


def _number(kind: Callable[[Value], Value], instead: Value) -> Callable[..., Value]:
    def convert(value: Value, default: Value = instead) -> Value:
        try:
            return kind(value)
        except (TypeError, ValueError):
            return default

    return convert


def _unique(value: Value) -> list[Value]:
    found: list[Value] = []
    for item in value:
        if item not in found:
            found.append(item)
    return found


_FILTERS: Final[dict[str, Callable[..., Value]]] = {
    "trim": lambda value, chars=None: text_of(value).strip(chars),
    "strip": lambda value: text_of(value).strip(),
    "length": len,
    "count": len,
    "upper": lambda value: text_of(value).upper(),
    "lower": lambda value: text_of(value).lower(),
    "title": lambda value: text_of(value).title(),
    "capitalize": lambda value: text_of(value).capitalize(),
    "string": text_of,
    "safe": lambda value: value,
    "default": _default,
    "d": _default,
    "tojson": _tojson,
    "join": _join,
    "first": _first,
    "last": _last,
    "list": list,
    "items": _items,
    "map": _map,
    "select": _select(wanted=True),
    "reject": _select(wanted=False),
    "selectattr": _select_attribute(wanted=True),
    "rejectattr": _select_attribute(wanted=False),
    "replace": _replace,
    "indent": _indent,
    "reverse": lambda value: value[::-1] if isinstance(value, str) else list(value)[::-1],
    "sort": lambda value: sorted(value, key=lambda item: item.lower() if isinstance(item, str) else item),
    "unique": _unique,
    "dictsort": lambda value: sorted(value.items(), key=lambda pair: text_of(pair[0]).lower()),
    "int": _number(int, 0),
    "float": _number(float, 0.0),
    "abs": abs,
    "round": lambda value, digits=0: round(float(value), digits),
    "min": min,
    "max": max,
    "sum": sum,
}


def _integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TESTS: Final[dict[str, Callable[..., bool]]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "mapping": lambda value: isinstance(value, Mapping),
    "sequence": lambda value: isinstance(value, (str, list, tuple, Mapping, Undefined)),
    "iterable": lambda value: isinstance(value, (str, list, tuple, Mapping, Undefined)),
    "number": lambda value: isinstance(value, (int, float)),
    "integer": _integer,
    "float": lambda value: isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "callable": lambda value: isinstance(value, Function),
    "odd": lambda value: value % 2 == 1,
    "even": lambda value: value % 2 == 0,
    "divisibleby": lambda value, by: value % by == 0,
    "in": lambda value, group: value in group,
    **dict.fromkeys(("eq", "equalto", "=="), lambda value, other: value == other),
    **dict.fromkeys(("ne", "!="), lambda value, other: value != other),
    **dict.fromkeys(("lt", "lessthan", "<"), lambda value, other: value < other),
    **dict.fromkeys(("gt", "greaterthan", ">"), lambda value, other: value > other),
    **dict.fromkeys(("le", "<="), lambda value, other: value <= other),
    **dict.fromkeys(("ge", ">="), lambda value, other: value >= other),
    "sameas": lambda value, other: value is other,
}

# Methods of texts and objects that read and make values of the same kinds.
TEXT_METHODS: Final = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "splitlines",
        "startswith",
        "endswith",
        "upper",
        "lower",
        "title",
        "capitalize",
        "replace",
        "find",
        "rfind",
        "index",
        "count",
        "join",
        "removeprefix",
        "removesuffix",
        "isdigit",
        "isalpha",
        "isalnum",
        "isspace",
        "isupper",
        "islower",
        "partition",
        "rpartition",
    ]
)
OBJECT_METHODS: Final = frozenset({"items", "keys", "values", "get"})
LIST_METHODS: Final = frozenset({"index", "count"})


def apply_filter(name: str, value: Value, arguments: tuple[Value, ...], named: Mapping[str, Value]) -> Value:
    """`value | name(…)`; TemplateError for a filter that is not known."""
    if name not in _FILTERS:
        raise TemplateError(f"the filter {name!r}")
    return _FILTERS[name](value, *arguments, **named)


def apply_test(name: str, value: Value, arguments: tuple[Value, ...]) -> bool:
    """`value is name(…)`; TemplateError for a test that is not known."""
    if name not in _TESTS:
        raise TemplateError(f"the test {name!r}")
    return _TESTS[name](value, *arguments)


# Methods that can make a text longer than their own, with what bounds it.
LONG_METHODS: Final[Mapping[str, Callable[..., Value]]] = {
    "replace": _replace,
    "join": lambda between, items: _join(items, between),
}


def format_text(form: str, *values: Value) -> str:
    """`'…{}…'.format(…)`, with bare places alone."""
    parts = form.split("{}")
    if len(parts) > len(values) + 1 or any(brace in part for part in parts for brace in "{}"):
        raise TemplateError(f"the format {form[:40]!r}")
    shown = [text_of(value) for value in values[: len(parts) - 1]]
    return "".join(text for pair in zip(parts, [*shown, ""], strict=True) for text in pair)


def _range(*bounds: int) -> list[int]:
    found = range(*bounds)
    if len(found) > _LONGEST_RANGE:
        raise TemplateError(f"a range of {len(found):,}")
    return list(found)


def _refuse(message: Value = "") -> Value:
    raise TemplateError(f"raise_exception({text_of(message)[:80]!r})")


GLOBALS: Final[Mapping[str, Function]] = {
    "range": Function("range", _range),
    "dict": Function("dict", lambda *pairs, **named: dict(*pairs, **named)),
    "namespace": Function("namespace", lambda *pairs, **named: Namespace(dict(*pairs, **named))),
    "raise_exception": Function("raise_exception", _refuse),
    # The day is the caller's; any one will do.
    "strftime_now": Function("strftime_now", lambda form: "1 January 2025"),
}
