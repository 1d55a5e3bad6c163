"""Which of many tokens stand in a text, in time that grows with the text and not with the tokens."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence

from rowscope.inspector.vocabulary.limits import require

_WIDTH = 0x110000
"""One more than the largest code point: a state and a character make one key, `state * _WIDTH + point`."""

_SLICE = 100
"""What a piece of text costs to cut out and look up, in characters to compare."""

CHEAP = 50_000_000
"""Characters to compare up to which the tokens are searched for as they are, in 0.1 s or so."""

MOST_STATES = 1 << 20
"""Of the automaton: it has one for each character of each token, and each takes 200 bytes."""


class Matcher:
    """Finds tokens as a tokenizer does: from the left, the longest first at each place.

    Where that would take long, an Aho-Corasick automaton of the reversed tokens says for every place of the
    text how long the longest token is that starts there; it is built once, at the first text that needs it.

    Attributes:
        steps: transitions that the automaton has taken so far, its building included.
    """

    def __init__(self, contents: Collection[str]) -> None:
        self._by_length: dict[int, set[str]] = {}
        for content in contents:
            if content:
                self._by_length.setdefault(len(content), set()).add(content)
        self._automaton: Automaton | None = None

    @property
    def steps(self) -> int:
        return self._automaton.steps if self._automaton is not None else 0

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of every token in the text; they do not overlap."""
        lengths = self._longest(text)
        at = 0
        while at < len(text):
            length = lengths.get(at, 0)
            if length:
                yield at, at + length
            at += length or 1

    def found(self, text: str) -> set[str]:
        """The tokens that `spans` gives, each once."""
        return {text[start:stop] for start, stop in self.spans(text)}

    def _longest(self, text: str) -> dict[int, int]:
        """Place -> length of the longest token that starts there.

        Raises:
            TokenizerError: that would take more memory than any known tokenizer asks for.
        """
        if self._cost(text) <= CHEAP:
            present = self._present(text)
            return Automaton(present).longest(text) if present else {}
        if self._automaton is None:
            states = sum(length * len(group) for length, group in self._by_length.items())
            require("the chat templates", "characters of added tokens to look for", states, MOST_STATES)
            self._automaton = Automaton([content for group in self._by_length.values() for content in group])
        return self._automaton.longest(text)

    def _cost(self, text: str) -> int:
        """Characters to compare, roughly, until the tokens in a text are known."""
        return sum(len(text) * min(len(group), _SLICE + length) for length, group in self._by_length.items())

    def _present(self, text: str) -> list[str]:
        """The tokens in a text: each searched for, or each piece of a length looked up, whichever is less."""
        present: list[str] = []
        for length, group in self._by_length.items():
            if len(group) <= _SLICE + length:
                present += [content for content in group if content in text]
            else:
                present += {text[at : at + length] for at in range(len(text) - length + 1)} & group
        return present


class Automaton:
    """Aho and Corasick's (1975), of the tokens read backwards, so that a match is known where it starts."""

    def __init__(self, contents: Collection[str]) -> None:
        self._next: dict[int, int] = {}
        self._length = array("L", [0])
        self._fail = array("L", [0])
        self.steps = 0
        levels: list[list[int]] = []
        for content in contents:
            state = 0
            for depth, character in enumerate(reversed(content)):
                key = state * _WIDTH + ord(character)
                following = self._next.get(key)
                if following is None:
                    following = self._next[key] = len(self._length)
                    self._length.append(0)
                    if depth == len(levels):
                        levels.append([])
                    levels[depth].append(key)
                state = following
            self._length[state] = len(content)
        self._link(levels)

    def _link(self, levels: Sequence[Sequence[int]]) -> None:
        """Where to go on when no transition fits: the state of the longest proper suffix that is one."""
        self._fail = array("L", bytes(self._length.itemsize * len(self._length)))
        for depth, level in enumerate(levels):
            for key in level:
                state, (parent, point) = self._next[key], divmod(key, _WIDTH)
                if depth:
                    self._fail[state] = self._step(self._fail[parent], point)
                self._length[state] = self._length[state] or self._length[self._fail[state]]

    def _step(self, state: int, point: int) -> int:
        while True:
            self.steps += 1
            following = self._next.get(state * _WIDTH + point)
            if following is not None:
                return following
            if state == 0:
                return 0
            state = self._fail[state]

    def longest(self, text: str) -> dict[int, int]:
        """Place -> length of the longest token that starts there, for the places where one does."""
        lengths, state = {}, 0
        for at in range(len(text) - 1, -1, -1):
            state = self._step(state, ord(text[at]))
            if self._length[state]:
                lengths[at] = self._length[state]
        return lengths
