"""Which tokens any text can produce: decode each one, encode the text, see whether it comes back."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.errors import MissingExtraError, TokenizerError
from rowscope.inspector.evidence.candidates import impossible_bytes
from rowscope.inspector.storage import File, Folder
from rowscope.inspector.vocabulary import Vocabulary, library_tokenizer

_BATCH: Final = 4096
_MOST_BYTES: Final = 1 << 30


# Contexts for pieces that only occur inside a word or after something else. One that brings the piece out
# is enough; several are tried, because a letter may merge with the piece's beginning.
_CONTEXTS: Final = ("x", "q", "0", "(", "\n", "é", "Ж", "_")


def unreachable_ids(folder: Folder, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Ids (sorted int64) of ordinary tokens that their own text does not encode back to.

    Each token is decoded and the text encoded again, alone and behind a few contexts (continuation pieces
    such as `##ing` only occur inside a word). Left out: added tokens, which are matched before the model,
    and pieces of a multi-byte character, which have no text of their own; of single bytes only those that
    UTF-8 cannot contain are unreachable. The test is Land & Bartolo's (arXiv 2405.05417, section 3.1).

    Raises:
        MissingExtraError: the package tokenizers is not installed.
        TokenizerError: there is no tokenizer.json, or it cannot be loaded.
    """
    tokenizer = load_tokenizer(folder)
    texts = _texts(vocabulary)
    left = _not_encoded(tokenizer, texts, "")
    for context in _CONTEXTS:
        left = _not_encoded(tokenizer, left, context)
    impossible = impossible_bytes(vocabulary, (vocabulary.max_id or 0) + 1)
    return union(np.fromiter(left, dtype=np.int64), impossible)


def load_tokenizer(folder: Folder) -> Any:  # noqa: ANN401 - tokenizers.Tokenizer
    """The tokenizer of tokenizer.json, without truncation and padding; errors as for `unreachable_ids`."""
    file = File(folder, "tokenizer.json")
    if folder.kind(file.name) != "file":
        raise TokenizerError(
            f"reachability needs tokenizer.json, which {folder.location!r} does not have; convert "
            "the tokenizer with AutoTokenizer.from_pretrained(...).save_pretrained(...)",
            location=file.location,
        )
    try:
        return library_tokenizer(file.read(_MOST_BYTES, "a tokenizer file"), file.location)
    except ImportError as error:
        raise MissingExtraError("tokenizers", "tokenizer", "--reachability") from error


def _texts(vocabulary: Vocabulary) -> dict[int, str]:
    """Text of every ordinary token that has one."""
    ordinary = (id for id in vocabulary.tokens if id not in vocabulary.added)
    return {id: text for id in ordinary if (text := vocabulary.text(id))}


def _not_encoded(tokenizer: Any, texts: dict[int, str], context: str) -> dict[int, str]:  # noqa: ANN401
    """Those of `texts` that do not come out as one token at the end of `context` + text."""
    left: dict[int, str] = {}
    ids = list(texts)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        encodings = tokenizer.encode_batch([context + texts[id] for id in batch], add_special_tokens=False)
        for id, encoding in zip(batch, encodings, strict=True):
            found = encoding.ids
            if not found or found[-1] != id or (not context and len(found) != 1):
                left[id] = texts[id]
    return left
