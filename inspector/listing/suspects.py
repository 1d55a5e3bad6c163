"""The ranked list of rows that look untrained, each with its evidence."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.census import GROUP_MEMBERS, GROUPS, RESERVED, group_codes
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.checks import rank
from rowscope.inspector.errors import unknown_value
from rowscope.inspector.evidence import CONFIDENCES, TRAINED, VERDICTS, MatrixFacts, measure_matrix
from rowscope.inspector.frames import Framed
from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.listing.choose import RowNames, matrix_of
from rowscope.inspector.listing.verified import Verified, read_verified
from rowscope.inspector.plain import to_plain
from rowscope.inspector.storage import NEEDED_ONLY
from rowscope.inspector.text import joined, plural, say
from rowscope.inspector.vocabulary import Vocabulary

Progress = Callable[[int], None] | None

GROUP_CHOICES: Final = (*GROUP_MEMBERS, "all")


# dtypes of columns by the types of the fields; the others hold None where nothing is known.
_DTYPES: Final[dict[str, Any]] = {"int": np.int64, "float": np.float64}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that looks untrained.

    `reachable` is None where reachability was not asked for. `cosine`, `centred_cosine`,
    `cosine_without_pc1` and `distance` compare the row with the untrained reference, NaN without one;
    `duplicates` counts the other rows with the same values. `recipe` says how a fresh row was made.
    `verified` is what `probe verify` found ("verified", "weak", "known", "untold") and
    `largest_probability` its number; None where its document was not given or does not speak of the token.
    """

    id: int
    token: str | None
    text: str | None
    group: str
    matrix: str
    verdict: str
    confidence: str
    norm: float
    cosine: float
    centred_cosine: float
    cosine_without_pc1: float
    distance: float
    duplicates: int
    reachable: bool | None
    recipe: str | None = None
    verified: str | None = None
    largest_probability: float | None = None


@record(eq=False)
class Suspects(Framed, Comparable):
    """Suspects from the surest on; `total` counts those before the limit."""

    flags: ClassVar[tuple[str, ...]] = ("reachable",)

    path: str
    rows: tuple[Suspect, ...]
    total: int
    note: str

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Suspects of {self.path!r}: {len(self):,} of {plural(self.total, 'row')}>"

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The fields of `Suspect`, one entry a row."""
        found = {}
        for field in dataclasses.fields(Suspect):
            values = np.empty(len(self.rows), dtype=object)
            values[:] = [getattr(row, field.name) for row in self.rows]
            found[field.name] = values.astype(_DTYPES.get(str(field.type), object))
        return found

    def to_dict(self, exit_code: int = 0) -> dict[str, Any]:
        """The JSON document of `suspects --format json`."""
        plain = to_plain(self.document(exit_code))
        assert isinstance(plain, dict)
        return plain

    def document(self, exit_code: int = 0) -> dict[str, Any]:
        """What `to_dict` holds, with results where it has JSON values: for `json_pieces`."""
        return {
            "schema_version": "1",
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": exit_code,
            "path": self.path,
            "note": self.note,
            "total": self.total,
            "suspects": self.rows,
        }


def find_suspects(
    checkpoint: Checkpoint | str | os.PathLike[str],
    *,
    role: str = "input",
    group: str = "used",
    limit: int | None = None,
    reachability: bool = False,
    verified: str | os.PathLike[str] | None = None,
    progress: Progress = None,
) -> Suspects:
    """Rows of a group with a verdict other than trained, from the surest on.

    Args:
        group: one of `GROUP_CHOICES`; by default the used rows, for reserved ones are expected untrained.
        limit: how many; None for all.
        verified: a JSON document of the verify probe on this checkpoint.

    Raises:
        CheckpointError, NoMatrixError: nothing to judge.
        UsageError: an unknown group or role; `verified` is no such document, or of another checkpoint.
        MissingExtraError: `reachability` without the extra `tokenizer`.
    """
    if group not in GROUP_CHOICES:
        raise unknown_value("--group", group, GROUP_CHOICES)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint, remote=NEEDED_ONLY)
    matrix = matrix_of(checkpoint, role)
    names = RowNames(checkpoint, matrix)
    vocabulary = names.vocabulary
    states = {} if verified is None else read_verified(verified, _input_rows(checkpoint), vocabulary)
    unreachable = None
    if reachability and vocabulary is not None:
        from rowscope.inspector.evidence import unreachable_ids

        unreachable = unreachable_ids(checkpoint.tokenizer_folder, vocabulary)
    codes = group_codes(matrix.rows, vocabulary)
    item = measure_matrix(matrix, checkpoint, vocabulary, codes, unreachable=unreachable, progress=progress)
    members = np.ones(codes.size, dtype=bool) if group == "all" else np.isin(codes, GROUP_MEMBERS[group])
    ids = np.flatnonzero(members & (item.evidence.verdict != TRAINED) & ~item.damaged)
    ids = ids[rank(item, ids)]
    ids = ids[np.argsort(np.isin(codes[ids], RESERVED), kind="stable")]
    shown = ids if limit is None else ids[:limit]
    norms = item.table.norm
    rows = tuple(
        _suspect(item, vocabulary, unreachable, int(id), float(norms[id]), states.get(int(id)))
        for id in shown
    )
    notes = [part for part in (_damage(item), names.untold, item.evidence.note) if part]
    return Suspects(checkpoint.path, rows, int(ids.size), joined("; ", notes))


def _input_rows(checkpoint: Checkpoint) -> int:
    return matrix_of(checkpoint, "input").rows


def _damage(item: MatrixFacts) -> str:
    """What to know of rows that are left out because a piece of the file is missing; empty where none is."""
    if not item.holes:
        return ""
    return say(
        "{count:# row|# rows} left out: a piece of {file!r} is missing (FIL005), download it again",
        count=int(item.damaged.sum()),
        file=item.matrix.file,
    )


def _suspect(
    item: MatrixFacts,
    vocabulary: Vocabulary | None,
    unreachable: NDArray[np.int64] | None,
    id: int,
    norm: float,
    asked: Verified | None,
) -> Suspect:
    evidence = item.evidence
    return Suspect(
        id=id,
        token=vocabulary.tokens.get(id) if vocabulary else None,
        text=vocabulary.text(id) if vocabulary else None,
        group=GROUPS[item.codes[id]],
        matrix=item.matrix.role,
        verdict=VERDICTS[evidence.verdict[id]],
        confidence=CONFIDENCES[evidence.confidence[id]],
        norm=norm,
        cosine=float(evidence.indicators.cosine[id]),
        centred_cosine=float(evidence.indicators.centred[id]),
        cosine_without_pc1=float(evidence.indicators.without_pc1[id]),
        distance=float(evidence.indicators.distance[id]),
        duplicates=int(evidence.duplicates[id]),
        reachable=None if unreachable is None else not bool(np.isin(id, unreachable)),
        recipe=evidence.recipes[id].words if id in evidence.recipes else None,
        verified=None if asked is None else asked.state,
        largest_probability=None if asked is None else asked.largest,
    )
