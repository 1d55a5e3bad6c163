"""Which ids added tokens get when a tokenizer is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rowscope.inspector.text import joined, say
from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.limits import MOST_ADDED, require
from rowscope.inspector.vocabulary.model import AddedToken, Shift

_NAMED_IN_NOTES = 5


class AddedTokens:
    """Gives ids to added tokens as the tokenizers library does, or as transformers' Python tokenizers do.

    In the tokenizers library the id that a file states does not count: a token of the model's vocabulary
    keeps its id, any other gets the next one, and a batch starts behind the model's size and behind all
    added tokens before it. Files that the library wrote state exactly these ids; for others `shifts` has
    the difference. The Python tokenizers, which read `vocab.json` and `vocab.txt`, keep the stated ids, and
    number tokens without one from the count of all tokens on.

    Attributes:
        by_content: content -> token with the id that it got.
        new: how many of them the model's vocabulary does not hold.
    """

    def __init__(self, base: Base, *, keep_stated: bool) -> None:
        self._ids = base.ids
        self._size = base.size
        self._keep_stated = keep_stated
        self.by_content = {token.content: token for token in base.placed}
        self.new = len(base.placed)

    def add(self, batch: Iterable[AddedToken]) -> None:
        """Add tokens in this order; one that is there already takes the new flags and keeps its id.

        A negative id states nothing. Ids can collide where the model's vocabulary has holes, as they do in
        the library: the later token keeps the id.

        Raises:
            TokenizerError: more of them than `MOST_ADDED`.
        """
        next_id = self._first_free()
        for token in batch:
            if not token.content:
                continue
            known = self.by_content.get(token.content)
            there = self._ids.get(token.content)
            id = known.id if known else there
            if known is None and self._keep_stated and token.id >= 0:
                id = token.id
            if id is None:
                id, next_id = next_id, next_id + 1
            if known is None:
                self.new += there is None
            self.by_content[token.content] = replace(token, id=id)
        require("the tokenizer", "added tokens", len(self.by_content), MOST_ADDED)

    def _first_free(self) -> int:
        if self._keep_stated:
            return len(self._ids) + self.new
        last = max((token.id for token in self.by_content.values()), default=-1)
        return max(self._size, last + 1)

    def shifts(self, source: str, stated: Iterable[AddedToken]) -> list[Shift]:
        """The tokens of a file that got another id than it states; a negative id states nothing."""
        found = []
        for token in stated:
            got = self.by_content.get(token.content)
            if got is not None and 0 <= token.id != got.id:
                found.append(Shift(token.content, token.id, got.id, source))
        return found


def note_shifts(shifts: Iterable[Shift], notes: list[str]) -> None:
    """Say which tokens got another id than their file states."""
    every = list({shift.token: shift for shift in reversed([*shifts])}.values())[::-1]
    if not every:
        return
    first, more = every[:_NAMED_IN_NOTES], len(every) - _NAMED_IN_NOTES
    shown: str = joined(", ", [f"{shift.token!r} {shift.stated} -> {shift.id}" for shift in first])
    if more > 0:
        shown = say("{shown} and {more} more", shown=shown, more=more)
    notes.append(
        say(
            "added tokens that get another id than their file states when the tokenizer is loaded: {shown}",
            shown=shown,
        )
    )


def stated_twice(stated: Iterable[AddedToken]) -> dict[int, tuple[str, ...]]:
    """The ids that one file states for several added tokens, and these."""
    met: dict[int, dict[str, None]] = {}
    for token in stated:
        if token.id >= 0 and token.content:
            met.setdefault(token.id, {})[token.content] = None
    return {id: tuple(tokens) for id, tokens in met.items() if len(tokens) > 1}
