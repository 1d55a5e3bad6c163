"""What a comparison of two checkpoints found: frozen, with its JSON form (schema_version "1")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

import rowscope
from rowscope.inspector.checks import Finding
from rowscope.inspector.diff.table import Names, PairTable
from rowscope.inspector.frames import Framed
from rowscope.inspector.frozen import Comparable, fields_of, record
from rowscope.inspector.plain import to_plain
from rowscope.inspector.ranges import Range
from rowscope.inspector.text import plural, say

SCHEMA_VERSION: Final = "1"


@record
class Side:
    """One of the two checkpoints."""

    path: str
    model_type: str | None
    architectures: tuple[str, ...]
    tied: bool
    entries: int | None


@record
class Stored:
    """A matrix as one side stores it."""

    tensor: str
    file: str
    dtype: str
    rows: int


@record
class GroupChange:
    """What happened to the common rows of a group.

    `distance` and `cosine` are over its rows that are finite on both sides, unchanged ones included; NaN
    where there are none.
    """

    rows: int
    identical: int
    identical_after_rounding: int
    changed: int
    nonfinite: int
    distance_max: float
    distance_mean: float
    distance_median: float
    cosine_mean: float


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row worth a line.

    Attributes:
        token: of the tuned tokenizer; None for an id without a token.
        base_token: of the base tokenizer.
        text, base_text: what the two stand for; None also for a piece of a character.
        group: of the tuned checkpoint.
        roles: what config, tokenizer or chat template use the token for.
        movement: "unmoved" (same values, or equal after rounding), "drifted" (changed, but no more than the
            rows that no token uses), "moved", "new-row" (the base has no such row), "no-row" (the tuned
            matrix has none).
    """

    id: int
    token: str | None
    base_token: str | None
    text: str | None
    base_text: str | None
    group: str
    roles: tuple[str, ...]
    movement: str
    distance: float
    relative: float
    cosine: float


@record
class ClaimedChange:
    """What became of a row that `rowscope claim` wrote.

    Attributes:
        recipe: the initial values asked for, as `--values`.
        state: "initial" (the tuned side still holds the claimed values), "moved" (the base holds them, the
            tuned side others), "changed" (neither side holds them).
        displacement: |tuned - claimed| / |claimed|; 0 for "initial", NaN where the base has other values.
    """

    id: int
    token: str
    recipe: str
    state: str
    displacement: float

    @property
    def words(self) -> str:
        """For people: `claimed, moved by 0.31`."""
        known = {
            "initial": say("claimed, still its initial value"),
            "moved": say("claimed, moved by {distance:.2g}", distance=self.displacement),
            "changed": say("claimed, no longer its initial value"),
        }
        return known[self.state]


@record
class Background:
    """How far rows moved that no token uses on either side: what training does to a row by itself.

    `limit` is the distance above which a row counts as moved; 0 where there is no such row to compare with.
    """

    rows: int
    median: float
    limit: float


@record(eq=False)
class MatrixDiff(Comparable):
    """The comparison of the matrices that play one role.

    Attributes:
        role: "input", "output", or "both" where both sides are tied.
        table: the common rows.
        only_in_base, only_in_tuned: half-open range of the rows that one side alone has, or None.
        groups_tuned, groups_base: by group name, as either tokenizer groups the rows; empty groups left out.
        drifted_reserved: reserved rows (of the tuned side) that changed, furthest first.
        new_tokens: tokens that the base tokenizer does not have, by id.
        still_specials: special tokens of the tuned side whose rows did not move.
        claimed: rows that `rowscope claim` wrote, by id.
    """

    role: str
    base: Stored
    tuned: Stored
    table: PairTable
    width: int
    only_in_base: Range | None
    only_in_tuned: Range | None
    total: GroupChange
    groups_tuned: Mapping[str, GroupChange]
    groups_base: Mapping[str, GroupChange]
    background: Background
    drifted_reserved: tuple[RowChange, ...]
    new_tokens: tuple[RowChange, ...]
    still_specials: tuple[RowChange, ...]
    claimed: tuple[ClaimedChange, ...]


@dataclass(frozen=True, slots=True)
class TokenId:
    """A token and its id, and what it stands for; `text` is None for a piece of a character."""

    id: int
    token: str
    text: str | None


@dataclass(frozen=True, slots=True)
class RenamedId:
    """An id whose token changed."""

    id: int
    base: str
    tuned: str
    base_text: str | None
    tuned_text: str | None


@dataclass(frozen=True, slots=True)
class MovedToken:
    """A token whose id changed."""

    token: str
    base: int
    tuned: int
    text: str | None


@record
class TokenizerDiff:
    """How the tuned tokenizer differs from the base's, by id and token.

    Attributes:
        same: whether every id has the same token on both sides.
        added, removed: ids that only the tuned, only the base tokenizer has.
        renamed: ids that both have, with different tokens.
        moved: tokens that both have, under different ids.
        specials_gained, specials_lost: tokens of one id on both sides that became special, or ceased to be.
    """

    same: bool
    added: tuple[TokenId, ...]
    removed: tuple[TokenId, ...]
    renamed: tuple[RenamedId, ...]
    moved: tuple[MovedToken, ...]
    specials_gained: tuple[TokenId, ...]
    specials_lost: tuple[TokenId, ...]


@record(eq=False)
class Diff(Framed, Comparable):
    """The result of `rowscope.diff`.

    Attributes:
        matrices: input first.
        tokenizer: None where a side has no readable tokenizer.
        expected_unchanged: the ranges given as `expect_unchanged`, or None.
        findings: violations of it: DIF501, at most one per matrix.
        notes: what could not be compared, and why; choices that were made.
        summary: paragraphs for a person.
        names: what the rows are called on either side; not part of the JSON.
        timings: seconds by stage.
    """

    base: Side
    tuned: Side
    matrices: tuple[MatrixDiff, ...]
    tokenizer: TokenizerDiff | None
    expected_unchanged: tuple[Range, ...] | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    summary: tuple[str, ...]
    names: Names
    timings: Mapping[str, float] = field(compare=False)

    def __len__(self) -> int:
        return sum(len(matrix.table) for matrix in self.matrices)

    def __repr__(self) -> str:
        changed = sum(int(matrix.table.changed.sum()) for matrix in self.matrices)
        names = f"{self.base.path!r} -> {self.tuned.path!r}"
        return f"<Diff of {names}: {changed:,} of {plural(len(self), 'common row')} changed>"

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """One entry per common row and matrix, named as the columns of `diff --format csv`."""
        from rowscope.inspector.diff.rows import row_columns

        return row_columns(self)

    @property
    def exit_code(self) -> int:
        """0, or 1 where rows changed that were expected not to."""
        return int(bool(self.findings))

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, without the rows one by one; numbers that are not finite become None."""
        plain = to_plain(self.document())
        assert isinstance(plain, dict)
        return plain

    def document(self) -> dict[str, Any]:
        """What `to_dict` holds, with results where it has JSON values: for `json_pieces`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": self.exit_code,
            "summary": self.summary,
            "base": self.base,
            "tuned": self.tuned,
            "matrices": [_matrix(matrix) for matrix in self.matrices],
            "tokenizer": self.tokenizer,
            "expected_unchanged": self.expected_unchanged,
            "findings": self.findings,
            "notes": self.notes,
            "timings": self.timings,
        }


def _matrix(matrix: MatrixDiff) -> dict[str, Any]:
    fields = fields_of(matrix)
    del fields["table"]
    groups = {"tuned": fields.pop("groups_tuned"), "base": fields.pop("groups_base")}
    return {**fields, "common_rows": len(matrix.table), "groups": groups}
