"""What `probe verify` found for tokens, read from the JSON document that it wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.checkpoint import path_text
from rowscope.inspector.errors import MalformedFileError, UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import UnreadableError, local_file, read_json
from rowscope.inspector.vocabulary import Vocabulary

_OPTION: Final = "--verified"
_STATES: Final = ("verified", "weak", "known", "untold")
_LONGEST: Final = 64 << 20
"""Bytes of a document."""


@record
class Verified:
    """A token's state ("verified", "weak", "known", "untold"), its largest probability over the prompts."""

    state: str
    largest: float | None


def read_verified(
    path: str | os.PathLike[str], rows: int, vocabulary: Vocabulary | None
) -> dict[int, Verified]:
    """States by id.

    Args:
        rows: of the checkpoint's input matrix, which must be those that were asked about.
        vocabulary: the checkpoint's tokens; None where it has none.

    Raises:
        UsageError: the file cannot be read, is no such document, or is of another checkpoint.
    """
    name = path_text(path)
    document = _document(name)
    settings, results = _part(document, "settings", name), _part(document, "results", name)
    if settings.get("input_rows") != rows:
        raise UsageError(
            f"{_OPTION}: {name!r} is of a model with {settings.get('input_rows')} input rows, this one has "
            f"{rows}; give the document of this checkpoint",
            location=_OPTION,
        )
    try:
        return dict(_states(results["tokens"], vocabulary, name))
    except (KeyError, TypeError, AttributeError) as error:
        raise _unlike(name) from error


def _states(
    tokens: list[dict[str, Any]], vocabulary: Vocabulary | None, name: str
) -> Iterator[tuple[int, Verified]]:
    for token in tokens:
        id = token["id"]
        own = vocabulary.tokens.get(id) if vocabulary else token["token"]
        if own != token["token"]:
            raise UsageError(
                f"{_OPTION}: in {name!r} id {id} is the token {token['token']!r}, here it is {own!r}: give "
                "the document of this checkpoint",
                location=_OPTION,
            )
        yield id, _verified(id, token["state"], token["largest"])


def _verified(id: object, state: object, largest: object) -> Verified:
    """What stands of one token.

    Raises:
        TypeError: it is none of what the probe writes.
    """
    probable = largest is None or (type(largest) in (int, float) and 0 <= largest <= 1)  # type: ignore[operator]
    if type(id) is not int or state not in _STATES or not probable:
        raise TypeError(f"{id!r}: {state!r}, {largest!r}")
    return Verified(str(state), largest)  # type: ignore[arg-type]


def _document(name: str) -> dict[str, Any]:
    try:
        document = read_json(local_file(name), _LONGEST)
    except UnreadableError as error:
        raise UsageError(
            f"{_OPTION}: cannot read {name!r} ({error.message}); write it with `rowscope probe verify PATH "
            "--format json --output FILE`",
            location=_OPTION,
        ) from error
    except MalformedFileError as error:
        raise _unlike(name) from error
    if not isinstance(document, dict) or document.get("probe") != "verify":
        raise _unlike(name)
    return document


def _part(document: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    part = document.get(key)
    if not isinstance(part, dict):
        raise _unlike(name)
    return part


def _unlike(name: str) -> UsageError:
    return UsageError(
        f"{_OPTION}: {name!r} is no document of the verify probe; write one with `rowscope probe verify PATH "
        "--format json --output FILE`",
        location=_OPTION,
    )
