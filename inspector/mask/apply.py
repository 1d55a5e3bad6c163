"""`rowscope mask --apply`: the mask into generation_config.json, whole or not at all."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from rowscope.inspector.checkpoint import CONFIG_LIMIT, Checkpoint, locate, open_checkpoint
from rowscope.inspector.errors import MalformedFileError, RefusedError, UsageError, require
from rowscope.inspector.frozen import record
from rowscope.inspector.mask.generation_config import KEY, NAME, carried_over, create, merge, merged_ids
from rowscope.inspector.mask.result import Mask
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.storage import File, read_json, write_whole


@record
class PlannedConfig:
    """What `apply_mask` is about to write.

    Attributes:
        path: the file.
        text: its whole new content.
        created: whether it is not there yet.
        masked: how many ids `suppress_tokens` will hold.
        added: how many of them it does not hold now.
        carried: keys of config.json that a new file takes over.
    """

    path: Path
    text: str
    created: bool
    masked: int
    added: int
    carried: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.created:
            kept = f", with {', '.join(self.carried)} from config.json" if self.carried else ""
            return f"created {str(self.path)!r}: {KEY} holds {self.masked:,} ids{kept}"
        if not self.added:
            return f"{str(self.path)!r} already suppresses all of them: nothing was written"
        return f"added {self.added:,} ids to {KEY} in {str(self.path)!r}, which now holds {self.masked:,}"


def apply_mask(path: Checkpoint | str | os.PathLike[str], mask: Mask) -> str:
    """Write the mask into the checkpoint's generation_config.json, key `suppress_tokens`.

    The ids join those that are there; every other key and the file's layout stay. A new file takes over
    what config.json says about generation, since its mere presence makes transformers look there alone. The
    file is never half there, and keeps its permissions.

    Returns:
        A sentence that says what was done.

    Raises:
        RefusedError: the checkpoint lies in a Hugging Face cache or inside rowscope, the file is a link, its
            `suppress_tokens` is no list, or it cannot be written. Nothing was written.
        UsageError: the mask is one of another number of rows.
        MalformedFileError: the present file is no JSON object.
    """
    plan = plan_mask(path, mask)
    if plan.created or plan.added:
        _write(plan.path, plan.text)
    return plan.sentence


def plan_mask(path: Checkpoint | str | os.PathLike[str], mask: Mask) -> PlannedConfig:
    """What `apply_mask` would write; raises as it does, but for errors of writing."""
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
    require("mask", mask, Mask, "a mask, as rowscope.mask(path) gives it")
    _require_fit(checkpoint, mask)
    target = checkpoint.root / NAME
    _require_own(checkpoint, target)
    ids = mask.ids.tolist()
    if not os.path.lexists(target):
        _require_config(checkpoint, target)
        carried = carried_over(checkpoint.config)
        merged = merged_ids(carried.get(KEY), ids)
        keys = tuple(sorted(carried.keys() - {KEY}))
        return PlannedConfig(target, create(checkpoint.config, ids), True, len(merged), len(merged), keys)
    content = read_json(File(checkpoint.folder, NAME), CONFIG_LIMIT)
    if not isinstance(content, dict):
        raise MalformedFileError(
            f"{str(target)!r} holds no JSON object; correct it first", location=str(target)
        )
    merged = merged_ids(content.get(KEY), ids)
    text = merge(checkpoint.folder.head(NAME, 0, CONFIG_LIMIT)[0].decode("utf-8"), ids)
    return PlannedConfig(target, text, False, len(merged), len(merged) - len(content.get(KEY) or ()), ())


def _require_fit(checkpoint: Checkpoint, mask: Mask) -> None:
    matrix: Matrix | None = checkpoint.layout.of_role("output") or checkpoint.layout.of_role("input")
    rows = matrix.rows if matrix is not None else 0
    if rows != mask.rows:
        raise UsageError(
            f"the mask was made for the {mask.rows:,} rows of {mask.path!r}, and {checkpoint.path!r} has "
            f"{rows:,}; make one for this checkpoint",
            location=checkpoint.path,
        )


def _require_config(checkpoint: Checkpoint, target: Path) -> None:
    """A new file must take over what config.json says: where that cannot be read, nothing is written."""
    reasons = [skip.why for skip in checkpoint.skipped if skip.what == "config.json"]
    if checkpoint.config is None and os.path.lexists(checkpoint.root / "config.json"):
        raise RefusedError(
            f"a new {NAME} takes over the special ids of config.json, which cannot be read: {reasons[0]}",
            location=str(target),
        )


def _require_own(checkpoint: Checkpoint, target: Path) -> None:
    """Refuse folders that are not the user's to change in place."""
    source = shlex.quote(str(checkpoint.root))
    copy = f"copy the checkpoint first (cp -rL {source} COPY) and apply the mask to the copy"
    if checkpoint.root.resolve() == locate("demo").root.resolve():
        raise RefusedError(f"the demo checkpoint is part of rowscope; {copy}", location=str(target))
    if target.is_symlink():
        raise RefusedError(
            f"{str(target)!r} is a link to {os.readlink(target)!r}; {copy}", location=str(target)
        )
    if _in_cache(checkpoint):
        raise RefusedError(
            f"{str(checkpoint.root)!r} lies in a Hugging Face cache, whose files belong to a revision; "
            f"{copy}",
            location=str(target),
        )


def _in_cache(checkpoint: Checkpoint) -> bool:
    """Whether the folder is a snapshot of the cache, or its files are links into the cache's `blobs`."""
    root = checkpoint.root.absolute()
    if root.parent.name == "snapshots" and root.parent.parent.name.startswith(("models--", "datasets--")):
        return True
    files = [shard.path for shard in checkpoint.shards] + [root / "config.json"]
    return any(path.is_symlink() and path.resolve().parent.name == "blobs" for path in files)


def _write(target: Path, text: str) -> None:
    try:
        write_whole(target, text.encode("utf-8"))
    except OSError as error:
        raise RefusedError(
            f"cannot write {str(target)!r}: {error.strerror}; nothing was changed: "
            "check permissions and free space",
            location=str(target),
        ) from error
