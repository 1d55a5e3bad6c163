"""A claim planned and written in one call: the weights are copied while the plan is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.claim.applying.early import EarlyCopy
from rowscope.inspector.claim.disk.supported import require_calls
from rowscope.inspector.claim.disk.transfer import check_link
from rowscope.inspector.claim.slots.tokens import named_tokens
from rowscope.inspector.errors import require

if TYPE_CHECKING:
    from rowscope.inspector.claim.disk.disk import Disk
    from rowscope.inspector.claim.disk.transfer import Link
    from rowscope.inspector.claim.model import ClaimResult
    from rowscope.inspector.claim.values.recipe import GivenRows


def claim_into(
    path_or_checkpoint: Checkpoint | str | os.PathLike[str],
    tokens: str | Sequence[str],
    out: str | os.PathLike[str],
    *,
    special: bool = False,
    replace: str | Sequence[str] | Mapping[str, str] | None = None,
    id: int | None = None,
    values: str | None = None,
    seed: int = 0,
    scale: bool = True,
    given: GivenRows | None = None,
    link: Link = "auto",
    progress: Callable[[int], None] | None = None,
    disk: Disk | None = None,
) -> ClaimResult:
    """Plan a claim and write it into the new folder `out`: `plan_claim` and `apply_claim`, but sooner.

    The copies of the weights begin before the plan is made. Where it is refused, they are removed.

    Args:
        path_or_checkpoint: an opened checkpoint, or a path for `open_checkpoint`.
        tokens: the texts of the new tokens.
        out: a folder that does not exist, in one that does.
        special, replace, id, values, seed, scale, given, progress: as of `plan_claim`.
        link, disk: as of `apply_claim`.

    Raises:
        CheckpointError, UsageError, RefusedError, MissingExtraError: as of `plan_claim` and `apply_claim`;
            no target is left.
    """
    check_link(link)
    require_calls()
    tokens = named_tokens(tokens)
    if values is not None:
        require("--values", values, str, "a text, such as mean")
    place = path_or_checkpoint
    checkpoint = place if isinstance(place, Checkpoint) else open_checkpoint(place)
    with EarlyCopy(checkpoint.root, _copied(checkpoint, values, link), out, disk=disk) as early:
        # Imported only now, while the copy is under way.
        from rowscope.inspector.claim.applying.write import apply_claim
        from rowscope.inspector.claim.planning.plan import plan_claim

        plan = plan_claim(
            checkpoint,
            tokens,
            special=special,
            replace=replace,
            id=id,
            values=values,
            seed=seed,
            scale=scale,
            given=given,
            progress=progress,
        )
        return apply_claim(plan, out, link=link, disk=disk, early=early)


def _copied(checkpoint: Checkpoint, values: str | None, link: Link) -> list[str]:
    """The weights files that are copied whatever the plan will be."""
    if link == "copy":
        return [shard.name for shard in checkpoint.shards]
    # Rows that keep their values leave every file as it is, and links are quicker than copies.
    return [] if values == "keep" else [matrix.file for matrix in checkpoint.matrices]
