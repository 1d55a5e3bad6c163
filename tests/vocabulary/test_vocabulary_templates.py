"""Chat templates: where they are found, which tokens they write; Jinja itself is the oracle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType

import jinja2
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import AutoTokenizer

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import (
    AddedToken,
    ChatTemplate,
    Vocabulary,
    read_vocabulary,
    template_ids,
)
from rowscope.inspector.vocabulary.jinja import pieces, unescape

DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
CHATML = (
    "{# no token here: <|never|> #}{%- for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message.content + \"<|im_end|>\" }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def vocabulary(*templates: str, **roles: str) -> Vocabulary:
    """One with the added tokens that the tests speak of, from id 10 on."""
    contents = ["<|im_start|>", "<|im_end|>", "<|im|>", "<|im|>x|>", "<|never|>", "<s>", "</s>"]
    contents += ["<|user|>", "<|assistant|>", "<|system|>"]
    added = {10 + place: AddedToken(10 + place, content) for place, content in enumerate(contents)}
    return Vocabulary(
        kind="tokenizer.json/BPE",
        files=(),
        base_size=10,
        entries=10 + len(added),
        max_id=9 + len(added),
        tokens=MappingProxyType({id: token.content for id, token in added.items()}),
        added=MappingProxyType(added),
        special_ids=frozenset(added),
        roles={role: (token,) for role, token in roles.items()},
        chat_templates=tuple(ChatTemplate(f"t{n}", "x", text) for n, text in enumerate(templates)),
    )


def written(template: str, **roles: str) -> set[str]:
    known = vocabulary(template, **roles)
    return {known.tokens[id] for id in template_ids(known)}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CHATML, {"<|im_start|>", "<|im_end|>"}),
        ("<|im|>x|>", {"<|im|>x|>"}),
        ("<|im|> x|>", {"<|im|>"}),
        ("{{ '<|im|>' }}x|>", {"<|im|>"}),
        ("{{ bos_token + content }}", {"<s>"}),
        ("{% raw %}{{ '<|im|>' }}{% endraw %}", {"<|im|>"}),
        ("{{ '\\x3c|im|>' }}{{ '\\u003c|im_end|\\>' }}", {"<|im|>"}),
        ("{{ '<|' + message['role'] + '|>' }}", {"<|user|>", "<|assistant|>", "<|system|>"}),
        ("<|{{ message.role }}|>", {"<|user|>", "<|assistant|>", "<|system|>"}),
        ("<|{% if role %}{% endif %}|>", set()),
        ("{{ {'a': {'b': '<|im|>'}} }}{# '<|im_end|>' #}", {"<|im|>"}),
        ("{{ '<|im|>'", {"<|im|>"}),
        ("{# <|im|>", set()),
    ],
)
def test_tokens_written(template: str, expected: set[str]) -> None:
    assert written(template, bos="<s>") == expected


def test_names_of_the_templates() -> None:
    known = vocabulary("<|im|>", "<|im_end|>{{ '<|im|>' }}")
    assert template_ids(known) == {11: ("t1",), 12: ("t0", "t1")}


def test_a_vocabulary_without_added_tokens_or_templates() -> None:
    bare = Vocabulary("vocab.txt", (), 0, 0, None, {}, {}, frozenset())
    assert template_ids(bare) == {}


def test_demo_renders_only_what_was_found() -> None:
    known = read_vocabulary(LocalFolder(DEMO))
    assert known is not None
    tokenizer = AutoTokenizer.from_pretrained(str(DEMO))
    chat = [{"role": role, "content": "text"} for role in ("system", "user", "assistant")]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    assert set(ids) & set(known.added) == set(template_ids(known))


def lexed(template: str) -> list[tuple[str, str]]:
    """Jinja's own view: data, strings and names, with blanks at the edges of data left out."""
    found = []
    for _, kind, value in jinja2.Environment().lex(template):
        if kind == "data" and value.strip():
            found.append(("text", value.strip()))
        elif kind == "string":
            found.append(("string", value[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")))
        elif kind == "name":
            found.append(("name", value))
    return found


def ours(template: str) -> list[tuple[str, str]]:
    found = [(kind, text.strip() if kind == "text" else text) for kind, text in pieces(template)]
    return [(kind, text) for kind, text in found if kind != "block" and (text or kind != "text")]


FRAGMENTS = st.sampled_from(
    [
        "{{ 'a' }}",
        '{{- "b}}" -}}',
        "{% if x == 'user' %}",
        "{%- endif -%}",
        "{# '<|c|>' #}",
        "<|im|>",
        "é ｜",
        "{{ {'a': {'b': 1}} }}",
        "{{ m['role'] ~ \"\\n\" }}",
        "{{ x.y | trim + 1e5 - 0x1f }}",
        "{ not } %} }}",
        "{% raw %}{{ '<|r|>' }}{% endraw %}",
        "{{ f(a, [1, {'k': 'v'}]) }}",
        "{{ '\\'\\\\' }}",
        "a{ {b",
        "{{ é1 }}",
    ]
)


@given(st.lists(FRAGMENTS).map("".join))
def test_pieces_are_those_of_jinja(template: str) -> None:
    try:
        expected = lexed(template)
    except jinja2.TemplateSyntaxError:
        reject()
    assert ours(template) == expected


@given(
    st.one_of(
        st.text(), st.text(alphabet="{}%#-'\"\\ ab\n([])|<>"), st.lists(FRAGMENTS | st.text()).map("".join)
    )
)
def test_lexing_never_fails(template: str) -> None:
    lexed_text = "".join(text for _, text in pieces(template))
    assert len(lexed_text) <= len(template)
    known = vocabulary(template)
    template_ids(known)


@given(st.text(alphabet="ab<|>é\n"), st.text(alphabet="ab<|>é\n "), st.sampled_from("'\""))
def test_every_literal_is_found(before: str, inside: str, quote: str) -> None:
    template = f"{before}{{{{ {quote}{inside}{quote} }}}}<|im|>"
    assert ours(template)[-1] == ("text", "<|im|>")
    assert [text for kind, text in ours(template) if kind == "string"] == [inside]


@pytest.mark.parametrize(
    "literal", ["\\n\\t\\\\", "\\x41\\u00e9\\U0001f600", "\\101", "\\q", "\\ud83d", "\\"]
)
def test_unescape(literal: str) -> None:
    expected = {"\\ud83d": "\\ud83d", "\\": "\\"}.get(literal)
    assert unescape(literal) == (expected or literal.encode().decode("unicode-escape"))


def folder(tmp_path: Path, **config: object) -> Path:
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [], "model": model}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def found(root: Path) -> list[tuple[str, str, str]]:
    known = read_vocabulary(LocalFolder(root))
    assert known is not None
    return [(template.name, template.source, template.text) for template in known.chat_templates]


def test_template_in_the_config(tmp_path: Path) -> None:
    assert found(folder(tmp_path, chat_template="A")) == [
        ("default", "tokenizer_config.json:chat_template", "A")
    ]


def test_named_templates_in_the_config(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "A"}, {"name": "tool_use", "template": "B"}]
    source = "tokenizer_config.json:chat_template"
    expected = [("default", f"{source}[default]", "A"), ("tool_use", f"{source}[tool_use]", "B")]
    assert found(folder(tmp_path, chat_template=named)) == expected


def test_files_replace_the_config(tmp_path: Path) -> None:
    root = folder(tmp_path, chat_template="A")
    (root / "chat_template.jinja").write_text("J")
    (root / "additional_chat_templates").mkdir()
    (root / "additional_chat_templates" / "rag.jinja").write_text("R")
    (root / "chat_template.json").write_text(json.dumps({"chat_template": "P"}))
    assert found(root) == [
        ("default", "chat_template.jinja", "J"),
        ("rag", "additional_chat_templates/rag.jinja", "R"),
        ("default", "chat_template.json:chat_template", "P"),
    ]
    known = read_vocabulary(LocalFolder(root))
    assert known is not None
    assert any("differs from chat_template.jinja" in note for note in known.notes)
    loaded = AutoTokenizer.from_pretrained(str(DEMO))
    assert loaded.chat_template == (DEMO / "chat_template.jinja").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [5, [1], [{"name": "x"}], {"x": None}, [{"name": 1, "template": "A"}]])
def test_templates_that_are_no_text(tmp_path: Path, value: object) -> None:
    with pytest.raises(TokenizerError, match="chat"):
        read_vocabulary(LocalFolder(folder(tmp_path, chat_template=value)))
