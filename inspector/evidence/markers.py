"""Markers of a chat template that the tokenizer takes apart, and into what."""

from __future__ import annotations

from rowscope.inspector.errors import MissingExtraError, TokenizerError
from rowscope.inspector.evidence.reachability import load_tokenizer
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import Folder
from rowscope.inspector.vocabulary import Marker, Turns, Vocabulary, unknown_markers


@record
class SplitMarker:
    """A marker and the ids that it is split into; None where the tokenizer could not be asked."""

    marker: Marker
    pieces: tuple[int, ...] | None


def split_markers(folder: Folder, vocabulary: Vocabulary, turns: Turns | None) -> tuple[SplitMarker, ...]:
    """The markers of the chat templates that are no token.

    The package tokenizers says what becomes of them, where it is installed and the folder has a
    tokenizer.json; a marker that comes out as one token, other than the unknown one, is left out.
    """
    markers = unknown_markers(vocabulary, turns)
    if not markers:
        return ()
    try:
        tokenizer = load_tokenizer(folder)
    except (MissingExtraError, TokenizerError):
        return tuple(SplitMarker(marker, None) for marker in markers)
    unknown = tokenizer.token_to_id(getattr(tokenizer.model, "unk_token", None) or "")
    found = []
    for marker in markers:
        ids = tuple(tokenizer.encode(marker.text, add_special_tokens=False).ids)
        if len(ids) != 1 or ids[0] == unknown:
            found.append(SplitMarker(marker, ids))
    return tuple(found)
