"""Which ids a probe looks at, and which it compares them with: from the census and the stored rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.arrays import union
from rowscope.inspector.census import ADDED, PLACEHOLDER, UNMAPPED, USED, Census, next_ids, take_census
from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.errors import RefusedError, TokenizerError, UndecodableError, UsageError
from rowscope.inspector.evidence import MatrixEvidence, measure_matrix
from rowscope.inspector.frozen import Comparable
from rowscope.inspector.model.results import SubjectFacts
from rowscope.inspector.ranges import ids_of, to_ranges
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

Ids = NDArray[np.int64]

_SAMPLE: Final = 256


@dataclass(frozen=True, eq=False)
class Subject(Comparable):
    """Ids by what is known of them, all sorted int64.

    Attributes:
        kind, ids: what is probed, see `SubjectFacts`.
        reserved: reserved ids of the census.
        untrained: used ids that the stored rows show as untrained, in either matrix; `special` are the
            added tokens among them.
        trained: used ids that look trained in every matrix; all used ids where there is none.
        evidence: of all rows of each matrix that could be judged, by its role.
    """

    kind: str
    ids: Ids
    census: Census
    vocabulary: Vocabulary | None
    reserved: Ids
    untrained: Ids
    special: Ids
    trained: Ids
    notes: tuple[str, ...]
    evidence: Mapping[str, MatrixEvidence]

    @property
    def facts(self) -> SubjectFacts:
        return SubjectFacts(self.kind, int(self.ids.size), to_ranges(self.ids))

    @property
    def noun(self) -> str:
        """What the ids are called in a sentence."""
        return "chosen" if self.kind == "candidates" else self.kind

    def sample(self, seed: int, count: int = _SAMPLE) -> Ids:
        """`count` trained used ids, drawn once by `seed`, sorted; all of them where there are fewer."""
        if self.trained.size <= count:
            return self.trained
        return np.sort(np.random.default_rng(seed).choice(self.trained, count, replace=False))

    @property
    def free_slots(self) -> Ids:
        """Reserved ids that a claim could take, in its order: the next ids, then places of placeholders.

        A hole below the largest token id is none: tokenizers give a new token the next id.
        """
        codes = self.census.codes[self.reserved]
        following = np.empty(0, dtype=np.int64)
        if self.vocabulary is not None:
            following = np.array(next_ids(self.vocabulary, self.census.rows), dtype=np.int64)
        unmapped = np.intersect1d(self.reserved[codes == UNMAPPED], following)
        return np.concatenate((unmapped, self.reserved[codes == PLACEHOLDER]))


def find_subject(checkpoint: Checkpoint, ids: Iterable[int] | None = None, *, needed: bool = True) -> Subject:
    """Read tokenizer files and rows, and decide what to probe.

    The reserved ids where there are some; else the untrained rows of used tokens; else nothing.

    Args:
        ids: probe these instead.
        needed: False where a checkpoint with nothing to probe is given no ids, not refused.

    Raises:
        RefusedError: (NOTHING_TO_PROBE) no id is reserved, none looks untrained and none was given.
        UsageError: a given id has no row.
    """
    notes: list[str] = []
    vocabulary = _vocabulary(checkpoint, notes)
    census = take_census(checkpoint.layout, vocabulary, checkpoint.config)
    evidence = _judge(checkpoint, vocabulary, census, notes)
    untrained = _untrained(evidence, census.rows)
    used = np.isin(census.codes, USED)
    trained = np.flatnonzero(used & ~untrained)
    if evidence and not trained.size:
        notes.append("No used row looks trained: all used rows serve for comparison.")
        trained = np.flatnonzero(used)
    reserved = census.ids("reserved")
    bad = np.flatnonzero(used & untrained)
    kind, chosen = _choose(checkpoint, census, reserved, bad, ids, needed)
    return Subject(
        kind=kind,
        ids=chosen,
        census=census,
        vocabulary=vocabulary,
        reserved=reserved,
        untrained=bad,
        special=bad[census.codes[bad] == ADDED],
        trained=trained,
        notes=tuple(notes),
        evidence=evidence,
    )


def _vocabulary(checkpoint: Checkpoint, notes: list[str]) -> Vocabulary | None:
    try:
        vocabulary = read_vocabulary(checkpoint.tokenizer_folder)
    except TokenizerError as error:
        notes.append(f"The tokenizer files cannot be read: {error.message}")
        return None
    if vocabulary is None:
        notes.append("There are no tokenizer files: no row is known to be reserved.")
    return vocabulary


def _judge(
    checkpoint: Checkpoint, vocabulary: Vocabulary | None, census: Census, notes: list[str]
) -> dict[str, MatrixEvidence]:
    """Verdicts by role, of the matrices that could be judged."""
    found: dict[str, MatrixEvidence] = {}
    for matrix in checkpoint.matrices:
        try:
            facts = measure_matrix(matrix, checkpoint, vocabulary, census.codes)
        except UndecodableError as error:
            notes.append(f"The rows of {matrix.tensor} were not judged: {error.message}")
            continue
        found[matrix.role] = facts.evidence
    return found


def _untrained(evidence: Mapping[str, MatrixEvidence], rows: int) -> NDArray[np.bool_]:
    """bool [rows]: untrained in at least one matrix."""
    untrained = np.zeros(rows, dtype=bool)
    for found in evidence.values():
        untrained[: found.verdict.size] |= found.untrained
    return untrained


def _choose(
    checkpoint: Checkpoint,
    census: Census,
    reserved: Ids,
    untrained: Ids,
    ids: Iterable[int] | None,
    needed: bool,
) -> tuple[str, Ids]:
    if ids is not None:
        return "given", _given(ids, census.rows)
    if reserved.size:
        return "reserved", reserved
    if untrained.size or not needed:
        return "untrained", untrained
    if not census.rows:
        raise RefusedError(
            f"no vocabulary matrix is known in {checkpoint.path!r}: there is nothing to probe; "
            "`rowscope inspect` lists its tensors",
            location=checkpoint.path,
            code="NOTHING_TO_PROBE",
        )
    raise RefusedError(
        f"{checkpoint.path!r} has no reserved row and none of its {census.rows:,} rows looks untrained: "
        "there is nothing to probe; name ids with --ids",
        location=checkpoint.path,
        code="NOTHING_TO_PROBE",
    )


def _given(ids: Any, rows: int) -> Ids:  # noqa: ANN401 - every form of ids
    chosen = union(ids_of(ids, rows, "--ids"))
    if not chosen.size:
        raise UsageError("--ids: no id given; write ids like 7 or 0:10", location="--ids")
    return chosen
