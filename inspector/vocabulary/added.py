"""Which ids added tokens get when a tokenizer is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.model import AddedToken

_NAMED_IN_NOTES = 5


class AddedTokens:
    """Gives ids to added tokens as the tokenizers library does, or as transformers' Python tokenizers do.

    In the tokenizers library the id that a file states does not count: a token of the model's vocabulary
    keeps its id, any other gets the next one behind the model's size and behind all added tokens so far.
    Files that the library wrote state exactly these ids; for others a note names the difference. The
    Python tokenizers, which read `vocab.json` and `vocab.txt`, keep the stated ids, and number tokens
    without one from the count of all tokens on.

    Attributes:
        by_content: content -> token with the id that it got.
    """

    def __init__(self, base: Base, *, keep_stated: bool) -> None:
        self._ids = base.ids
        self._size = base.size
        self._keep_stated = keep_stated
        self._moved: list[tuple[str, int, int]] = []
        self.by_content = {token.content: token for token in base.placed}
        self._last = max((token.id for token in base.placed), default=-1)
        self.new = len(base.placed)

    def add(self, tokens: Iterable[AddedToken]) -> None:
        """Add tokens in this order; one that is there already takes the new flags and keeps its id.

        A negative id states nothing.
        """
        for token in tokens:
            if not token.content:
                continue
            known = self.by_content.get(token.content)
            if known is None:
                known = replace(token, id=self._id(token))
                self.new += token.content not in self._ids
                self._last = max(self._last, known.id)
                if 0 <= token.id != known.id:
                    self._moved.append((token.content, token.id, known.id))
            self.by_content[token.content] = replace(token, id=known.id)

    def add_special(self, contents: Iterable[str]) -> None:
        """Add special tokens that are only named somewhere, where they are no added tokens yet."""
        self.add(AddedToken(-1, content) for content in contents if content not in self.by_content)

    def note(self, notes: list[str]) -> None:
        """Say which tokens got another id than their file states."""
        if not self._moved:
            return
        first, more = self._moved[:_NAMED_IN_NOTES], len(self._moved) - _NAMED_IN_NOTES
        shown = ", ".join(f"{content!r} {stated} -> {id}" for content, stated, id in first)
        notes.append(
            "added tokens that get another id than their file states when the tokenizer is loaded: "
            + shown
            + (f" and {more} more" if more > 0 else "")
        )

    def _id(self, token: AddedToken) -> int:
        if self._keep_stated:
            if token.id >= 0:
                return token.id
            return self._ids.get(token.content, len(self._ids) + self.new)
        return self._ids.get(token.content, max(self._size, self._last + 1))
