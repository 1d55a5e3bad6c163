"""Tokens in a text: found as Python's own regular expressions find them, in work that grows with the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.vocabulary import matching
from rowscope.inspector.vocabulary.matching import Matcher

LETTERS = st.text(alphabet="ab<|", max_size=6)


def by_alternatives(text: str, contents: list[str]) -> list[tuple[int, int]]:
    """From the left, the longest first at each place, by the regex engine."""
    ordered = sorted(filter(None, contents), key=len, reverse=True)
    pattern = "|".join(map(re.escape, ordered))
    return [match.span() for match in re.finditer(pattern, text)] if ordered else []


@pytest.mark.parametrize("cheap", [-1, matching.CHEAP], ids=["automaton", "searched"])
@given(contents=st.lists(LETTERS, max_size=10), text=st.text(alphabet="ab<|c", max_size=60))
def test_the_longest_from_the_left(cheap: int, contents: list[str], text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "CHEAP", cheap)
        matcher = Matcher(contents)
        assert list(matcher.spans(text)) == by_alternatives(text, contents)
        assert matcher.found(text) == {text[start:stop] for start, stop in by_alternatives(text, contents)}


def test_many_tokens_of_one_length_are_looked_up() -> None:
    contents = [f"<|{place:05}|>" for place in range(2000)]
    text = "".join(contents[7::11])
    assert Matcher(contents).found(text) == set(contents[7::11])


HOSTILE = {
    "many": lambda size: ([f"<|t{place}|>" for place in range(size // 8)], "<|t1|>" * (size // 6)),
    "one letter": lambda size: (["a" * length for length in range(1, int(size**0.5))], "a" * size),
    "almost": lambda size: (
        ["a" * length + "b" for length in range(1, int(size**0.5))],
        "a" * size,
    ),
    "reversed": lambda size: (["b" + "a" * length for length in range(1, int(size**0.5))], "a" * size),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_with_the_text(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(matching, "CHEAP", -1)
    for size in (2_000, 20_000):
        contents, text = HOSTILE[name](size)
        matcher = Matcher(contents)
        matcher.found(text)
        assert 0 < matcher.steps <= 2 * (sum(map(len, contents)) + len(text))


def test_more_than_can_be_searched_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "CHEAP", -1)
    monkeypatch.setattr(matching, "MOST_STATES", 10)
    with pytest.raises(TokenizerError, match="11 characters of added tokens to look for"):
        Matcher(["abcdefghijk"]).found("abc")
