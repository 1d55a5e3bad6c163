"""What new rows are made from: `mean`, `like:TOKEN`, `text:WORDS`, `normal`, `distil:TEXT` or `keep`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import MissingExtraError, UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary import Vocabulary, called, library_tokenizer, near_tokens

KINDS: Final = ("mean", "like", "text", "normal", "distil", "keep")
FROM_IDS: Final = ("like", "text")
_ARGUED: Final = (*FROM_IDS, "distil")


def default_values(count: int) -> str:
    """`mean` for one token; `normal` for several: tokens that share one start stay alike under fine-tuning
    (arXiv 2604.02324)."""
    return "mean" if count == 1 else "normal"


@record(eq=False)
class GivenRows:
    """Input rows that model mode has computed, for `distil`.

    Attributes:
        values: float64 [tokens, d], in the tokens' order.
        source: how they were made, in words.
        output: what they would do as output rows, in words; "" where they are none.
    """

    values: NDArray[np.float64]
    source: str
    output: str = ""


@record
class Recipe:
    """What new rows are made from.

    Attributes:
        kind: one of `KINDS`.
        text: what the user gave.
        sources: for `like` and `text` the ids whose rows are taken.
        seed: of the random numbers of `normal`.
        scale: whether means are scaled to the norm of what they are the mean of; of `text` only in a matrix
            that is no output.
        given: the rows of `distil`.
    """

    kind: str
    text: str
    sources: tuple[int, ...]
    seed: int
    scale: bool
    given: GivenRows | None = None

    def of_role(self, role: str, count: int) -> Recipe:
        """The same for the matrix of a role: `distil` finds input rows, and an output matrix of its own gets
        what it gets by default."""
        if self.kind != "distil" or role != "output":
            return self
        kind = default_values(count)
        return Recipe(kind, kind, (), self.seed, self.scale)

    @property
    def recorded(self) -> str:
        """As the record of claims names it: without the texts that rows were distilled from."""
        return self.kind if self.kind == "distil" else self.text


def read_recipe(
    text: str,
    seed: int,
    scale: bool,
    root: Path,
    vocabulary: Vocabulary,
    rows: int,
    given: GivenRows | None = None,
) -> Recipe:
    """`mean`, `like:TOKEN`, `text:WORDS`, `normal`, `distil:TEXT` or `keep`.

    Raises:
        UsageError: none of these, or a token or text without rows.
        MissingExtraError: `text` without the package tokenizers.
    """
    kind, colon, argument = text.partition(":")
    if kind not in KINDS or bool(colon) != (kind in _ARGUED) or (colon and not argument):
        raise UsageError(
            f"--values {text!r}: write mean, like:TOKEN, text:WORDS, normal, distil:TEXT or keep",
            location="--values",
        )
    if (kind == "distil") != (given is not None):
        raise UsageError(
            f"--values {text!r}: rows to write belong to distil:TEXT, and to it alone; compute them with "
            "rowscope.inspector.model.distil and pass them as given=, or use the command",
            location="--values",
        )
    if kind == "like":
        sources: tuple[int, ...] = (_one_token(argument, vocabulary),)
    else:
        sources = _pieces(argument, root) if kind == "text" else ()
    missing = next((id for id in sources if id >= rows), None)
    if missing is not None:
        raise UsageError(
            f"--values {text!r}: id {missing} has no row; name another token", location="--values"
        )
    return Recipe(kind, text, sources, seed, scale, given)


def _one_token(name: str, vocabulary: Vocabulary) -> int:
    spelled = called(vocabulary, name)
    if spelled and vocabulary.tokens[spelled[-1]] == name:
        return spelled[-1]
    if len(spelled) != 1:
        near = near_tokens(vocabulary, name) if not spelled else ""
        how = "no token is" if not spelled else f"{len(spelled):,} tokens are"
        raise UsageError(
            f"--values like:{name}: {how} spelled so; {near}give a token of the vocabulary as stored, or use "
            f"text:{name} for the mean of its pieces",
            location="--values",
        )
    return spelled[0]


def _pieces(text: str, root: Path) -> tuple[int, ...]:
    path = root / "tokenizer.json"
    if not path.is_file():
        raise UsageError(
            f"--values text: needs tokenizer.json, which {str(root)!r} does not have; use like:TOKEN",
            location="--values",
        )
    try:
        tokenizer = library_tokenizer(path.read_bytes(), str(path))
    except ImportError as error:
        raise MissingExtraError("tokenizers", "tokenizer", "--values text:…") from error
    ids = tuple(tokenizer.encode(text, add_special_tokens=False).ids)
    if not ids:
        raise UsageError(f"--values text:{text}: encodes to no token; give another text", location="--values")
    return ids
