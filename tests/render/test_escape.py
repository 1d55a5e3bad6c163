"""Whatever a file calls its tensors, the terminal shows letters and escapes, and obeys nothing."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.checkpoint.structure import describe
from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.header.read import parse_header
from rowscope.inspector.render.inspect.text import render_inspect
from rowscope.inspector.text.escape import visible

ANY_TEXT = st.text(st.characters())  # surrogates among them
ORDINARY = st.characters(categories=["Lu", "Ll", "Lt", "Nd", "Sm", "Sc", "Pd", "Ps", "Pe", "Po"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("model.layers.0.weight", "model.layers.0.weight"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\0\x7f", "\\x00\\x7f"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("join\u200der", "join\\u200der"),
        ("soft\u00adhyphen", "soft\\xadhyphen"),
        ("line\u2028sep\u2029", "line\\u2028sep\\u2029"),
        ("no\u00a0break\u3000wide", "no\\xa0break\\u3000wide"),
        ("\ud800", "\\ud800"),
        ("\ue000\U000f0000", "\\ue000\\U000f0000"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("filler\u3164\u115f\uffa0\u2800", "filler\\u3164\\u115f\\uffa0\\u2800"),
        ("❤\ufe0f", "❤\\ufe0f"),
        ("名前 वज़न مرحبا Ωμέγα ñ 😀", "名前 वज़न مرحبا Ωμέγα ñ 😀"),
        ("back\\slash [/bold]", "back\\slash [/bold]"),
        ("", ""),
    ],
)
def test_examples(text, shown):
    assert visible(text) == shown


@given(ANY_TEXT)
def test_nothing_is_left_that_a_terminal_obeys_or_hides(text):
    shown = visible(text)
    assert shown.isprintable()
    categories = {unicodedata.category(character) for character in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert visible(shown) == shown


@given(st.text(ORDINARY))
def test_ordinary_letters_stay(text):
    expected = "".join(character for character in text if character not in "\u1160\u115f\u3164\uffa0\u2800")
    assert visible(expected) == expected


@given(st.text(st.characters(exclude_characters="\\")))
def test_different_names_look_different(text):
    """Without backslashes of its own a name can be read back from what is shown."""
    escape = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt]))")
    short = {"n": "\n", "r": "\r", "t": "\t"}
    back = escape.sub(
        lambda m: short[m[4]] if m[4] else chr(int(m[1] or m[2] or m[3], 16)),
        visible(text),
    )
    assert back == text


def file_of(names, metadata):
    header = {"__metadata__": metadata} if metadata else {}
    header |= {
        name: {"dtype": "I8", "shape": [1], "data_offsets": [position, position + 1]}
        for position, name in enumerate(names)
    }
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(len(names))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.lists(TEXT.filter(lambda name: name != "__metadata__"), max_size=5, unique=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@settings(deadline=None)
@given(
    names=NAMES,
    metadata=st.dictionaries(TEXT, TEXT, max_size=3),
    pattern=st.none() | TEXT,
    full=st.booleans(),
)
def test_listing_of_hostile_names_is_printable(folder, names, metadata, pattern, full):
    path = folder / "m.safetensors"
    path.write_bytes(file_of(names, metadata))
    (folder / "config.json").write_text(
        json.dumps({"model_type": "\x1b[2J", "architectures": ["\u202eX", *metadata]}), encoding="utf-8"
    )
    checkpoint = open_checkpoint(path)
    assert set(checkpoint.tensors) == set(names)
    text = render_inspect(describe(checkpoint, pattern=pattern), show_all=full)
    assert all(line.isprintable() for line in text.split("\n"))


@settings(deadline=None)
@given(
    name=TEXT,
    value=st.sampled_from(["null", '{"dtype":"\\u001b"}', '["\\u202e",[1],[0,1]]', "1", '"\\ud800"']),
)
def test_refusals_of_hostile_names_are_printable(name, value):
    key = json.dumps(name, ensure_ascii=False)
    for raw in (f"{{{key}:{value}}}", f"{{{key}:1,{key}:{value}}}", f"{{{key}:{value}", f"{{{key}{key}}}"):
        try:
            parse_header(raw.encode(), 8 + len(raw.encode()), "file\u202e\x1b")
        except MalformedFileError as error:
            message = error.message
        else:
            message = ""
        assert message.isprintable()
