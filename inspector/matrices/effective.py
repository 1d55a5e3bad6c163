"""The vocabulary tables of a base model with an adapter on it, as the adapter runs, not merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from rowscope.inspector.matrices.adapters import Change
from rowscope.inspector.matrices.classes import text_path
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role
from rowscope.inspector.matrices.scopes import text_scope
from rowscope.inspector.matrices.stored import role_of_name


def with_adapter(
    own: MatrixLayout,
    base: MatrixLayout | None,
    changes: Sequence[Change],
    config: Mapping[str, Any] | None,
) -> MatrixLayout:
    """The layout that results.

    A table that the adapter stores takes the place of the base's. Rows that it replaces in a tied table
    change in both roles, as PEFT ties them. A low-rank change is added in the role that it was trained in,
    so that a tied table becomes two.

    Args:
        own: tables that the adapter stores itself.
        base: the base model's, where it is known.
        config: the base model's, with the size that tables of the adapter have.
    """
    by_role = {role_of_name(change.stem + ".weight"): change for change in changes}
    under = base or own
    tied = under.of_role("input") if under.tied else None
    shared = by_role.get("input")
    if (
        tied is not None
        and not own.matrices
        and "output" not in by_role
        and (shared is None or shared.a is None)
    ):
        return replace(
            under, matrices=(_changed(tied, "both", shared),), vocab=text_scope(config, text_path(config))
        )
    rows_shared = shared if tied is not None and shared is not None and shared.tokens is not None else None
    found: list[Matrix] = []
    for role, change in (("input", shared), ("output", by_role.get("output") or rows_shared)):
        which: Literal["input", "output"] = "input" if role == "input" else "output"
        table = _own(own, which) or under.of_role(which)
        if table is not None:
            found.append(_changed(table, which, change))
    both_stored = _own(own, "input") is not None and _own(own, "output") is not None
    source = (
        "stored-twice" if under.tied and both_stored else "untied" if len(found) == 2 else under.tie_source
    )
    return replace(
        under,
        matrices=tuple(found),
        tied=False,
        tie_source=source,
        vocab=text_scope(config, text_path(config)),
    )


def _own(own: MatrixLayout, role: Role) -> Matrix | None:
    """A table that the adapter stores for a role; its input table alone says nothing of the output."""
    return next((m for m in own.matrices if ("input" if m.role == "both" else m.role) == role), None)


def _changed(table: Matrix, role: Role, change: Change | None) -> Matrix:
    if change is None:
        return replace(table, role=role)
    return replace(
        table, role=role, change=_fitting(table, change), rule=f"{table.rule}; adapter: {change.words}"
    )


def _fitting(table: Matrix, change: Change) -> Change:
    """The change, with a trouble where its tensors do not fit the table."""
    if change.trouble is not None:
        return change
    rows, width = table.shape
    if change.tokens is not None:
        beyond = [id for id in change.ids if id >= rows]
        if beyond or change.tokens.shape[1] != width:
            what = f"the id {beyond[0]}" if beyond else f"rows of {change.tokens.shape[1]}"
            return replace(change, trouble=_misfit(table, what))
    if change.a is not None and change.b is not None:
        a, b = change.a.shape, change.b.shape
        fits = (a[1], b[0]) == ((rows, width) if change.embedding else (width, rows)) and a[0] == b[1]
        if not fits:
            return replace(change, trouble=_misfit(table, f"factors of {list(a)} and {list(b)}"))
    if change.magnitude is not None and sorted(change.magnitude.shape, reverse=True)[:1] != [rows]:
        return replace(change, trouble=_misfit(table, f"magnitudes of {list(change.magnitude.shape)}"))
    return change


def _misfit(table: Matrix, what: str) -> str:
    rows, width = table.shape
    return (
        f"the adapter has {what} for {table.tensor!r} of {rows} rows of {width}: it was trained on another "
        "base, or "
        "on one that was resized; give that one with --base"
    )
