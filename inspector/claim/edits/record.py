"""What a claim notes beside the checkpoint: the rows it writes, to tell them from trained ones later."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from rowscope.inspector.checkpoint import (
    CLAIM_RECORD,
    CLAIM_RECORD_LIMIT,
    ClaimedRow,
    read_claim_record,
)
from rowscope.inspector.claim.model import FileEdit, RowPatch
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.storage import LocalFolder
from rowscope.inspector.text import say


def record_edit(root: Path, patches: Sequence[RowPatch], values: str) -> FileEdit | None:
    """The record of claims with the rows of one more; None where no row is written (`keep`).

    Earlier claims stay in it; a record that cannot be read is written anew.

    Args:
        patches: of the plan; elements of a bias are left out.
        values: the initial values as the user gave them.

    Raises:
        RefusedError: something else has the record's name.
    """
    new = tuple(
        ClaimedRow(p.id, p.token, p.tensor, p.dtype, values, hashlib.sha256(p.after).hexdigest())
        for p in patches
        if p.role != "bias"
    )
    if not new:
        return None
    record = read_claim_record(LocalFolder(root)).extended(new)
    change = say("{count:# row|# rows} with the hash of their bytes", count=len(new))
    return FileEdit(CLAIM_RECORD, _before(root / CLAIM_RECORD), record.encode(), (change,))


def _before(path: Path) -> bytes | None:
    if not os.path.lexists(path):
        return None
    if not path.is_file() or path.stat().st_size > CLAIM_RECORD_LIMIT:
        raise RefusedError(
            f"{str(path)!r} is no record of claims: not a regular file, or larger than "
            f"{CLAIM_RECORD_LIMIT} bytes; move it away and claim again",
            location=str(path),
        )
    return path.read_bytes()
