"""A folder without safetensors weights: what it holds instead, and what to do about it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence
from typing import Final

from rowscope.inspector.checkpoint.downloads import UNFINISHED
from rowscope.inspector.checkpoint.listing import listing
from rowscope.inspector.errors import CheckpointError, UnfinishedDownloadError
from rowscope.inspector.storage import Folder

SUFFIX: Final = ".safetensors"
STEP: Final = re.compile(r"checkpoint-(\d+)")
_SNAPSHOT: Final = re.compile(r"/models--(?P<name>[\w.-]+)/snapshots/[\w.-]+$", re.ASCII)


def nothing_found(folder: Folder, present: Sequence[str]) -> CheckpointError:
    """The error for a folder without weights that could be opened."""
    begun = [name for name in present if name.endswith(tuple(SUFFIX + suffix for suffix in UNFINISHED))]
    place = folder.location
    if begun:
        return UnfinishedDownloadError(
            f"{place!r} holds no finished safetensors file, only unfinished downloads: {listing(begun)}; "
            "finish or repeat them",
            location=place,
        )
    from rowscope.inspector.checkpoint.foreign import STATES, conversion, foreign_format

    known = foreign_format(present, shlex.quote(place))
    below = [name for name in present if _holds_weights(folder, name)]
    if known is not None and not below:
        return CheckpointError(f"{place!r} holds no safetensors file: {known}", location=place)
    if below:
        return CheckpointError(
            f"{place!r} holds no safetensors file itself, {_below(folder, below)}", location=place
        )
    for name in present:
        advice = conversion(posixpath.splitext(name)[1])
        if advice is not None and not STATES.fullmatch(name) and folder.kind(name) == "file":
            return CheckpointError(
                f"{place!r} holds no safetensors file, only other formats ({name!r}); {advice}",
                location=place,
            )
    repository = _SNAPSHOT.search(place)
    if repository is not None:
        name = repository["name"].replace("--", "/")
        return CheckpointError(
            f"{place!r}, in the Hugging Face cache, holds no weights; read them from the hub with "
            f"hf://{name}, or download them with 'hf download {name}'",
            location=place,
        )
    what = "is empty" if not present else "holds no safetensors file"
    return CheckpointError(
        f"{place!r} {what}; give the folder that holds model.safetensors or its shards", location=place
    )


def _holds_weights(folder: Folder, name: str) -> bool:
    return folder.kind(name) == "folder" and any(at.endswith(SUFFIX) for at in folder.names(name))


def _below(folder: Folder, names: Sequence[str]) -> str:
    """Which of the sub-folders to give: the last step of a run, the text encoders of a pipeline."""
    steps = sorted((int(match[1]), name) for name in names if (match := STEP.fullmatch(name)))
    if steps:
        given = [name for _, name in steps]
        return f"its steps {listing(given)} do; give one as PATH, the last is {folder.spell(given[-1])}"
    encoders = [name for name in names if name.startswith("text_encoder")]
    if encoders and folder.kind("model_index.json") == "file":
        tokenizer = encoders[0].replace("text_encoder", "tokenizer")
        command = f"{folder.spell(encoders[0])} --tokenizer {folder.spell(tokenizer)}"
        return f"it is a diffusers pipeline with the text encoders {listing(encoders)}; give {command}"
    return f"its sub-folders {listing(names)} do; give one of them as PATH"
