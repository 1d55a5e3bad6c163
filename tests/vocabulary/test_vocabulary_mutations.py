"""Tokenizer files changed at random: an error or a vocabulary, and what the library accepts is read alike."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.vocabulary.files import parse_without_merges
from rowscope.inspector.vocabulary.sentencepiece import read_sentencepiece

from ..writing import Document, added, document, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: object) -> list[Callable[[object], None]]:
    """Setters for every place within a JSON value."""
    found: list[Callable[[object], None]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        found.append(lambda new, key=key: value.__setitem__(key, new))  # type: ignore[union-attr]
        found += places(value[key])  # type: ignore[index]
    return found


@settings(deadline=None)  # the first example waits for imports
@given(st.data())
def test_mutated_values(data: st.DataObject) -> None:
    whole = document(added_tokens=[added(3), added(0, "a", special=True)])
    config: Document = {"eos_token": "a", "chat_template": "x", "additional_special_tokens": ["<x>"]}
    config["added_tokens_decoder"] = {"3": added(3)}
    files: dict[str, Document] = {"tokenizer": whole, "tokenizer_config": config}
    files["special_tokens_map"] = {"eos_token": {"content": "b"}, "additional_special_tokens": ["<y>"]}
    files["added_tokens"] = {"<z>": 4, "<w>": 5}
    files["config"] = {"model_type": "bert", "tokenizer_class": None}
    files["chat_template"] = {"chat_template": {"default": "x"}}
    if data.draw(st.booleans()):
        del config["added_tokens_decoder"]
    target = data.draw(st.sampled_from(list(files.values())))
    data.draw(st.sampled_from(places(target)))(data.draw(JSON))
    with tempfile.TemporaryDirectory() as root:
        try:
            known = read(Path(root), **files)
        except TokenizerError:
            known = None
        if target is whole and (oracle := accepted(json.dumps(whole))):
            assert known is not None
            assert known.base_size == oracle.get_vocab_size(with_added_tokens=False)
            assert set(oracle.get_vocab().values()) <= set(known.tokens)


def accepted(text: str) -> Tokenizer | None:
    try:
        return Tokenizer.from_str(text)
    except BaseException as error:
        # The library raises the bare class Exception for what it does not accept.
        if type(error) is not Exception:
            raise
        return None


@settings(deadline=None)  # the first example waits for imports
@given(st.data())
def test_mutated_bytes(data: st.DataObject) -> None:
    whole = bytearray(json.dumps(document()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with tempfile.TemporaryDirectory() as root:
        try:
            known = read(Path(root), tokenizer=bytes(whole))
        except TokenizerError:
            reject()
    assert known is not None
    assert known.entries >= known.base_size
    assert set(known.added) <= set(known.tokens)


@given(st.binary(max_size=200))
def test_any_bytes_as_a_sentencepiece_model(data: bytes) -> None:
    try:
        base = read_sentencepiece(data, "x", [])
    except TokenizerError:
        return
    assert base.size == len(base.tokens)


MERGES = st.lists(
    st.text(max_size=4) | st.lists(st.text(alphabet=']["},:{ a', max_size=4), max_size=2), max_size=5
)
KEYS = st.sampled_from(["merges", "model", "vocab", "added_tokens", 'x"merges', "a]"])


@given(
    st.recursive(
        MERGES | st.integers() | st.text(alphabet=']["},:{ a\\', max_size=5),
        lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3),
    ),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_leaving_merges_out_changes_nothing_else(value: object, indent: int | None, ascii: bool) -> None:
    whole = {"model": value}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii).encode()
    assert emptied(parse_without_merges(text, "x")) == emptied(whole)


def emptied(value: object) -> object:
    """The value with every list under a key that ends in `merges` emptied."""
    if isinstance(value, list):
        return [emptied(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    listed = {key for key, entry in value.items() if key.endswith("merges") and isinstance(entry, list)}
    return {key: [] if key in listed else emptied(entry) for key, entry in value.items()}


def test_merges_are_left_out_of_a_whole_file() -> None:
    text = json.dumps(document(merges=[["a", "b"], ["]", ': "merges"']] * 3)).encode()
    short = parse_without_merges(text, "x")
    assert isinstance(short, dict)
    assert short["model"]["merges"] == []
    assert short == document(merges=[])
