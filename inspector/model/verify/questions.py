"""What the model is asked about a token: texts with gaps, in which the token's id stands.

The three prompts follow the rules of Land & Bartolo's verification (arXiv 2405.05417, section 3.2): the token
is to be repeated among examples, explained, and repeated many times; what counts is its probability where it
must come next. The carriers need no instruction: a sentence in which the token stands twice.
"""

from __future__ import annotations

from typing import Final

from rowscope.inspector.frozen import record

GAP: Final = None
"""Where the token stands."""

Part = str | None


@record
class Question:
    """A text that ends where the token must come.

    Attributes:
        reads: what is given; an encoder-decoder's encoder reads this.
        writes: how the answer begins; an encoder-decoder's decoder has written this.
        tail: what follows the token, for models that fill a gap from both sides.
    """

    name: str
    reads: tuple[Part, ...]
    writes: tuple[Part, ...]
    tail: str

    @property
    def text(self) -> str:
        """The whole text with {} for each gap, the last one where the token is to be predicted."""
        parts = (*self.reads, *self.writes, GAP)
        return "".join("{}" if part is None else part for part in parts)

    @property
    def without(self) -> Question:
        """The same text up to its first gap in the answer: how likely the token is before it was seen."""
        at = self.writes.index(GAP)
        return Question(self.name, self.reads, self.writes[:at], self.tail)


PROMPTS: Final = (
    Question(
        "copy",
        (
            "The machine copies what it is given, letter by letter.\n"
            "Given: [apple] Copy: [apple]\nGiven: [ winter] Copy: [ winter]\nGiven: [1984] Copy: [1984]\n"
            "Given: [",
            GAP,
            "] Copy:",
        ),
        (" [",),
        "]",
    ),
    Question(
        "explain",
        (
            "A reader asks what a word means. The editor first quotes the word, then explains it.\n"
            "Reader: Please explain 'window'.\nEditor: 'window' is an opening in a wall.\n"
            "Reader: Please explain '",
            GAP,
            "'.\nEditor:",
        ),
        (" '",),
        "'",
    ),
    Question(
        "repeat",
        ("One word fills the whole page, a line for each time:\n", GAP, "\n", GAP, "\n", GAP, "\n"),
        (GAP, "\n", GAP, "\n"),
        "\n",
    ),
)

CARRIERS: Final = (
    Question(
        "sentence",
        ("A line of a book:\n",),
        ('The word "', GAP, '" means the same as the word "'),
        '".',
    ),
    Question("list", ("A line of a program:\n",), ("x = [", GAP, "] + ["), "]"),
)
