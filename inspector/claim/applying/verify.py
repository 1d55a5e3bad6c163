"""What was written, read back: the files whose loading gave the planned ids, and the rows' planned bytes."""

from __future__ import annotations

import os
from pathlib import Path

from rowscope.inspector.claim.disk.disk import changed
from rowscope.inspector.claim.edits.edits import tokenizer_hashes
from rowscope.inspector.claim.model import ClaimPlan
from rowscope.inspector.header import read_header
from rowscope.inspector.storage import local_file


def verify(plan: ClaimPlan, folder: Path) -> None:
    """Read the written files, headers and rows.

    The plan loaded the tokenizer from its edits to find the ids. Files of the same bytes load to the same
    ids, so the bytes are compared: of every file that has a say, whether or not the claim changes it.

    Raises:
        RefusedError: something differs from the plan.
        MalformedFileError: a weights file that is no longer one.
    """
    found = tokenizer_hashes(folder)
    wrong = [name for name in {**found, **plan.tokenizer} if found.get(name) != plan.tokenizer.get(name)]
    if wrong:
        raise changed(str(folder / wrong[0]))
    for edit in plan.files:
        if edit.name not in plan.tokenizer and (folder / edit.name).read_bytes() != edit.after:
            raise changed(str(folder / edit.name))
    for shard in plan.shards:
        read_header(local_file(folder / shard))
        _verify_rows(plan, folder, shard)


def _verify_rows(plan: ClaimPlan, folder: Path, shard: str) -> None:
    file = os.open(folder / shard, os.O_RDONLY)
    try:
        for patch in plan.rows:
            if patch.file == shard and os.pread(file, len(patch.after), patch.offset) != patch.after:
                raise changed(f"row {patch.id} of {patch.tensor!r} in {str(folder / shard)!r}")
    finally:
        os.close(file)
