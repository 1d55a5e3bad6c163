"""What tokens stand for, against the decoders of the tokenizers library and GPT-2's own byte table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import decoders
from tokenizers import pre_tokenizers as before
from transformers.convert_slow_tokenizer import bytes_to_unicode

from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.text import visible
from rowscope.inspector.vocabulary import (
    Vocabulary,
    byte_level_spelling,
    called,
    read_vocabulary,
    shown_token,
)
from rowscope.inspector.vocabulary.alphabet import alphabet_of

LLAMA = decoders.Sequence(
    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
)
DECODERS = {
    "byte level": (decoders.ByteLevel(), "Ġa介ĊÀä»"),
    "llama": (LLAMA, "▁a介<0xE4>"),
    "metaspace": (decoders.Metaspace(), "▁a介Ġ"),
    "wordpiece": (decoders.WordPiece("##", cleanup=False), "#a介Ġ▁"),
    "bpe": (decoders.BPEDecoder("</w>"), "a介</w>Ġ"),
    "ctc": (decoders.CTC("<pad>", "|", True), "|ab"),
    "replace": (decoders.Sequence([decoders.Replace("_", " "), decoders.Fuse()]), "_a▁"),
}


def _parts(**parts: object) -> dict[str, object]:
    """The parts of a tokenizer.json as the library itself writes them."""
    return {name: json.loads(part.__getstate__()) for name, part in parts.items()}  # type: ignore[attr-defined]


def _within(decoder: Any, token: str) -> str:
    """What the token adds within a text, without the blank that WordPiece puts before words."""
    pieces = "WordPiece" in str(decoder)
    joined = str(decoder.decode(["x", token, "##q" if pieces else "q"])).removeprefix("x").removesuffix("q")
    return joined[1:] if pieces and not token.startswith("##") else joined


@pytest.mark.parametrize("name", DECODERS)
def test_text_is_what_the_decoder_makes(name: str) -> None:
    decoder, letters = DECODERS[name]
    alphabet = alphabet_of(_parts(decoder=decoder))

    @given(st.text(letters, min_size=1, max_size=6) | st.sampled_from(["<0x41>", "<0xE4>", "##ing", "a</w>"]))
    def check(token: str) -> None:
        joined = _within(decoder, token)
        text = alphabet.text(token)
        assert (text is None) == ("\ufffd" in joined), (token, joined)
        assert text is None or text == joined, (token, joined)

    check()


@given(st.binary(min_size=1, max_size=8))
@example(b"\xe4\xbb")
@example("介绍".encode())
def test_all_bytes_in_the_byte_level_alphabet(raw: bytes) -> None:
    """Each token is written by GPT-2's own table; the library's decoder and Python's say what it means."""
    table = bytes_to_unicode()
    token = "".join(table[byte] for byte in raw)
    assert token == byte_level_spelling(raw)
    alphabet = alphabet_of(_parts(decoder=decoders.ByteLevel()))
    assert alphabet.raw(token) == raw
    text = alphabet.text(token)
    assert decoders.ByteLevel().decode([token]) == raw.decode(errors="replace")
    if text is None:
        assert shown_token(token, text) == f"<{raw.hex(' ').upper()}>".replace("<", "<0x").replace(" ", " 0x")
    else:
        assert text.encode() == raw


def test_the_alphabet_is_not_guessed() -> None:
    """Without byte-level parts `Ġ` is a letter; with a byte-level pre-tokenizer alone it is a blank."""
    bert = {"decoder": {"type": "WordPiece", "prefix": "##"}, "model": {"type": "WordPiece"}}
    assert alphabet_of(bert).text("Ġword") == "Ġword"
    assert alphabet_of({"model": {"type": "BPE"}}).text("Ġ▁##x</w>") == "Ġ▁##x</w>"
    assert alphabet_of(_parts(pre_tokenizer=before.ByteLevel())).text("Ġword") == " word"
    assert alphabet_of(_parts(pre_tokenizer=before.Metaspace())).text("▁Ġword") == " Ġword"
    nested = before.Sequence([before.Digits(), before.ByteLevel()])
    assert alphabet_of(_parts(pre_tokenizer=nested)).text("Ġword") == " word"
    clip = {**_parts(decoder=decoders.ByteLevel()), "model": {"type": "BPE", "end_of_word_suffix": "</w>"}}
    assert alphabet_of(clip).text("Ġthe</w>") == " the "


def _vocabulary(folder: Path, tokens: list[str], **parts: object) -> Vocabulary:
    ids = {token: id for id, token in enumerate(tokens)}
    document = {"version": "1.0", "model": {"type": "BPE", "vocab": ids, "merges": []}, **parts}
    (folder / "tokenizer.json").write_text(json.dumps(document))
    vocabulary = read_vocabulary(LocalFolder(folder))
    assert vocabulary is not None
    return vocabulary


def test_added_tokens_are_stored_as_they_are_matched(tmp_path: Path) -> None:
    added = [{"id": 2, "content": "Ġ▁ÀÁ", "special": True}]
    vocabulary = _vocabulary(
        tmp_path, ["Ġa", "ä»"], added_tokens=added, **_parts(decoder=decoders.ByteLevel())
    )
    assert [vocabulary.text(id) for id in range(4)] == [" a", None, "Ġ▁ÀÁ", None]
    assert [vocabulary.shown(id) for id in range(4)] == ["␣a", "<0xE4 0xBB>", "Ġ▁ÀÁ", "-"]
    assert [vocabulary.raw(id) for id in range(4)] == [b" a", b"\xe4\xbb", "Ġ▁ÀÁ".encode(), None]


def test_a_token_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    vocabulary = _vocabulary(tmp_path, ["Ġa", "ä»", "a", "Ċ"], **_parts(decoder=decoders.ByteLevel()))
    names = {"Ġa": [0], " a": [0], "␣a": [0], "<0xE4 0xBB>": [1], "\\n": [3], "\n": [3], "x": []}
    for name, ids in names.items():
        assert called(vocabulary, name) == ids


@pytest.mark.parametrize(
    ("tokenizer_class", "token", "text"),
    [
        ("CLIPTokenizer", "the</w>", "the "),
        ("CTRLTokenizer", "th@@", "th"),
        ("BertTokenizer", "the</w>", "the</w>"),
    ],
)
def test_classes_that_read_a_bare_vocabulary(
    tmp_path: Path, tokenizer_class: str, token: str, text: str
) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps({token: 0}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class}))
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    assert vocabulary is not None
    assert vocabulary.text(0) == text


def test_continuations_keep_their_mark_for_people(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("ing\n##ing\nĠx\n")
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    assert vocabulary is not None
    assert [vocabulary.text(id) for id in range(3)] == ["ing", "ing", "Ġx"]
    assert [vocabulary.shown(id) for id in range(3)] == ["ing", "##ing", "Ġx"]


@given(st.text(min_size=1))
@example("\x1b[31m\u202e\u200b\r\n\t \\n\u00a0")
def test_nothing_shown_is_obeyed_or_hidden(text: str) -> None:
    token = byte_level_spelling(text.encode("utf-8", "surrogatepass"))
    shown = shown_token(token, text)
    assert shown == visible(shown)
    assert " " not in shown
    assert shown.isprintable()


def test_what_is_shown_tells_tokens_apart() -> None:
    texts = ["\n", "\\n", "\\\\n", "\t", "\\t", " ", "  ", "a", "\u200b", "\\u200b", "\x07", "\\x07"]
    assert len({shown_token("stored", text) for text in texts}) == len(texts)
