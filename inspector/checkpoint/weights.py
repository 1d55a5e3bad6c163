"""Which of a folder's files are the checkpoint: the choice that loaders make, with its reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rowscope.inspector.checkpoint.index import ShardIndex, read_index
from rowscope.inspector.checkpoint.listing import listing
from rowscope.inspector.checkpoint.location import INDEX_SUFFIX, Location
from rowscope.inspector.checkpoint.nothing import SUFFIX, nothing_found
from rowscope.inspector.checkpoint.parts import DCP_NAME, refuse_part, refuse_parts
from rowscope.inspector.errors import CheckpointError, MissingShardError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import File, Folder
from rowscope.inspector.text import say

_SINGLE = ("model.safetensors", "adapter_model.safetensors", "consolidated.safetensors")
_MAIN_INDEX = "model" + INDEX_SUFFIX
_MEMBER = re.compile(r"(?P<stem>.+)-(?P<part>\d+)-of-(?P<parts>\d+)\.safetensors")


@record
class Weights:
    """The files to open.

    Attributes:
        names: relative to the folder, in order.
        index: the index that names them, or None.
        unread: weights files of the same folder that are left out and that no note explains.
        notes: why others are left out.
    """

    names: tuple[str, ...]
    index: ShardIndex | None = None
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose_weights(location: Location) -> Weights:
    """The weights files that a location stands for; raises as the function for its kind."""
    match location.kind:
        case "folder":
            return from_folder(location.folder)
        case "index":
            return from_index(location.file)
        case "file":
            return from_file(location.file)


def from_index(file: File) -> Weights:
    """The shards that an index names, and the files beside them that it does not.

    Raises:
        CheckpointError: as `read_index`.
    """
    index = read_index(file)
    names = index.shard_names
    others = [name for name in file.folder.names() if name.endswith(SUFFIX) and name not in names]
    if not _consolidated(names[0]):
        copies = [name for name in others if _consolidated(name)]
        others = [name for name in others if name not in copies]
    else:
        copies = []
    return Weights(names, index, tuple(others), _consolidated_notes(copies))


def from_file(file: File) -> Weights:
    """One file, alone; a note where its name says that it is a part of more.

    Raises:
        CheckpointError: it holds parts of tensors whose others are in other files.
    """
    beside = [name for name in file.folder.names() if DCP_NAME.fullmatch(name)]
    refuse_part(file.name, file.location, alone=len(beside) < 2)
    member = _MEMBER.fullmatch(file.name)
    if member is None or int(member["parts"]) < 2:
        return Weights((file.name,))
    note = say(
        "{file} is one of {parts} shards; give the folder or its index to open all",
        file=file.name,
        parts=int(member["parts"]),
    )
    return Weights((file.name,), notes=(note,))


def from_folder(folder: Folder) -> Weights:
    """The checkpoint that a folder holds.

    `model.safetensors` comes first, as in transformers, unless the index names it; then an index; then
    a complete set `NAME-00001-of-0000N`; then the only file. `consolidated` files hold a second copy
    of the same weights and count only where there is nothing else.

    Raises:
        CheckpointError: no safetensors weights, or several candidates.
        MissingShardError: a set lacks members.
    """
    present = folder.names()
    files = [name for name in present if name.endswith(SUFFIX)]
    indexes = [name for name in present if name.endswith(INDEX_SUFFIX)]
    copies = [name for name in files if _consolidated(name)]
    main = [name for name in files if name not in copies]
    main_indexes = [name for name in indexes if not _consolidated(name)]
    if not main and not main_indexes:
        main, main_indexes, copies = copies, indexes, []
    notes = _consolidated_notes(copies)
    index = _pick_index(folder, main_indexes)
    if index is not None:
        return _with_index(folder, index, main, notes)
    if not main:
        raise nothing_found(folder, present)
    names = _without_index(folder, main)
    left = [name for name in main if name not in names]
    if left:
        notes += (say("not opened: {files}; give one of them as PATH to audit it", files=listing(left)),)
    return Weights(names, notes=notes)


def _pick_index(folder: Folder, indexes: Sequence[str]) -> str | None:
    if _MAIN_INDEX in indexes:
        return _MAIN_INDEX
    if len(indexes) > 1:
        raise CheckpointError(
            f"{folder.location!r} holds {len(indexes)} indexes: {listing(indexes)}; give one of them as PATH",
            location=folder.location,
        )
    return indexes[0] if indexes else None


def _with_index(folder: Folder, index: str, main: Sequence[str], notes: tuple[str, ...]) -> Weights:
    weights = from_index(File(folder, index))
    single = _SINGLE[0]
    if index != _MAIN_INDEX or single not in main or single in weights.names:
        return weights
    note = say(
        "{single} lies beside {index}, which does not name it; it was opened, as transformers does, and the "
        "index's {count:# shard was|# shards were} not: remove the one that is out of date",
        single=single,
        index=index,
        count=len(weights.names),
    )
    return Weights((single,), notes=(*notes, note))


def _without_index(folder: Folder, main: Sequence[str]) -> tuple[str, ...]:
    refuse_parts(main, folder.location)
    if all(DCP_NAME.fullmatch(name) for name in main):
        return tuple(main)
    for name in _SINGLE:
        if name in main:
            return (name,)
    sets = {(match["stem"], match["parts"]) for name in main if (match := _MEMBER.fullmatch(name))}
    chosen = [group for group in sets if group[0] == "model"] or list(sets)
    if len(chosen) == 1:
        return _complete_set(folder, main, *chosen[0])
    if len(main) == 1:
        return (main[0],)
    raise CheckpointError(
        f"{folder.location!r} holds {len(main):,} safetensors files and nothing says which belong together: "
        f"{listing(main)}; give one of them as PATH",
        location=folder.location,
    )


def _complete_set(folder: Folder, main: Sequence[str], stem: str, parts: str) -> tuple[str, ...]:
    found = {}
    for name in main:
        match = _MEMBER.fullmatch(name)
        if match and (match["stem"], match["parts"]) == (stem, parts):
            found[int(match["part"])] = name
    count = int(parts)
    missing = count - sum(1 for part in found if 1 <= part <= count)
    if missing > 0:
        first = next(part for part in range(1, count + 1) if part not in found)
        width = len(next(iter(_MEMBER.finditer(next(iter(found.values())))))["part"])
        raise MissingShardError(
            f"{missing:,} of the {count} shards of {stem!r} are missing in {folder.location!r}, the first is "
            f"{stem}-{first:0{width}d}-of-{parts}{SUFFIX}; download them again",
            location=folder.location,
        )
    return tuple(found[part] for part in sorted(found))


def _consolidated(name: str) -> bool:
    return name.startswith("consolidated")


def _consolidated_notes(copies: Sequence[str]) -> tuple[str, ...]:
    if not copies:
        return ()
    return (
        say(
            "{files} ignored: a second copy of the weights beside the Hugging Face files",
            files=listing(copies),
        ),
    )
