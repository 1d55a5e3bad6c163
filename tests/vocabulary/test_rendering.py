"""The small Jinja beside jinja2 itself, in the environment that transformers compiles chat templates in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from transformers.utils.chat_template_utils import _compile_jinja_template

from rowscope.inspector.vocabulary.rendering.run import render
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError

CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " one\n"},
    {
        "role": "assistant",
        "content": "two",
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
    },
    {"role": "tool", "content": [{"type": "text", "text": "three"}]},
    {"role": "assistant", "content": "four"},
]
VARIABLES: dict[str, Any] = {
    "messages": CHAT,
    "tools": None,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "add_generation_prompt": True,
}


def both(template: str) -> tuple[str | None, str | None]:
    """What jinja2 and we make of it; None for a refusal."""
    try:
        theirs = _compile_jinja_template(template).render(**json.loads(json.dumps(VARIABLES)))
    except (JinjaError, SecurityError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        theirs = None
    try:
        ours = render(template, json.loads(json.dumps(VARIABLES)))
    except TemplateError:
        ours = None
    return theirs, ours


TEMPLATES = [
    "a{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 % 3 }} {{ 1 / 2 }} {{ -3 }} {{ 'a' ~ 1 ~ none }} {{ 'a' 'b' }}",
    "{{ messages[0].content[0:3] }}{{ messages[-1]['role'][::-1] }}{{ messages[1:][0].role }}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ loop.last }}{{ m.role }}\n{% endfor %}",
    "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{% if loop.last %}"
    "{% break %}{% endif %}"
    "{{ m.role }}{% else %}none{% endfor %}{% for m in [] %}x{% else %}empty{% endfor %}",
    "{% set ns = namespace(a=1, b='x') %}{% for m in messages %}{% set ns.a = ns.a + 1 %}"
    "{% endfor %}{{ ns.a }}",
    "{% set x = 1 %}{% for m in messages %}{% set x = 2 %}{% endfor %}{{ x }}{% if true %}{% set x = 3 %}"
    "{% endif %}{{ x }}",
    "{% macro f(a, b='c') %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f('x', b=2) }}{{ f() }}",
    "{% set text %}  a b {% endset %}{{ text | trim | upper }}|{% filter upper %}abc{% endfilter %}",
    "{% generation %}a{% endgeneration %}{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | length }}",
    "{{ messages | rejectattr('role', 'eq', 'user') | map(attribute='role') | join(', ') }}",
    "{{ messages[2].tool_calls[0].function | tojson }}{{ {'b': 1, 'a': 'é<'} | tojson(indent=2) }}",
    "{{ messages[2].tool_calls[0].function.arguments.items() | list }}{{ {'a': 1}.get('b', 'no') }}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{{ {'b': 1, 'a': 2} | dictsort }}",
    "{{ 'abc'.split('b') }}{{ ' x '.strip() }}{{ 'a,b'.replace(',', ';') }}{{ 'abc'.startswith('a') }}",
    "{{ 'x' in 'xyz' and not ('a' in ['b']) or 1 > 2 }}{{ 1 < 2 < 3 }}{{ 'a' not in messages[0] }}",
    "{{ 'yes' if messages else 'no' }}{{ nothing or 'default' }}{{ nothing | default('d') }}[{{ nothing }}]",
    "{{ nothing is defined }}{{ none is none }}{{ 1 is number }}{{ 'a' is string }}{{ {} is mapping }}"
    "{{ [] is iterable }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ true is boolean }}{{ 1 is not none }}",
    "{{ messages[3].content is string }}{{ messages[3].content[0]['type'] }}{{ messages[0]['nothing'] }}",
    "{{ '{}-{}'.format('a', 1) }}{{ [1, 2] + [3] }}{{ (1, 2) | length }}{{ [3, 1, 2] | sort }}",
    "  {%- if true %}\n  yes\n  {%- endif %}\n\n{# no #}\n  {% if false %}x{% endif %}  \n{{ 1 }}\n",
    "{%+ if true %} a {%+ endif %}\n b{{- ' c ' -}} \n d\n{%- raw -%} {{ x }} {%- endraw %}\n",
    "{{ messages | map('string') | first | length > 0 }}{{ 'a\\nb' | indent(2) }}{{ 'A-b' | title | lower }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{{ range(3) | list }}{{ range(1, 7, 2) | list }}{{ dict(a=1) }}",
    "{{ raise_exception('x') }}", "{{ undefined_function() }}", "{{ nothing.attribute }}", "{{ 'a' + 1 }}",
    "{% if %}", "{{ 1 + }}", "{% for x in %}{% endfor %}", "{% endif %}", "{% if true %}", "{{ a", "{# b",
    "{{ messages[0].role | upper ~ '!' }}{{ not true }}{{ (1 if false) is undefined }}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}{{ loop.cycle('a', 'b') }}"
    "{% endfor %}",
    "{{ messages[0] == {'role': 'system', 'content': 'Be brief.'} }}{{ 1 == 1.0 }}{{ '1' | int + 1 }}",
    "{% set m = messages[0] %}{{ m.content.upper() + eos_token }}{{ m.items() | list | length }}",
]  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_same_as_jinja(template: str) -> None:
    theirs, ours = both(template)
    assert ours == theirs


VALUES = [
    "messages",
    "messages[0]",
    "eos_token",
    "none",
    "'a b'",
    "3",
    "[1, 'x']",
    "{'k': 'v'}",
    "nothing",
    "m",
]
FILTERS = [
    "trim",
    "length",
    "upper",
    "list",
    "first",
    "last",
    "join('-')",
    "string",
    "tojson",
    "default('d')",
]
VALUE = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(FILTERS)).map(" | ".join),
        st.tuples(inner, st.sampled_from(["+", "~", "==", "in", "and", "or", "<"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda value: f"({value}).role"),
        st.tuples(inner, st.sampled_from(["defined", "string", "mapping", "none", "iterable"])).map(
            " is ".join
        ),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=6,
)
BLANK = st.text(alphabet=" \n\tx", max_size=4)
MARK = st.sampled_from(["", "-", "+"])


@st.composite
def templates(draw: st.DrawFn, depth: int = 2) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        parts.append(draw(BLANK))
        kind = draw(
            st.sampled_from(["out", "if", "for", "set", "text", "comment"] if depth else ["out", "text"])
        )
        one, two = draw(MARK), draw(MARK)
        if kind == "out":
            parts.append(f"{{{{{one.replace('+', '')} {draw(VALUE)} {two.replace('+', '')}}}}}")
        elif kind == "if":
            parts.append(
                f"{{%{one} if {draw(VALUE)} {two}%}}{draw(templates(depth - 1))}{{%{two} endif {one}%}}"
            )
        elif kind == "for":
            inner = draw(templates(depth - 1))
            parts.append(f"{{%{one} for m in messages {two}%}}{inner}{{%{two} endfor {one}%}}")
        elif kind == "set":
            parts.append(f"{{%{one} set m = {draw(VALUE)} {two}%}}")
        elif kind == "comment":
            parts.append(f"{{#{one.replace('+', '')} {draw(BLANK)} {two.replace('+', '')}#}}")
    return "".join([*parts, draw(BLANK)])


@settings(max_examples=150, deadline=None)
@given(templates())
def test_what_we_render_is_what_jinja_renders(template: str) -> None:
    """We may refuse what jinja2 takes; we never make another text of it."""
    theirs, ours = both(template)
    assert ours is None or ours == theirs


@given(st.text(alphabet="{}%#-'\"\\ ab\n([])|.=<", max_size=60))
def test_anything_is_rendered_or_refused(template: str) -> None:
    both(template)


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "{{ 'a' * 99999999 }}",
        "{{ range(10 ** 9) | list }}",
        "{% set ns = namespace(t='ab') %}{% for a in range(64) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        "{{ 9999999999999999999 * 9999999999999999999 }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ messages.__class__.__mro__ }}{{ ''.__class__.x }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 99999999999999999999999999999 }}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
        "{{ ns.x }}",
        "{% set t %}{% for a in range(9999) %}aaaaaaaaaa{% endfor %}{% endset %}{{ t.replace('a', t) }}",
        "{% set t %}{% for a in range(9999) %}aaaaaaaaaa{% endfor %}{% endset %}{{ t.join(range(9999)) }}",
        "{% set t %}{% for a in range(9999) %}aaaaaaaaaa{% endfor %}{% endset %}{{ t | replace('', t) }}",
        "{% set t %}{% for a in range(9999) %}aaaaaaaaaa{% endfor %}{% endset %}"
        "{% for a in range(9999) %}{% set s = t ~ a %}{% endfor %}",
        "{{ messages | tojson(indent=99999999) }}{{ [1] * 99999999 }}",
        "{{ messages.1e308 }}",
        "{{ messages.0.5 }}{{ messages.1_ }}",
        "{{ 1_ }}",
        "{{ 1__0 }}",
    ],
)
def test_it_stays_in_bounds(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, VARIABLES)
