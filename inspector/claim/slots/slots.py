"""Which row each new token takes: the id that loading really gives it, found by reading the edited files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rowscope.inspector.census import Capacity, RoledToken, padded
from rowscope.inspector.claim.edits.edits import edit_files
from rowscope.inspector.claim.model import Claimed, FileEdit
from rowscope.inspector.claim.slots.alike import same_but_for
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.ranges import Range, format_ranges
from rowscope.inspector.storage import LocalFolder
from rowscope.inspector.vocabulary import (
    TokenizerFolder,
    Vocabulary,
    ids_of,
    is_placeholder,
    near_tokens,
    read_folder,
)

# Roles that do not keep a placeholder from being renamed: a mere listing, and what its name suggests.
_HARMLESS: Final = frozenset({"additional", "tool_use", "chat_template"})
_ATTEMPTS: Final = 3
_RESAVE: Final = (
    "save the tokenizer once with AutoTokenizer.from_pretrained(PATH).save_pretrained(PATH) and claim again"
)


@record
class Slots:
    """The ids found, the edits that bring them about, and the vocabulary that loading then gives."""

    claimed: tuple[Claimed, ...]
    edits: tuple[FileEdit, ...]
    after: Vocabulary


@record
class Room:
    """What the choice of slots looks at."""

    root: Path
    sources: Mapping[str, bytes]
    vocabulary: Vocabulary
    capacity: Capacity
    roles: Sequence[RoledToken]

    @property
    def next_id(self) -> int | None:
        """The id that the next added token gets, or None where there is no row for it."""
        ranges = self.capacity.assignable.ranges
        return ranges[0][0] if ranges else None


def assign(
    room: Room, tokens: Sequence[str], replace: Mapping[str, str], id: int | None, special: bool
) -> Slots:
    """Give every token a slot.

    Raises:
        UsageError: `id` with several tokens, or a name to replace that is no token.
        RefusedError: no slot, a slot that tokenizers would not give, or one that is in use.
    """
    if id is not None:
        replace = {**replace, **_by_id(room, tokens, replace, id)}
    unknown = next((token for token in replace if token not in tokens), None)
    if unknown is not None:
        raise UsageError(f"{unknown!r} replaces a placeholder but is no token to claim", location="--replace")
    if len(set(replace.values())) < len(replace):
        raise UsageError("the same placeholder is replaced twice; name one for each", location="--replace")
    fresh = [token for token in tokens if token not in replace]
    ids = iter(_fresh_ids(room, len(fresh)))
    claimed = [
        Claimed(token, _placeholder_id(room, replace[token]), replace[token], special)
        if token in replace
        else Claimed(token, next(ids), None, special)
        for token in tokens
    ]
    _refuse_roles(room, claimed)
    return _settle(room, claimed)


def _by_id(room: Room, tokens: Sequence[str], replace: Mapping[str, str], id: int) -> dict[str, str]:
    if len(tokens) != 1 or replace:
        raise UsageError(
            f"--id {id} is for one token without --replace; claim the tokens one after the other",
            location="--id",
        )
    name = room.vocabulary.tokens.get(id)
    if name is not None and is_placeholder(name):
        return {tokens[0]: name}
    if id == room.next_id:
        return {}
    there = f"holds {room.vocabulary.quoted(id)}" if name is not None else "has no token"
    next_one = f"the next free one, {room.next_id}" if room.next_id is not None else "another one"
    raise RefusedError(
        f"id {id} {there} and is neither a placeholder nor the next id: tokenizers would silently assign "
        f"{next_one}; leave --id out{_placeholder_hint(room)}",
        location="--id",
    )


def _placeholder_id(room: Room, name: str) -> int:
    id = ids_of(room.vocabulary.tokens, {name}).get(name, [None])[0]
    if id is None:
        among = {id for start, stop in room.capacity.placeholders.ranges for id in range(start, stop)}
        near = near_tokens(room.vocabulary, name, among)
        guess = f"; {near.rstrip('? ')}" if near else ""
        raise UsageError(
            f"--replace {name!r}: the tokenizer has no such token{guess}{_placeholder_hint(room)}",
            location="--replace",
        )
    if not is_placeholder(name):
        raise RefusedError(
            f"--replace {name!r}: token {id} is not named as reserved or unused, so texts and models may "
            f"rely on it{_placeholder_hint(room)}",
            location="--replace",
        )
    if id >= room.capacity.rows:
        raise RefusedError(
            f"--replace {name!r}: its id {id} has no row, the matrices have {room.capacity.rows:,}"
            f"{_placeholder_hint(room)}",
            location="--replace",
        )
    return id


def _placeholder_hint(room: Room) -> str:
    ranges = room.capacity.placeholders.ranges
    if not ranges:
        return "; there are no placeholders to take the place of"
    name = room.vocabulary.tokens[ranges[0][0]]
    return (
        f"; or take the place of one of {room.capacity.placeholders.count:,} placeholders "
        f"(ids {format_ranges(ranges, 3)}), for example --replace '{name}'"
    )


def _fresh_ids(room: Room, count: int) -> list[int]:
    free = [id for start, stop in room.capacity.assignable.ranges for id in range(start, stop)][:count]
    if len(free) < count:
        raise RefusedError(_no_room(room, count, len(free)), location=str(room.root))
    return free


def _no_room(room: Room, count: int, free: int) -> str:
    rows = room.capacity.rows
    first = room.next_id if room.next_id is not None else max(rows, (room.vocabulary.max_id or 0) + 1)
    needed = first + count
    holes = room.capacity.holes
    unused = _unused_holes(holes.count, holes.ranges)
    need = (
        f"{count:,} new token{' needs a row' if count == 1 else f's need {count:,} rows'} behind the "
        f"tokenizer's last id, and {free:,} of the {rows:,} rows {'is' if free == 1 else 'are'} free "
        f"there{unused}"
    )
    if room.capacity.by_design:
        return f"{need}; {room.capacity.no_resize}, so nothing can be claimed"
    if room.capacity.no_resize is not None:
        return f"{need}; {room.capacity.no_resize}{_placeholder_hint(room)}"
    return (
        f"{need}; resize to {needed:,} rows or more, padded to {padded(needed, 64)} (a "
        f"multiple of 64) or {padded(needed, 128)} (of 128), with "
        f"model.resize_token_embeddings({padded(needed, 64)}){_placeholder_hint(room)}"
    )


def _unused_holes(count: int, ranges: tuple[Range, ...]) -> str:
    if not count:
        return ""
    return (
        f" ({count:,} more have no token, ids {format_ranges(ranges, 3)}, but no tokenizer would assign them)"
    )


def _refuse_roles(room: Room, claimed: Sequence[Claimed]) -> None:
    roles = {entry.id: entry for entry in room.roles}
    for claim in claimed:
        entry = roles.get(claim.id)
        in_use = sorted(set(entry.roles) - _HARMLESS) if entry else []
        if entry and in_use:
            what = f"the placeholder {claim.replaces!r}" if claim.replaces else "the row without a token"
            raise RefusedError(
                f"{what}, id {claim.id}, is in use as {', '.join(in_use)} ({', '.join(entry.sources)}); "
                f"take the role away there first{_placeholder_hint(room)}",
                location=entry.sources[0],
            )


def _settle(room: Room, claimed: Sequence[Claimed]) -> Slots:
    """State the ids, read the edited files as they will be loaded, and restate until both agree."""
    folder = LocalFolder(room.root)
    for _ in range(_ATTEMPTS):
        edits = edit_files(room.sources, claimed)
        after = read_folder(TokenizerFolder(folder, {edit.name: edit.after for edit in edits}))
        if after is None:
            break
        given = ids_of(after.tokens, {claim.token for claim in claimed})
        ids = [given.get(claim.token, [-1])[-1] for claim in claimed]
        if ids == [claim.id for claim in claimed]:
            _check(room, claimed, after)
            return Slots(tuple(claimed), edits, after)
        _require_free(room, claimed, ids)
        claimed = [dataclasses.replace(claim, id=id) for claim, id in zip(claimed, ids, strict=True)]
    raise RefusedError(
        f"the tokenizer files of {str(room.root)!r} give the new tokens no stable ids; {_RESAVE}",
        location=str(room.root),
    )


def _require_free(room: Room, claimed: Sequence[Claimed], ids: Sequence[int]) -> None:
    """The ids that loading really gives must be free rows too."""
    for claim, id in zip(claimed, ids, strict=True):
        taken = room.vocabulary.tokens.get(id)
        if claim.replaces is not None or taken is not None or not 0 <= id < room.capacity.rows:
            held = f"is {taken!r}" if taken is not None else "has no row"
            raise RefusedError(
                f"loading would give {claim.token!r} the id {id}, which {held}, whatever the files state; "
                f"{_RESAVE}{_placeholder_hint(room)}",
                location=claim.token,
            )


def _roles(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    return {role: tokens for role, tokens in vocabulary.roles.items() if role != "additional"}


def _check(room: Room, claimed: Sequence[Claimed], after: Vocabulary) -> None:
    """Nothing but the claimed ids may have changed, and the new tokens are flagged as asked for."""
    changes = {claim.id: claim.token for claim in claimed}
    fresh = sum(claim.replaces is None for claim in claimed)
    moved = not same_but_for(room.vocabulary.tokens, after.tokens, changes)
    moved |= after.entries != room.vocabulary.entries + fresh
    moved |= _roles(after) != _roles(room.vocabulary)
    flagged = all(
        claim.id in after.added and (claim.id in after.special_ids) is claim.special for claim in claimed
    )
    if moved or not flagged:
        what = "would move other tokens" if moved else "would not flag the new tokens as asked for"
        raise RefusedError(
            f"the tokenizer files of {str(room.root)!r} disagree with each other so that the edits {what}; "
            f"{_RESAVE}",
            location=str(room.root),
        )
