"""The mask: which token ids must never be sampled, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.census import IdSet
from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.plain import to_plain
from rowscope.inspector.ranges import Range, to_ranges
from rowscope.inspector.text import plural

SCHEMA_VERSION: Final = "1"


@record
class LeftOut:
    """An id that the mask would hold but for its role."""

    id: int
    token: str | None
    text: str | None
    roles: tuple[str, ...]


@record(eq=False)
class Suppressed(Comparable):
    """What the checkpoint suppresses by its own settings, against the mask.

    Attributes:
        source: the file that says so.
        ids, begin_ids: int64, sorted: `suppress_tokens` and `begin_suppress_tokens`.
        covered, missed: ids of the mask that `suppress_tokens` holds, and does not hold.
        others: ids with a row that it holds and the mask does not.
        without_row: ids that it holds and that have no row.
        in_use: tokens that it silences although they end a turn, are forced, or stand in a template.
    """

    source: str
    ids: NDArray[np.int64]
    begin_ids: NDArray[np.int64]
    covered: IdSet
    missed: IdSet
    others: IdSet
    without_row: IdSet
    in_use: tuple[LeftOut, ...]


@record(eq=False)
class Mask(Comparable):
    """Ids that must never be sampled.

    Attributes:
        path: the checkpoint, as it was given.
        include: what was asked for: "reserved", "unmapped", "untrained".
        rows: how many logits the model computes; every id is below.
        ids: int64 [n], sorted.
        groups: the same ids by census group; groups without one are left out.
        left_out: ids in use as eos, bos, a forced token or in a chat template, which are not masked.
        notes: what the user should know.
        suppressed: what the checkpoint suppresses by itself; None where it suppresses nothing.
        image_token: id that stands for images in the prompt, which trainers bar from the answer; None
            without one.
    """

    path: str
    include: tuple[str, ...]
    rows: int
    ids: NDArray[np.int64]
    groups: Mapping[str, IdSet]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    suppressed: Suppressed | None = None
    image_token: int | None = None

    def __len__(self) -> int:
        return int(self.ids.size)

    def __repr__(self) -> str:
        return (
            f"<Mask of {self.path!r}: {len(self):,} of {plural(self.rows, 'id')} ({', '.join(self.include)})>"
        )

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ids as half-open ranges."""
        return to_ranges(self.ids)

    @property
    def flags(self) -> NDArray[np.bool_]:
        """bool [rows]: True for an id that must never be sampled."""
        flags = np.zeros(self.rows, dtype=np.bool_)
        flags[self.ids] = True
        return flags

    @property
    def with_own(self) -> NDArray[np.int64]:
        """The ids and those that the checkpoint suppresses by itself, int64, sorted: for settings that take
        the place of its own."""
        return self.ids if self.suppressed is None else np.union1d(self.ids, self.suppressed.ids)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `mask --format json`."""
        body = {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": 0,
            "path": self.path,
            "include": self.include,
            "rows": self.rows,
            "count": len(self),
            "ranges": self.ranges,
            "ids": self.ids,
            "groups": self.groups,
            "left_out": self.left_out,
            "suppressed": self.suppressed,
            "notes": self.notes,
        }
        plain = to_plain(body)
        assert isinstance(plain, dict)
        return plain
