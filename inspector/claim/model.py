"""What a claim consists of: tokens and their ids, edited files, patched rows; frozen, and as JSON values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.plain import to_plain
from rowscope.inspector.ranges import shortened


@record
class Claimed:
    """One new token.

    Attributes:
        token: its text.
        id: the id that tokenizers will give it: the row that it takes.
        replaces: the placeholder whose name it takes over, or None for an unmapped id.
        special: flagged special: left out by `decode(skip_special_tokens=True)`.
    """

    token: str
    id: int
    replaces: str | None
    special: bool


@record
class FileEdit:
    """A tokenizer file that changes, or the record of claims.

    Attributes:
        name: relative to the checkpoint's folder.
        before: its bytes, or None where it is new.
        after: its bytes afterwards.
        changes: what changes in it, in words.
    """

    name: str
    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)
    changes: tuple[str, ...]

    @property
    def sha256_after(self) -> str:
        return hashlib.sha256(self.after).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without the bytes."""
        return {
            "name": self.name,
            "action": "create" if self.before is None else "edit",
            "bytes_before": None if self.before is None else len(self.before),
            "bytes_after": len(self.after),
            "changes": list(self.changes),
        }


@record
class RowPatch:
    """The bytes of one row in one tensor.

    Attributes:
        token, id: whose row it is.
        role: `input`, `output` or `both`; `bias` for the element of the output bias.
        tensor, file, dtype: where it is stored, and how.
        offset: absolute position of the first byte in the file.
        before, after: the row's bytes.
        norm_before, norm_after: Euclidean norm of the stored values (of a bias: its magnitude).
        source: what the values were made from, in words.
    """

    token: str
    id: int
    role: str
    tensor: str
    file: str
    dtype: str
    offset: int
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    norm_before: float
    norm_after: float
    source: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; of the bytes their number and the SHA-256 of the new ones."""
        shown = ("token", "id", "role", "tensor", "file", "dtype", "offset")
        return {
            **{name: getattr(self, name) for name in shown},
            "length": len(self.after),
            "norm_before": to_plain(self.norm_before),
            "norm_after": to_plain(self.norm_after),
            "source": self.source,
            "sha256_after": hashlib.sha256(self.after).hexdigest(),
        }


@record
class Caution:
    """Something to know before or after a claim: `code` is one word for programs."""

    code: str
    message: str


@record
class ClaimPlan:
    """Everything that a claim will do; nothing has been written yet.

    Attributes:
        path: PATH as it was given.
        root: the checkpoint's folder.
        claimed: the new tokens in the order given.
        values, seed: the initial values asked for.
        entries_before, entries_after: len(tokenizer).
        files: tokenizer files that change, and the record of claims where rows are written.
        tokenizer: SHA-256 of every file that decides how the tokenizer is loaded, as they will be: what was
            loaded to find the ids.
        rows: patches, by file and offset; empty where the rows keep their values.
        cautions: what the user should know.
    """

    path: str
    root: Path
    claimed: tuple[Claimed, ...]
    values: str
    seed: int
    entries_before: int
    entries_after: int
    files: tuple[FileEdit, ...]
    tokenizer: Mapping[str, str] = field(repr=False)
    rows: tuple[RowPatch, ...]
    cautions: tuple[Caution, ...]

    @property
    def shards(self) -> tuple[str, ...]:
        """Weights files in which rows change."""
        return tuple(dict.fromkeys(patch.file for patch in self.rows))

    @property
    def patched_bytes(self) -> int:
        return sum(len(patch.after) for patch in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {
            "schema_version": "1",
            "path": self.path,
            "tokens": to_plain(self.claimed),
            "values": self.values,
            "seed": self.seed,
            "entries": {"before": self.entries_before, "after": self.entries_after},
            "files": [edit.to_dict() for edit in self.files],
            "rows": [patch.to_dict() for patch in self.rows],
            "shards": list(self.shards),
            "warnings": to_plain(self.cautions),
        }


@record
class ClaimResult:
    """What a claim did.

    Attributes:
        out: the folder with the claim.
        in_place: whether that is the source itself.
        claimed: as in the plan.
        written: tokenizer files written, and the record of claims.
        patched: weights file -> bytes patched in it.
        placed: every other file -> `hard` (link), `reflink` or `copy`; empty in place.
        undo: the folder with the undo manifest, in place.
        cautions: the plan's.
        notes: what the user should know about the files.
    """

    out: Path
    in_place: bool
    claimed: tuple[Claimed, ...]
    written: tuple[str, ...]
    patched: Mapping[str, int]
    placed: Mapping[str, str]
    undo: Path | None
    cautions: tuple[Caution, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "schema_version": "1",
            "out": str(self.out),
            "in_place": self.in_place,
            "tokens": to_plain(self.claimed),
            "written": list(self.written),
            "patched": dict(self.patched),
            "placed": dict(self.placed),
            "undo": None if self.undo is None else str(self.undo),
            "warnings": to_plain(self.cautions),
            "notes": list(self.notes),
        }


@record
class UndoResult:
    """What an undo did.

    Attributes:
        root: the checkpoint's folder.
        tokens: the tokens that were given up, with their ids.
        restored: files whose old bytes are back.
        removed: files that the claim had created.
        left: how many earlier in-place claims can still be undone.
    """

    root: Path
    tokens: tuple[tuple[str, int], ...]
    restored: tuple[str, ...]
    removed: tuple[str, ...]
    left: int

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "schema_version": "1",
            "root": str(self.root),
            "tokens": [{"token": token, "id": id} for token, id in self.tokens],
            "restored": list(self.restored),
            "removed": list(self.removed),
            "left": self.left,
        }


def check_plan(plan: object) -> None:
    """Refuse what is no plan before anything is looked at.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(plan, ClaimPlan):
        raise UsageError(f"{shortened(plan)} is no plan; make one with plan_claim", location="plan")
