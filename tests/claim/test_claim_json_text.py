"""Edited JSON text means what the same change of the parsed document means, and differs nowhere else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowscope.inspector.claim.edits.json_text import JsonText
from rowscope.inspector.errors import TokenizerError

STYLES: list[dict[str, Any]] = [
    {"indent": 2},
    {"indent": 4, "ensure_ascii": False},
    {"indent": "\t", "ensure_ascii": False},
    {},
    {"separators": (",", ":")},
    {"separators": (",", ":"), "ensure_ascii": False},
    {"indent": 1, "separators": (",", ":")},
]

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=5)
tokens = st.text(min_size=1, max_size=5)
styles = st.sampled_from(STYLES)


def written(document: object, style: dict[str, Any], newline: str) -> bytes:
    return json.dumps(document, **style).replace("\n", newline).encode()


@settings(deadline=None)
@given(objects, st.lists(objects | scalars, min_size=1, max_size=3), styles, st.sampled_from(["\n", "\r\n"]))
def test_append_to_a_list(
    document: dict[str, Any], new: list[Any], style: dict[str, Any], newline: str
) -> None:
    for present in ([], [{"id": 1, "content": "x"}], [{"id": 1}, {"id": 2}], ["a", "b"]):
        document["list"] = present
        file = JsonText(written(document, style, newline), "f")
        file.insert(("list",), new)
        expected = copy.deepcopy(document)
        expected["list"] = [*present, *new]
        assert json.loads(file.encode()) == expected


@settings(deadline=None)
@given(objects, tokens, values, styles, st.integers(0, 5))
def test_insert_into_an_object(
    document: dict[str, Any], key: str, value: Any, style: dict[str, Any], place: int
) -> None:
    document.pop(key, None)
    file = JsonText(written(document, style, "\n"), "f")
    file.insert((), [(key, value)], place)
    pairs = list(document.items())
    pairs.insert(place, (key, value))
    assert list(json.loads(file.encode()).items()) == pairs


@settings(deadline=None)
@given(objects, st.data(), styles)
def test_rename_and_remove_and_replace(
    document: dict[str, Any], data: st.DataObject, style: dict[str, Any]
) -> None:
    document |= {"a": {"old": 1, "other": 2}, "b": ["x", {"c": True}, "old"]}
    raw = written(document, style, "\n")
    new = data.draw(tokens)
    file = JsonText(raw, "f")
    file.rename(("a",), {"old": f"{new}!"})
    assert list(json.loads(file.encode())["a"].items()) == [(f"{new}!", 1), ("other", 2)]
    file.rename(("a",), {f"{new}!": "old"})
    assert file.encode() == raw
    file.replace(("b", 1, "c"), new)
    assert json.loads(file.encode())["b"][1]["c"] == new
    file.replace(("b", 1, "c"), True)
    assert file.encode() == raw
    for path, left in ((("b", 0), 2), (("b", 1), 1), (("b", 0), 0), (("a", "other"), 1), (("a", "old"), 0)):
        file.remove(path)
        assert len(json.loads(file.encode())[path[0]]) == left


@settings(deadline=None)
@given(objects, styles)
def test_what_is_put_in_and_taken_out_leaves_no_trace(
    document: dict[str, Any], style: dict[str, Any]
) -> None:
    document["list"] = [{"id": 1, "é": "é"}, {"id": 2, "é": "x"}]
    raw = written(document, style, "\n")
    file = JsonText(raw, "f")
    file.insert(("list",), [{"id": 3, "é": "y"}])
    assert file.encode() == written(
        document | {"list": [*document["list"], {"id": 3, "é": "y"}]}, style, "\n"
    )
    file.remove(("list", 2))
    assert file.encode() == raw
    file.insert(("list",), [{"id": 0, "é": "y"}], 0)
    file.remove(("list", 0))
    assert file.encode() == raw


@pytest.mark.parametrize("style", STYLES)
def test_the_style_of_the_file_is_kept(style: dict[str, Any]) -> None:
    """An entry is written as Python's own writer would write it in the same style."""
    document = {"a": {"1": {"content": "é"}, "2": {"content": "ü"}}, "b": ["x", "y"], "c": 1}
    file = JsonText(written(document, style, "\n"), "f")
    file.insert(("a",), [("3", {"content": "ö"})])
    file.insert(("b",), ["ß"])
    file.put((), "d", "ç")
    document["a"]["3"] = {"content": "ö"}  # type: ignore[index]
    document["b"].append("ß")  # type: ignore[attr-defined]
    document["d"] = "ç"
    assert file.encode() == written(document, style, "\n")


def test_the_last_of_repeated_keys_counts() -> None:
    file = JsonText(b'{"a": [1], "a": [2]}', "f")
    assert file.get("a") == [2]
    file.insert(("a",), [3])
    assert file.encode() == b'{"a": [1], "a": [2, 3]}'


def test_byte_order_mark_and_last_line_stay() -> None:
    file = JsonText(b'\xef\xbb\xbf{"a": 1}\n\n', "f")
    file.put((), "b", 2)
    assert file.encode() == b'\xef\xbb\xbf{"a": 1, "b": 2}\n\n'


def test_paths_that_lead_nowhere() -> None:
    file = JsonText(b'{"a": [1]}', "f")
    assert [file.get("b"), file.get("a", 1), file.get("a", "x")] == [None, None, None]
    with pytest.raises(KeyError):
        file.remove(("a", 4))
    with pytest.raises(KeyError):
        file.replace(("b",), 1)


def test_not_utf8() -> None:
    with pytest.raises(TokenizerError, match="not UTF-8"):
        JsonText(b'{"\xff": 1}', "f")
