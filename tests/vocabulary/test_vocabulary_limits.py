"""More than any tokenizer holds is refused with its figure, before it takes minutes and gigabytes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import added as adding
from rowscope.inspector.vocabulary import base, chat, files, jinja, read_vocabulary, sentencepiece, settings
from rowscope.inspector.vocabulary import tokenizer_json as serialized
from rowscope.inspector.vocabulary.limits import MOST_ENTRIES, MOST_TEMPLATE, MOST_TOKEN

from ..writing import Document, added, document, read

SMALL = {"a": 0, "b": 1}


def refused(folder: Path, match: str, **contents: object) -> None:
    with pytest.raises(TokenizerError, match=match):
        read(folder, **contents)


def refused_bytes(folder: Path, name: str, data: bytes, match: str) -> None:
    (folder / name).write_bytes(data)
    with pytest.raises(TokenizerError, match=match) as caught:
        read_vocabulary(LocalFolder(folder))
    assert "check that it is the file you mean" in str(caught.value) or "download" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("vocab.txt", b"a\n" * (MOST_ENTRIES + 1), "1,048,577 lines"),
        ("vocab.txt", b"a\n" + b"b" * (4 * MOST_TOKEN + 1), "262,145 bytes in one line"),
        ("vocab.txt", b"a\n" + b"b" * (MOST_TOKEN + 1), "65,537 characters in one token"),
        ("x.tiktoken", b"YQ== 0\n" + b"\n" * 2 * MOST_ENTRIES, "2,097,153 lines"),
        ("vocab.json", json.dumps({"a": 0, "b" * (MOST_TOKEN + 1): 1}).encode(), "65,537 characters in one"),
        ("chat_template.jinja", b"a" * (MOST_TEMPLATE + 1), "1,048,577 bytes"),
    ],
)
def test_one_file(tmp_path: Path, name: str, data: bytes, match: str) -> None:
    if name == "chat_template.jinja":
        (tmp_path / "vocab.json").write_text(json.dumps(SMALL))
    refused_bytes(tmp_path, name, data, match)


def test_pieces_and_their_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentencepiece, "MOST_ENTRIES", 10)
    piece = b"\x0a\x03\x0a\x01a"
    refused_bytes(tmp_path, "tokenizer.model", piece * 75, "more fields than any known model")
    refused_bytes(tmp_path, "tokenizer.model", piece + b"\x12\x16" + b"\x18\x01" * 11, "more fields than any")
    refused_bytes(tmp_path, "tokenizer.model", b"\x0a\x82\x01" + b"\x18\x01" * 65, "more fields than any")


def test_entries_of_a_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MOST_ENTRIES", 2)
    refused(tmp_path, "3 tokens, and rowscope reads 2", tokenizer=document())
    listed = [["a", 0.0], ["b", 0.0], ["c", 0.0]]
    refused(tmp_path, "3 tokens", tokenizer=document(type="Unigram", vocab=listed))
    text = json.dumps(document(), indent=2)  # read by columns
    refused_bytes(tmp_path, "tokenizer.json", text.encode(), "3 tokens")


def test_a_long_token(tmp_path: Path) -> None:
    long = "é" * (MOST_TOKEN + 1)
    refused(tmp_path, "in one token", tokenizer=document(vocab={long: 0}))
    refused(tmp_path, "in one token", tokenizer=document(added_tokens=[added(3, long)]))
    text = json.dumps(document(vocab={long: 0}), indent=2, ensure_ascii=False)  # read by columns
    refused_bytes(tmp_path, "tokenizer.json", text.encode(), "bytes in one token")


LISTS: list[Document] = [
    {"tokenizer": document(added_tokens=[added(place + 3, f"<{place}>") for place in range(4)])},
    {"tokenizer_config": {"added_tokens_decoder": {str(p): added(p, f"<{p}>") for p in range(3, 7)}}},
    {"tokenizer_config": {"additional_special_tokens": ["<a>", "<b>", "<c>", "<d>"]}},
    {"tokenizer_config": {"extra_special_tokens": {f"x{p}_token": f"<{p}>" for p in range(4)}}},
    {"tokenizer_config": {f"x{place}_token": f"<{place}>" for place in range(4)}},
    {"special_tokens_map": {"additional_special_tokens": ["<a>", "<b>", "<c>", "<d>"]}},
    {"added_tokens": {f"<{place}>": place + 3 for place in range(4)}},
    {"tokenizer_config": {"pad_token": "<p>", "additional_special_tokens": ["<a>", "<b>", "<c>"]}},
]


@pytest.mark.parametrize("contents", LISTS, ids=lambda contents: next(iter(contents)))
def test_lists_of_added_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: dict[str, Document]
) -> None:
    for module in (adding, settings, serialized):
        monkeypatch.setattr(module, "MOST_ADDED", 3)
    refused(
        tmp_path,
        "4 (added|further special) tokens|4 keys in one object",
        **{"tokenizer": document(added_tokens=[]), **contents},
    )


def test_values_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_PARSED", 400)
    refused(tmp_path, "bytes of JSON", tokenizer=document(vocab={"a" * 400: 0}))
    refused_bytes(tmp_path, "tokenizer.json", b"[" + b"1," * 2_000_001 + b"1]", "bytes of JSON")
    monkeypatch.setattr(files, "MOST_PARSED", 1 << 26)
    refused_bytes(tmp_path, "tokenizer.json", b"[" + b"1," * 2_000_001 + b"1]", "2,000,000 values")


def test_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "MOST_TEMPLATES", 2)
    named = [{"name": f"t{place}", "template": "x"} for place in range(3)]
    refused(tmp_path, "3 chat templates", tokenizer=document(), tokenizer_config={"chat_template": named})
    folder = tmp_path / "additional_chat_templates"
    folder.mkdir()
    for place in range(3):
        (folder / f"t{place}.jinja").write_text("x")
    refused(tmp_path, "3 chat templates", tokenizer=document(), tokenizer_config={})
    monkeypatch.setattr(chat, "MOST_TEMPLATES", 3)
    monkeypatch.setattr(chat, "MOST_TEMPLATE", 2)
    refused(tmp_path, "3 characters of chat templates", tokenizer=document(), tokenizer_config={})


HOSTILE = {
    "unclosed quotes": "{{ '" + "\\' " * 30_000,
    "unclosed quotes of two kinds": "{{ " + '"\\' * 50_000 + "'\\" * 50_000,
    "quotes": "{{ " + "' \" " * 20_000,
    "tags": "{{ ' }}" * 15_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_quote_is_followed_to_the_end_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = []

    def match(template: str, at: int) -> re.Match[str] | None:
        found = jinja_code.match(template, at)
        if template[at] in "'\"" and found is not None and not found["string"]:
            followed.append(at)
        return found

    jinja_code = jinja._CODE
    monkeypatch.setattr(jinja, "_CODE", SimpleNamespace(match=match))
    assert sum(len(piece.text) for piece in jinja.pieces(HOSTILE[name])) <= len(HOSTILE[name])
    assert len(followed) <= 2
