"""Whether a claim does what it says: the new token comes out of its text, and other text stays as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.claim.behaviour.asked import ids_in, load, named
from rowscope.inspector.claim.behaviour.texts import other_texts
from rowscope.inspector.claim.model import Caution, Claimed, FileEdit
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.storage import LocalFolder
from rowscope.inspector.vocabulary import TokenizerFolder, Vocabulary, normalise, normaliser_of

_SHOWN: Final = 12
_TRY: Final = "AutoTokenizer.from_pretrained(OUT).tokenize(...)"


def behaviour_cautions(
    root: Path, before: Vocabulary, after: Vocabulary, claimed: Sequence[Claimed], edits: Sequence[FileEdit]
) -> Iterator[Caution]:
    """Ask the tokenizer of the edited files, or say why it was not asked and what the rules in the files say.

    Raises:
        RefusedError: a new token's own text would not become that token.
        TokenizerError: a file that cannot be read.
    """
    instead = {edit.name: edit.after for edit in edits}
    old, new = (TokenizerFolder(LocalFolder(root), files) for files in ({}, instead))
    try:
        loaded = load(new, after)
        unasked = None if loaded is not None else "its class splits text by rules that no file holds"
    except ImportError:
        loaded, unasked = None, "the package tokenizers is missing: pip install 'rowscope[tokenizer]'"
    rules = normaliser_of(new, after)
    yield from _respelt(claimed, after, rules)
    if loaded is None:
        names = ", ".join(repr(claim.token) for claim in claimed)
        yield Caution(
            "unchecked", f"the tokenizer was not asked what {names} becomes ({unasked}); try {_TRY}"
        )
        return
    _require_reached(loaded, claimed, rules)
    yield from _changed(load(old, before), loaded, before, claimed)


def _respelt(
    claimed: Sequence[Claimed], after: Vocabulary, rules: Mapping[str, Any] | None
) -> Iterator[Caution]:
    """Tokens that are looked for in the normalised text, which does not have them as they are written."""
    for claim in claimed:
        seen = normalise(claim.token, rules)
        if seen != claim.token and (after.added[claim.id].normalized or claim.replaces is not None):
            yield Caution(
                "respelt",
                f"the tokenizer's normaliser turns {claim.token!r} into {seen!r}, and other texts into that "
                f"too: they may become this token; claim a name that it leaves alone, like {_plain(seen)!r}",
            )


def _plain(seen: str) -> str:
    """A name that no normaliser changes."""
    letters = "".join(letter for letter in seen.lower() if letter.isascii() and letter.isalnum())
    return f"<{letters or 'num'}>"


def _require_reached(tokenizer: Any, claimed: Sequence[Claimed], rules: Mapping[str, Any] | None) -> None:  # noqa: ANN401
    for claim in claimed:
        for text in (claim.token, f"the {claim.token} is"):
            ids = ids_in(tokenizer, [text])[0]
            if tokenizer.token_to_id(claim.token) not in ids:
                found = named(tokenizer, ids[:_SHOWN])
                seen = normalise(claim.token, rules)
                why = f" (its normaliser turns the name into {seen!r})" if seen != claim.token else ""
                raise RefusedError(
                    f"{text!r} would not become the new token {claim.token!r} but {found}{why}: no "
                    f"text would reach it; choose another name, like {_plain(seen)!r}",
                    location=claim.token,
                )


def _changed(old: Any, new: Any, before: Vocabulary, claimed: Sequence[Claimed]) -> Iterator[Caution]:  # noqa: ANN401
    """The first text without a new token that encodes to something else than before."""
    if old is None:
        return
    texts = other_texts(claimed, before)
    for text, was, now in zip(texts, ids_in(old, texts), ids_in(new, texts), strict=True):
        if was == now:
            continue
        # Behind a first piece that differs the others say no more.
        start = next(at for at, (a, b) in enumerate(zip([*was, -1], [*now, -1], strict=False)) if a != b)
        some = slice(start, start + _SHOWN)
        yield Caution(
            "other-text",
            f"other text is encoded differently too: {text!r} was {named(old, was[some])} and becomes "
            f"{named(new, now[some])}; choose a name that occurs in no text, like '<NUM>', or first save the "
            "tokenizer as tokenizer.json, which can say that a token is matched as it is written "
            "(AutoTokenizer.from_pretrained(PATH).save_pretrained(PATH))",
        )
        return
