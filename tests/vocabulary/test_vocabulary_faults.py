"""Tokenizer files that are broken, odd or hostile: an error that names the place, or a note; nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import read_vocabulary

from ..writing import added, document, read


def test_no_tokenizer_files(tmp_path: Path) -> None:
    assert read(tmp_path, config={}, tokenizer_config={"eos_token": "x"}) is None
    assert read_vocabulary(LocalFolder(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (b"", "line 1, column 1"),
        (b"{", "not valid JSON"),
        (b'{"model": {"vocab": {"a": 0}}, "added_tokens": [}', "line 1, column 49"),
        (b'{"a": "\xff"}', "byte 0xff at offset 7"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not usable JSON"),
        (b'{"a": "\\ud83d"}', "half a surrogate pair"),
        (b"null", "the file is None"),
        ({}, "'model' is None"),
        (document(vocab=None), "'vocab' of the model is None"),
        (document(type="Magic"), "'Magic', not one of BPE"),
        (document(type=["BPE"]), "type"),
        (document(vocab={"a": "0"}), "the id of token 'a' is '0'"),
        (document(vocab={"a": 0, "b": -1}), "the id of token 'b' is -1"),
        (document(vocab={"a": 0, "b": True}), "the id of token 'b' is True"),
        (document(vocab={"a": 0, "b": 1.0}), "1.0"),
        (document(vocab={"a": 10**18}), "1000000000000000000"),
        (document(vocab={"a": None}), "None"),
        (document(type="Unigram"), "a list of"),
        (document(type="Unigram", vocab=[["a", 0.0], ["b"]]), "['b']"),
        (document(type="Unigram", vocab=[[1, 0.0]]), "[1, 0.0]"),
        (document(added_tokens={}), None),
        (document(added_tokens={"a": 1}), "'added_tokens' is {'a': 1}"),
        (document(added_tokens=["x"]), "an added token is 'x'"),
        (document(added_tokens=[added(-1)]), "the id of added token '<x>' is -1"),
        (document(added_tokens=[added(True)]), "is True"),
        (document(added_tokens=[added(10**18)]), "1000000000000000000"),
        (document(added_tokens=[added(3, None)]), "content"),
        (document(added_tokens=[added(3, special=1)]), "special of added token '<x>' is 1"),
    ],
)
def test_malformed_tokenizer_json(tmp_path: Path, tokenizer: object, message: str | None) -> None:
    if message is None:
        assert read(tmp_path, tokenizer=tokenizer) is not None
        return
    with pytest.raises(TokenizerError) as caught:
        read(tmp_path, tokenizer=tokenizer)
    assert message in caught.value.message
    assert caught.value.location == "tokenizer.json"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer_config", b"[]", "the file is []"),
        ("tokenizer_config", {"eos_token": 5}, "eos_token is 5"),
        ("tokenizer_config", {"additional_special_tokens": "x"}, "additional_special_tokens is 'x'"),
        ("tokenizer_config", {"added_tokens_decoder": []}, "'added_tokens_decoder' is []"),
        ("tokenizer_config", {"added_tokens_decoder": {"x": {"content": "y"}}}, "the id of added token 'y'"),
        ("tokenizer_config", {"added_tokens_decoder": {"-1": {"content": "y"}}}, "'-1'"),
        ("tokenizer_config", {"added_tokens_decoder": {"9" * 30: {"content": "y"}}}, "99999"),
        ("tokenizer_config", {"added_tokens_decoder": {"1": "y"}}, "an added token is 'y'"),
        ("special_tokens_map", {"eos_token": [1]}, "eos_token is [1]"),
        ("added_tokens", {"y": "1x"}, "'1x'"),
        ("chat_template", b"{", "not valid JSON"),
    ],
)
def test_malformed_settings(tmp_path: Path, name: str, content: object, message: str) -> None:
    with pytest.raises(TokenizerError) as caught:
        read(tmp_path, tokenizer=document(), **{name: content})
    assert message in caught.value.message
    assert caught.value.location == f"{name}.json"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.model", b"", "neither a sentencepiece model nor a tiktoken file"),
        ("tokenizer.model", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("tokenizer.model", b"\n\x7f\n\x01a", "127 bytes at byte 2 runs past the end"),
        ("tokenizer.model", b"\n\x03\n\x01\xff", "can't decode"),
        ("tokenizer.model", b"\n\x80", "not a complete sentencepiece model"),
        ("tokenizer.model", b"\n" + b"\xff" * 11, "more than 64 bits"),
        ("a.tiktoken", b"YQ== 0\nYg==\n", "line 2: 'Yg=='"),
        ("a.tiktoken", b"YQ== 0\nYg== x\n", "line 2"),
        ("a.tiktoken", b"YQ== 0\nYg= 1\n", "line 2"),
        ("a.tiktoken", b"YQ== 0\nYg== -1\n", "line 2"),
        ("a.tiktoken", b"YQ== 0\nYg== 99999999999999\n", "line 2"),
        ("tekken.json", b"{}", "'config' is None"),
        ("tekken.json", b'{"config": {"default_vocab_size": -1}}', "default_vocab_size is -1"),
        ("tekken.json", b'{"config": {"default_vocab_size": 1e9}}', "1000000000.0"),
        (
            "tekken.json",
            b'{"config": {"default_vocab_size": 2, "default_num_special_tokens": 1}, "vocab": []}',
            "a list of at most 1 tokens",
        ),
        ("vocab.json", b'{"a": {"b": 1}}', "the id of token 'a'"),
        ("vocab.txt", b"\xff\n", "not UTF-8"),
    ],
)
def test_malformed_formats(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TokenizerError) as caught:
        read_vocabulary(LocalFolder(tmp_path))
    assert message in caught.value.message
    assert caught.value.location == name


def test_a_giant_id_costs_nothing(tmp_path: Path) -> None:
    known = read(tmp_path, tokenizer=document(vocab={"a": 0, "b": 1, "ab": 2**32 - 1}))
    assert known is not None
    assert (known.max_id, known.entries, len(known.tokens)) == (2**32 - 1, 4, 4)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.model").write_bytes(b"YQ== 0\nYg== 1\n")
    listed = {"added_tokens_decoder": {str(2**32 - 1): {"content": "<far>", "special": True}}}
    known = read(tmp_path, tokenizer_config=listed)
    assert known is not None
    assert known.entries == 3
    assert any("gaps are not filled" in note for note in known.notes)


def test_notes(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("a\n")
    whole = document(vocab={"a": 0, "b": 1, "ab": 1}, added_tokens=[added(9), added(10, "<y>")])
    config = {"added_tokens_decoder": {}, "eos_token": "a"}
    known = read(
        tmp_path,
        tokenizer=b"\xef\xbb\xbf" + json.dumps(whole).encode(),
        tokenizer_config=config,
        special_tokens_map={"eos_token": {"content": "b"}},
    )
    assert known is not None
    text = "\n".join(known.notes)
    assert "byte order mark" in text
    assert "1 token shares its id" in text
    assert "goes first: vocab.txt" in text
    assert "'<x>' 9 -> 3, '<y>' 10 -> 4" in text
    assert "eos_token is 'a' in tokenizer_config.json and 'b' in special_tokens_map.json" in text
    assert known.files == ("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json")
