"""What was written, read back: the tokenizer gives the planned ids, and the rows hold the planned bytes."""

from __future__ import annotations

import os
from pathlib import Path

from rowscope.inspector.claim.model import ClaimPlan
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.header import read_header
from rowscope.inspector.vocabulary import read_vocabulary


def verify(plan: ClaimPlan, folder: Path) -> None:
    """Read the written tokenizer files, headers and rows as a loader would.

    Raises:
        RefusedError: something differs from the plan.
        MalformedFileError: a weights file that is no longer one.
    """
    vocabulary = read_vocabulary(folder)
    for claim in plan.claimed:
        found = None if vocabulary is None else vocabulary.tokens.get(claim.id)
        if found != claim.token:
            raise _differs(folder, f"id {claim.id} is {found!r} instead of {claim.token!r}")
    if vocabulary is not None and vocabulary.entries != plan.entries_after:
        raise _differs(folder, f"the tokenizer has {vocabulary.entries} entries, not {plan.entries_after}")
    for shard in plan.shards:
        read_header(folder / shard)
        _verify_rows(plan, folder, shard)


def _verify_rows(plan: ClaimPlan, folder: Path, shard: str) -> None:
    file = os.open(folder / shard, os.O_RDONLY)
    try:
        for patch in plan.rows:
            if patch.file == shard and os.pread(file, len(patch.after), patch.offset) != patch.after:
                raise _differs(folder, f"row {patch.id} of {patch.tensor!r} holds other bytes than planned")
    finally:
        os.close(file)


def _differs(folder: Path, what: str) -> RefusedError:
    return RefusedError(
        f"{str(folder)!r} read back wrong: {what}; check the disk, and that nothing else writes there",
        location=str(folder),
    )
