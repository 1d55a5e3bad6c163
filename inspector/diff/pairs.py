"""Which matrix of one checkpoint is compared with which of the other: role by role."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.checkpoint import Checkpoint, no_matrix
from rowscope.inspector.errors import CheckpointError, UndecodableError
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import Matrix, Role
from rowscope.inspector.text import say, template

_ROLES: Final[tuple[Role, ...]] = ("input", "output")
_LACKING: Final = {
    "input": template("{path!r} stores no input matrix, so the input rows are not compared"),
    "output": template("{path!r} stores no output matrix, so the output rows are not compared"),
}
_UNREAD: Final = {
    "input": template("the input rows are not compared: {why}"),
    "output": template("the output rows are not compared: {why}"),
}


@record
class Pair:
    """Two matrices that play the same role; `role` is "both" where both sides are tied."""

    role: Role
    base: Matrix
    tuned: Matrix


def pair_matrices(base: Checkpoint, tuned: Checkpoint) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs to compare, and sentences on what is not.

    A tied matrix plays both roles, so where only one side is tied its matrix is compared twice.

    Raises:
        NoMatrixError: one of them has no vocabulary matrix.
        UndecodableError: nothing is left to compare, because the matrices are packed.
        CheckpointError: no role is played on both sides, or rows differ in width.
    """
    for side in (base, tuned):
        if not side.matrices:
            raise no_matrix(side)
    notes: list[str] = []
    found = [pair for role in _ROLES if (pair := _pair(role, base, tuned, notes)) is not None]
    plain = [pair for pair in found if _plain(pair, notes)]
    if not plain:
        reason = "; ".join(notes)
        error = UndecodableError if found else CheckpointError
        raise error(f"{tuned.path!r} cannot be compared with {base.path!r}: {reason}", location=tuned.path)
    for pair in plain:
        _require_one_width(pair, base, tuned)
    if len(plain) == 2 and plain[0].base is plain[1].base and plain[0].tuned is plain[1].tuned:
        return (Pair("both", plain[0].base, plain[0].tuned),), tuple(notes)
    if base.layout.tied != tuned.layout.tied and len(plain) == 2:
        base_tied = say(
            "the base checkpoint is tied and the tuned one is not: the base one's single matrix is compared "
            "with both matrices of the tuned one"
        )
        tuned_tied = say(
            "the tuned checkpoint is tied and the base one is not: the tuned one's single matrix is compared "
            "with both matrices of the base one"
        )
        notes.append(base_tied if base.layout.tied else tuned_tied)
    return tuple(plain), tuple(notes)


def _pair(role: Role, base: Checkpoint, tuned: Checkpoint, notes: list[str]) -> Pair | None:
    left, right = base.layout.of_role(role), tuned.layout.of_role(role)
    if left is not None and right is not None:
        return Pair(role, left, right)
    if left is not None or right is not None:
        lacking = tuned if right is None else base
        what = _LACKING[role]
        notes.append(say(what, path=lacking.path))
    return None


def _plain(pair: Pair, notes: list[str]) -> bool:
    for matrix in (pair.base, pair.tuned):
        if matrix.undecodable is not None:
            words = _UNREAD[pair.role]
            notes.append(say(words, why=matrix.undecodable))
            return False
    return True


def _require_one_width(pair: Pair, base: Checkpoint, tuned: Checkpoint) -> None:
    widths = pair.base.shape[1], pair.tuned.shape[1]
    if widths[0] != widths[1]:
        raise CheckpointError(
            f"the hidden sizes differ: {pair.base.tensor!r} of {base.path!r} has rows of {widths[0]} "
            f"elements, {pair.tuned.tensor!r} of {tuned.path!r} rows of {widths[1]}; "
            "compare checkpoints of one model",
            location=pair.tuned.tensor,
        )
