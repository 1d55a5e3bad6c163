"""A tokenizer.json read by columns says what its JSON says, or is left to the JSON parser."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary
from rowscope.inspector.vocabulary import columns as room
from rowscope.inspector.vocabulary.columns import MOST_ALIKE, Lines, read_lines
from rowscope.inspector.vocabulary.lookup import all_ids, differing, ids_of, largest_id, starting
from rowscope.inspector.vocabulary.written import WrittenTokens

# Letters of JSON's own syntax, of the placeholders, of several bytes in UTF-8, and of escapes.
LETTERS = st.sampled_from('ab<[{"\\:, ,}/\n\t\x00\x1f\x7fäĠ中😀')
TOKENS = st.text(LETTERS, max_size=12) | st.text(max_size=4) | st.text("a", min_size=14, max_size=20)
VOCABULARIES = st.dictionaries(TOKENS, st.integers(0, 40) | st.integers(0, 2**32 - 1), max_size=30)


def whole(vocabulary: dict[str, int], added: list[str], *, indent: int | None, ascii_only: bool) -> bytes:
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "a"}
    listed = [{"id": at, "content": content, "special": True} for at, content in enumerate(added)]
    document = {"version": "1.0", "added_tokens": listed, "model": model}
    return json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()


def outcome(data: bytes) -> Vocabulary | str:
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "tokenizer.json").write_bytes(data)
        try:
            found = read_vocabulary(LocalFolder(Path(root)))
        except TokenizerError as error:
            return str(error)
    assert found is not None
    return found


def both(data: bytes) -> tuple[Vocabulary | str, Vocabulary | str]:
    """By columns where that can be, and by the JSON parser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "cut_vocabulary", lambda *_: None)
        parsed = outcome(data)
    return outcome(data), parsed


def assert_same(data: bytes) -> None:
    found, parsed = both(data)
    if isinstance(found, str) or isinstance(parsed, str):
        assert found == parsed
        return
    plain = dict(parsed.tokens)
    assert {id: found.tokens[id] for id in plain} == plain
    assert sorted(all_ids(found.tokens).tolist()) == sorted(plain)
    assert largest_id(found.tokens) == largest_id(parsed.tokens)
    wanted = {*plain.values(), "absent", "\ud800"}
    assert ids_of(found.tokens, wanted) == ids_of(parsed.tokens, wanted)
    assert sorted(starting(found.tokens, "<[")) == sorted(starting(parsed.tokens, "<["))
    assert differing(found.tokens, parsed.tokens) == set()
    other = {**plain, 3: "other", 2**31: "new"}
    assert differing(found.tokens, other) == {id for id in other if other[id] != plain.get(id)}
    assert found.tokens.get(2**32) is None
    assert found.tokens.get(-1) is None
    assert dict(found.tokens) == plain
    assert vars(found) | {"tokens": plain} == vars(parsed) | {"tokens": plain}


@settings(deadline=None, max_examples=300)
@given(VOCABULARIES, st.lists(TOKENS, max_size=4), st.sampled_from([None, 2, 2, 4]), st.booleans())
def test_any_vocabulary(
    vocabulary: dict[str, int], added: list[str], indent: int | None, ascii_only: bool
) -> None:
    assert_same(whole(vocabulary, added, indent=indent, ascii_only=ascii_only))


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_any_change_of_the_bytes(data: st.DataObject) -> None:
    kept = {"a": 0, "b": 1, 'q"': 2, "\\": 3, "ä": 4, "long" * 5: 5, "long" * 5 + "!": 16, "<x>": 7}
    text = bytearray(whole(kept, ["<y>"], indent=2, ascii_only=data.draw(st.booleans())))
    start = text.index(b'"vocab"')
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(start, len(text) - 1))
        written = st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"\n", b",", b"0", b'": 1,\n      "'])
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(written)
    assert_same(bytes(text))


@pytest.mark.parametrize("again", [b'"a"', b'"\\u0061"'])
def test_of_equal_tokens_the_last_counts(again: bytes) -> None:
    data = whole({"a": 0, "b": 1, "c": 2}, [], indent=2, ascii_only=True)
    assert_same(data.replace(b'"c"', again))
    found, _ = both(data.replace(b'"c"', again))
    assert isinstance(found, Vocabulary)
    assert found.tokens[2] == "a"
    assert found.entries == 2


@pytest.mark.parametrize("text", [b"01", b"-1", b"1.0", b"4294967296", b"99999999999", b"1e3", b"", b"null"])
def test_ids_that_are_none(text: bytes) -> None:
    data = whole({"a": 0, "b": 77, "c": 2}, [], indent=2, ascii_only=True)
    assert_same(data.replace(b"77", text))


def test_the_vocabulary_key_in_another_place() -> None:
    data = whole({"a": 0, "b": 1}, [], indent=2, ascii_only=True)
    nested = data.replace(b'"version"', b'"x": {\n    "vocab": {\n      "z": 5\n    }\n  },\n  "version"')
    assert_same(nested)
    twice = data.replace(b'"unk_token"', b'"vocab": {\n      "z": 5\n    },\n    "unk_token"')
    assert_same(twice)


def test_what_the_library_writes_is_read_by_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = {"\x7f": 3, 'say "x"': 0, "\\n": 2, "Ġä": 1, "<|reserved_7|>": 9, "<unk>": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"), pretty=True)
    seen: list[Any] = []
    cut = room.cut_vocabulary
    monkeypatch.setattr(room, "cut_vocabulary", lambda *given: seen.append(cut(*given)) or seen[-1])
    found = read_vocabulary(LocalFolder(tmp_path))
    assert seen
    assert seen[0] is not None
    assert found is not None
    assert isinstance(found.tokens, WrittenTokens)
    assert dict(found.tokens) == {id: token for token, id in tokenizer.get_vocab().items()}


def test_tokens_of_equal_hash_are_told_apart() -> None:
    tokens = [f"beginning{at}-the-long-middle-and-the-end" for at in range(10)]
    text = ",\n".join(f'  "{token}": {at}' for at, token in enumerate(tokens)).encode()
    lines = read_lines(text + bytes(8), 2)
    assert isinstance(lines, Lines)
    assert len(set(lines.keys.tolist())) == 1
    assert [lines.find(token) for token in tokens] == list(range(10))
    assert lines.find("beginningX-the-long-middle-and-the-end") is None


def test_many_tokens_of_one_hash_are_left_to_the_json_parser() -> None:
    tokens = {f"<|reserv{at:04}ed_for_later_use_by_model|>": at for at in range(MOST_ALIKE + 1)}
    data = whole(tokens, [], indent=2, ascii_only=True)
    assert_same(data)
    found, _ = both(data)
    assert isinstance(found, Vocabulary)
    assert not isinstance(found.tokens, WrittenTokens)
    del tokens["<|reserv0000ed_for_later_use_by_model|>"]
    found, _ = both(whole(tokens, [], indent=2, ascii_only=True))
    assert isinstance(found, Vocabulary)
    assert isinstance(found.tokens, WrittenTokens)


def test_many_single_lookups_turn_to_a_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowscope.inspector.vocabulary.written.MOST_SINGLES", 3)
    found, parsed = both(whole({"a": 0, "b": 1, "c": 1}, ["<x>"], indent=2, ascii_only=True))
    assert isinstance(found, Vocabulary)
    assert isinstance(parsed, Vocabulary)
    for _ in range(3):
        assert [found.tokens.get(id) for id in range(5)] == [parsed.tokens.get(id) for id in range(5)]


def test_what_differs_between_two_that_share_their_entries() -> None:
    one, _ = both(whole({"a": 0, "b": 1}, ["<x>"], indent=2, ascii_only=True))
    other, _ = both(whole({"a": 0, "b": 1}, ["<x>", "<y>"], indent=2, ascii_only=True))
    assert isinstance(one, Vocabulary)
    assert isinstance(other, Vocabulary)
    assert differing(one.tokens, other.tokens) == differing(other.tokens, one.tokens) == {3}
    assert differing(one.tokens, one.tokens) == set()
