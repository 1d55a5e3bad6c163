"""The per-row table: what the bits of each row give, and on request its token, group and verdict."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUPS, RESERVED, group_codes
from rowscope.inspector.checkpoint import Checkpoint, no_matrix, open_checkpoint
from rowscope.inspector.errors import CheckpointError, TokenizerError
from rowscope.inspector.frames import Framed
from rowscope.inspector.frozen import Comparable
from rowscope.inspector.listing.choose import RowNames, matrix_of
from rowscope.inspector.listing.naming import Texts, constant, recipes_of, spelt
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.ranges import ids_of
from rowscope.inspector.rows import RowTable, open_rows, scan_rows
from rowscope.inspector.storage import NEEDED_ONLY
from rowscope.inspector.text import joined, plural, say
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    from rowscope.inspector.evidence import MatrixEvidence

Progress = Callable[[int], None] | None


@dataclass(frozen=True, eq=False)
class VocabularyRows(Framed, Comparable):
    """One entry a row, arrays of shape (n,) in the order asked for.

    Attributes:
        id: row numbers.
        norm, mean, std, min, max: float64; NaN where the row's elements make them so. `std` is over n - 1.
        nonzero, nan, inf: counts of elements.
        fingerprint: 64-bit hash of the row's bits, -0 read as +0.
        token, text, group, matrix: strings; None unless asked for. An unmapped id has no token, and a piece
            of a character no text.
        verdict, confidence, cosine_to_reference, duplicates: evidence; None unless asked for.
        displacement: distance to the untrained reference, 1 for a typical token; NaN without one.
        grade: how far a row called trained moved: barely, partly or clearly; None for others, and without a
            reference.
        duplicate_of: lowest id with the same values among the rows judged, -1 for none.
        recipe: how a row with the verdict fresh was made, in words; None for the others.
        judged_on, note: what the evidence rests on, and which reference it took or why there is none.
    """

    id: NDArray[np.int64]
    norm: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    nonzero: NDArray[np.int64]
    nan: NDArray[np.int64]
    inf: NDArray[np.int64]
    fingerprint: NDArray[np.uint64]
    token: Texts | None = None
    text: Texts | None = None
    group: Texts | None = None
    matrix: Texts | None = None
    verdict: Texts | None = None
    confidence: Texts | None = None
    cosine_to_reference: NDArray[np.float64] | None = None
    duplicates: NDArray[np.int64] | None = None
    duplicate_of: NDArray[np.int64] | None = None
    recipe: Texts | None = None
    displacement: NDArray[np.float64] | None = None
    grade: Texts | None = None
    judged_on: str = ""
    note: str = ""

    def __len__(self) -> int:
        return int(self.id.size)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns that are there, in the order of the contract."""
        found = {name: getattr(self, name) for name in COLUMNS}
        return {name: values for name, values in found.items() if values is not None}

    def records(self) -> Iterator[dict[str, Any]]:
        """One dict a row, of Python values; floats that are not finite become None, fingerprints hex."""
        columns = self.columns
        for start in range(0, len(self), _AT_ONCE):
            part = [
                _python_values(name, values[start : start + _AT_ONCE]) for name, values in columns.items()
            ]
            for values in zip(*part, strict=True):
                yield dict(zip(columns, values, strict=True))

    def __repr__(self) -> str:
        return f"<VocabularyRows: {plural(len(self), 'row')}, {', '.join(self.columns)}>"


_AT_ONCE: Final = 4096
"""Rows of which Python's values are held together."""

JUDGED: Final = (
    "verdict",
    "confidence",
    "cosine_to_reference",
    "duplicates",
    "duplicate_of",
    "recipe",
    "displacement",
    "grade",
)
"""Columns that stand there with evidence alone."""

COLUMNS = (
    "id",
    "token",
    "text",
    "group",
    "matrix",
    "norm",
    "mean",
    "std",
    "min",
    "max",
    "nonzero",
    "nan",
    "inf",
    "fingerprint",
    *JUDGED,
)


def _python_values(name: str, values: NDArray[Any]) -> list[Any]:
    if name == "fingerprint":
        return [f"{value:016x}" for value in values.tolist()]
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            values = values.astype(object)
            values[~finite] = None
    return list(values.tolist())


def row_table(
    checkpoint: Checkpoint | str | os.PathLike[str],
    role: str = "input",
    ids: Any = None,  # noqa: ANN401 - every form of ids
    evidence: bool = False,
    *,
    full: bool = False,
    progress: Progress = None,
    names: RowNames | None = None,
) -> VocabularyRows:
    """Statistics of rows of one matrix.

    Args:
        role: "input" or "output"; a tied matrix answers to both. Or a vocabulary table by its tensor's name.
        ids: the rows wanted, in that order; all where None. In any form that `ids_of` takes.
        evidence: also token, text, group, matrix, verdict, confidence, cosine, duplicates. For `ids` rows
            are judged against the reference candidates and a fixed sample of other rows (`judged_on`).
        full: judge against the whole matrix instead.
        names: what the matrix's rows are called, where somebody has read it already.

    Raises:
        CheckpointError: the path cannot be opened, or has no matrix of that role.
        UsageError: an unknown role, an id outside the matrix, or `ids` that hold none.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint, remote=NEEDED_ONLY)
    matrix = matrix_of(checkpoint, role)
    ids = None if ids is None else ids_of(ids, matrix.rows)
    if not evidence:
        with open_rows(matrix) as reader:
            table, _ = scan_rows(reader, ids=ids, progress=progress)
        return _bits(table)
    vocabulary, codes, trouble = _known(names or RowNames(checkpoint, matrix), matrix)
    if ids is None or full:
        from rowscope.inspector.evidence import measure_matrix

        facts = measure_matrix(matrix, checkpoint, vocabulary, codes, progress=progress)
        index = np.arange(matrix.rows) if ids is None else ids
        table, found = facts.table.take(index), facts.evidence.take(index)
        del facts, index
    else:
        table, found = _some(matrix, ids, codes, vocabulary, checkpoint)
    bits = _bits(table)
    del table  # of millions of rows, a hundred megabytes and more that the columns do not need
    named = _named(_with_evidence(bits, found), matrix, codes, vocabulary)
    notes = [note for note in (found.lost(matrix.file), trouble, named.note) if note]
    return dataclasses.replace(named, note=joined("; ", notes))


def named_rows(
    matrix: Matrix, names: RowNames, ids: NDArray[np.int64] | None, progress: Progress = None
) -> VocabularyRows:
    """What the bits give, with token, group and matrix: `rows --no-evidence`."""
    with open_rows(matrix) as reader:
        table, _ = scan_rows(reader, ids=ids, progress=progress)
    vocabulary, codes, trouble = _known(names, matrix)
    return dataclasses.replace(_named(_bits(table), matrix, codes, vocabulary), note=trouble)


def _known(names: RowNames, matrix: Matrix) -> tuple[Vocabulary | None, NDArray[np.int8], str]:
    """Tokenizer and groups, or what is wrong with them: rows can be shown without their tokens."""
    try:
        vocabulary, codes = names.vocabulary, names.codes
    except TokenizerError as error:
        unknown = group_codes(matrix.rows, None)
        return None, unknown, say("tokens and groups are unknown: {why}", why=error.message)
    why = names.untold or say("no tokenizer files")
    return vocabulary, codes, "" if vocabulary else say("tokens and groups are unknown: {why}", why=why)


def reserved_ids(path: str | os.PathLike[str] | Checkpoint) -> NDArray[np.int64]:
    """Ids of the reserved rows (unmapped and placeholder), sorted int64; reads no tensor data.

    Raises:
        CheckpointError: the path cannot be opened, has no vocabulary matrix or no readable tokenizer files.
    """
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path, remote=NEEDED_ONLY)
    if not checkpoint.matrices:
        raise no_matrix(checkpoint)
    vocabulary = read_vocabulary(checkpoint.tokenizer_folder)
    if vocabulary is None:
        raise CheckpointError(
            f"{checkpoint.tokenizer_folder.location!r} has no tokenizer files, so nothing tells which rows "
            "are reserved; put tokenizer.json beside the weights",
            location=checkpoint.folder.location,
        )
    codes = group_codes(max(matrix.rows for matrix in checkpoint.matrices), vocabulary)
    return np.flatnonzero(np.isin(codes, RESERVED)).astype(np.int64)


def _some(
    matrix: Matrix,
    ids: NDArray[np.int64],
    codes: NDArray[np.int8],
    vocabulary: Vocabulary | None,
    checkpoint: Checkpoint,
) -> tuple[RowTable, MatrixEvidence]:
    from rowscope.inspector.evidence import judge_some

    ordered, back = np.unique(ids, return_inverse=True)
    table, found = judge_some(matrix, checkpoint, vocabulary, codes, ordered)
    return table.take(back), found.take(back)


def _bits(table: RowTable) -> VocabularyRows:
    return VocabularyRows(
        id=table.ids,
        norm=table.norm,
        mean=table.mean,
        std=table.std,
        min=table.min,
        max=table.max,
        nonzero=table.nonzero,
        nan=table.nan,
        inf=table.inf,
        fingerprint=table.fingerprint,
    )


def _with_evidence(rows: VocabularyRows, found: MatrixEvidence) -> VocabularyRows:
    from rowscope.inspector.evidence import CONFIDENCES, GRADES, VERDICTS, grades

    return dataclasses.replace(
        rows,
        verdict=np.array(VERDICTS, dtype=object)[found.verdict],
        confidence=np.array(CONFIDENCES, dtype=object)[found.confidence],
        cosine_to_reference=found.indicators.cosine,
        duplicates=found.duplicates,
        duplicate_of=found.duplicate_of,
        recipe=recipes_of(rows.id, found),
        displacement=found.displacement,
        grade=np.array([*GRADES, None], dtype=object)[grades(found)],
        judged_on=found.judged_on,
        note=found.note,
    )


def _named(
    rows: VocabularyRows, matrix: Matrix, codes: NDArray[np.int8], vocabulary: Vocabulary | None
) -> VocabularyRows:
    token, text = spelt(rows.id, vocabulary)
    return dataclasses.replace(
        rows,
        token=token,
        text=text,
        group=np.array(GROUPS, dtype=object)[codes[rows.id]],
        matrix=constant(matrix.role, len(rows)),
    )
