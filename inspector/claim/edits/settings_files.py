"""The edits of the files beside the tokenizer's own: settings, special tokens, added tokens, vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rowscope.inspector.claim.edits.json_text import JsonText, Path
from rowscope.inspector.claim.edits.tokenizer_json import flags, put_token
from rowscope.inspector.claim.model import Claimed
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import token_content

LISTS: Final = ("extra_special_tokens", "additional_special_tokens")


def edit_decoder(file: JsonText, claimed: Sequence[Claimed]) -> list[str]:
    """`added_tokens_decoder` of tokenizer_config.json, which older versions of transformers write."""
    path: Path = ("added_tokens_decoder",)
    stated = {token_content(entry): id for id, entry in file.get(*path).items()}
    ordered = sorted(claimed, key=lambda claim: claim.id)
    for claim in ordered:
        if claim.replaces in stated:
            put_token(file, (*path, stated[claim.replaces]), claim)
        elif claim.replaces is not None:
            file.insert(path, [_decoder_entry(claim)], _place(file.get(*path), claim.id))
    fresh = [_decoder_entry(claim) for claim in ordered if claim.replaces is None]
    if fresh:
        file.insert(path, fresh)
    return [
        say("{place}: {token!r} with id {id:d}", place="added_tokens_decoder", token=c.token, id=c.id)
        for c in ordered
    ]


def _decoder_entry(claim: Claimed) -> tuple[str, dict[str, Any]]:
    return str(claim.id), dict(sorted({"content": claim.token, **flags(claim)}.items()))


def _place(entries: Mapping[str, Any], id: int) -> int | None:
    ids = [int(key) if key.isdecimal() else -1 for key in entries]
    return next((place for place, other in enumerate(ids) if other > id), None)


def edit_special_lists(file: JsonText, claimed: Sequence[Claimed]) -> list[str]:
    """The lists of further special tokens, under their new name or their old one, where the file has one.

    A placeholder's name there becomes the new token's where that is special, and goes where it is not:
    every listed token is made special when the tokenizer is loaded.
    """
    changes: list[str] = []
    for key in LISTS:
        for claim in claimed:
            listed = file.get(key)
            if isinstance(listed, list):
                edited = _edit_list(file, key, listed, claim)
                changes += [say("{name}: {said}", name=key, said=what) for what in edited]
    return changes


def _edit_list(file: JsonText, key: str, listed: Sequence[object], claim: Claimed) -> list[str]:
    places = [place for place, entry in enumerate(listed) if token_content(entry) == claim.replaces]
    if claim.replaces is None or not places:
        if not claim.special:
            return []
        file.insert((key,), [claim.token])
        return [say("{token!r} added", token=claim.token)]
    for place in reversed(places):
        if not claim.special:
            file.remove((key, place))
        elif isinstance(listed[place], dict):
            file.replace((key, place, "content"), claim.token)
        else:
            file.replace((key, place), claim.token)
    if claim.special:
        return [say("{old!r} becomes {new!r}", old=claim.replaces, new=claim.token)]
    return [say("{old!r} removed", old=claim.replaces)]


def edit_added_tokens(file: JsonText, claimed: Sequence[Claimed]) -> list[str]:
    """`added_tokens.json`: token -> id."""
    there = file.get()
    renamed = {claim.replaces: claim.token for claim in claimed if claim.replaces in there}
    file.rename((), {str(old): new for old, new in renamed.items()})
    new = [claim for claim in claimed if claim.token not in file.get()]
    if new:
        file.insert((), [(claim.token, claim.id) for claim in sorted(new, key=lambda claim: claim.id)])
    return [say("{token!r} with id {id:d}", token=claim.token, id=claim.id) for claim in claimed]


def edit_vocab_json(file: JsonText, claimed: Sequence[Claimed]) -> list[str]:
    """`vocab.json`: placeholders that are part of the model's own vocabulary get their new names."""
    there = file.get()
    names = {claim.replaces: claim.token for claim in claimed if claim.replaces in there}
    file.rename((), {str(old): new for old, new in names.items()})
    return [say("{old!r} becomes {new!r}", old=old, new=new) for old, new in names.items()]


def edit_vocab_txt(data: bytes, claimed: Sequence[Claimed], name: str) -> tuple[bytes, list[str]]:
    """`vocab.txt`: the line of a placeholder gets its new name; its end stays as it is.

    Raises:
        RefusedError: a placeholder stands on several lines.
    """
    changes: list[str] = []
    lines = data.splitlines(keepends=True)
    for claim in claimed:
        if claim.replaces is None:
            continue
        old = claim.replaces.encode()
        places = [place for place, line in enumerate(lines) if line.rstrip(b"\r\n") == old]
        if len(places) > 1:
            raise RefusedError(
                f"{claim.replaces!r} stands on {len(places):,} lines of {name}; choose another placeholder",
                location=name,
            )
        for place in places:
            lines[place] = claim.token.encode() + lines[place][len(old) :]
            changes.append(
                say(
                    "line {line:d}: {old!r} becomes {new!r}",
                    line=place + 1,
                    old=claim.replaces,
                    new=claim.token,
                )
            )
    return b"".join(lines), changes
