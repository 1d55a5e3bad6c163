"""The edits of `tokenizer.json`: its list of added tokens, and its model's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rowscope.inspector.claim.edits.json_text import JsonText, Path
from rowscope.inspector.claim.model import Claimed
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.text import say

# What the file calls an added token besides its id, content and `special`, and in the order of the library.
FLAGS: Final = ("single_word", "lstrip", "rstrip", "normalized")

_OTHER_PLACES: Final = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


def edit_tokenizer_json(file: JsonText, claimed: Sequence[Claimed]) -> list[str]:
    """Add or rename the tokens, and say what was done.

    Raises:
        RefusedError: a placeholder has a part in the tokenizer's rules, so that its name cannot change.
    """
    renamed = {claim.replaces: claim for claim in claimed if claim.replaces is not None}
    changes: list[str] = []
    if renamed:
        _refuse_uses(file, renamed)
        changes += _rename_in_model(file, renamed)
    if file.get("added_tokens") is None:
        _give_list(file)
    changes += _rename_in_list(file, renamed)
    listed = {entry.get("content") for entry in file.get("added_tokens")}
    missing = sorted((claim for claim in claimed if claim.token not in listed), key=lambda claim: claim.id)
    for claim in missing:
        if claim.replaces is not None:
            file.insert(("added_tokens",), [_entry(claim)], _place(file, claim))
    fresh = [_entry(claim) for claim in missing if claim.replaces is None]
    if fresh:
        file.insert(("added_tokens",), fresh)
    changes += [
        say("{place}: {token!r} with id {id:d}", place="added_tokens", token=claim.token, id=claim.id)
        for claim in missing
    ]
    return changes


def _refuse_uses(file: JsonText, renamed: Mapping[str, Claimed]) -> None:
    for place in _OTHER_PLACES:
        used = set(renamed) & set(_strings(file.get(place)))
        if used:
            _refuse(file, min(used), f"its {place} uses it")
    unknown = file.get("model", "unk_token")
    if unknown in renamed:
        _refuse(file, unknown, "it is the model's unknown token")
    for merge in file.get("model", "merges") or ():
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if "".join(parts) in renamed or not renamed.keys().isdisjoint(parts):
            name = next(name for name in renamed if name in (*parts, "".join(parts)))
            _refuse(file, name, f"the merge {parts!r} builds or uses it")


def _refuse(file: JsonText, name: str, why: str) -> None:
    raise RefusedError(
        f"{name!r} cannot be renamed in {file.name}: {why}; choose another placeholder", location=file.name
    )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield str(key)
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)


def _rename_in_model(file: JsonText, renamed: Mapping[str, Claimed]) -> list[str]:
    vocabulary = file.get("model", "vocab")
    if isinstance(vocabulary, dict):
        found = [name for name in renamed if name in vocabulary]
        if found:
            file.rename(("model", "vocab"), {name: renamed[name].token for name in found})
    else:
        places = {entry[0]: place for place, entry in enumerate(vocabulary or ())}
        found = [name for name in renamed if name in places]
        for name in found:
            file.replace(("model", "vocab", places[name], 0), renamed[name].token)
    return [
        say("model vocabulary: {old!r} becomes {new!r}", old=name, new=renamed[name].token) for name in found
    ]


def _give_list(file: JsonText) -> None:
    """An empty list of added tokens, where the file has none."""
    if "added_tokens" in file.get():
        file.remove(("added_tokens",))
    file.insert((), [("added_tokens", [])], 0)


def _rename_in_list(file: JsonText, renamed: Mapping[str, Claimed]) -> list[str]:
    changes: list[str] = []
    for place, entry in enumerate(file.get("added_tokens")):
        claim = renamed.get(entry.get("content"))
        if claim is None:
            continue
        put_token(file, ("added_tokens", place), claim)
        changes.append(
            say(
                "{place}: {old!r} becomes {new!r}",
                place="added_tokens",
                old=claim.replaces,
                new=claim.token,
            )
        )
    return changes


def put_token(file: JsonText, path: Path, claim: Claimed) -> None:
    """Text and flags of the added token at `path`; a flag that is absent counts as false and stays so."""
    entry = file.get(*path)
    file.put(path, "content", claim.token)
    for flag, value in flags(claim).items():
        if entry.get(flag, False) is not value:
            file.put(path, flag, value)


def flags(claim: Claimed) -> dict[str, bool]:
    """Matched exactly as it stands, anywhere; `special` as asked for."""
    return {**dict.fromkeys(FLAGS, False), "special": claim.special}


def _entry(claim: Claimed) -> dict[str, Any]:
    return {"id": claim.id, "content": claim.token, **flags(claim)}


def _place(file: JsonText, claim: Claimed) -> int | None:
    """A token of the model's own vocabulary stands in the order of the ids."""
    ids = [entry.get("id", -1) for entry in file.get("added_tokens")]
    return next((place for place, id in enumerate(ids) if id > claim.id), None)
