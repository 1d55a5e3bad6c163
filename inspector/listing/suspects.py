"""The ranked list of rows that look untrained, each with its evidence."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.census import GROUP_MEMBERS, RESERVED, group_codes
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.checks import rank
from rowscope.inspector.errors import require, unknown_value
from rowscope.inspector.evidence import TRAINED, MatrixFacts, measure_matrix
from rowscope.inspector.frames import Framed
from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.listing.choose import RowNames, matrix_of
from rowscope.inspector.listing.ranked import FIELDS, Ranked, Suspect
from rowscope.inspector.listing.verified import Verified, read_verified
from rowscope.inspector.plain import to_plain
from rowscope.inspector.storage import NEEDED_ONLY
from rowscope.inspector.text import joined, plural, say
from rowscope.inspector.vocabulary import Vocabulary, all_ids

Progress = Callable[[int], None] | None

GROUP_CHOICES: Final = (*GROUP_MEMBERS, "all")


# dtypes of columns by the types of the fields; the others hold None where nothing is known.
_DTYPES: Final[dict[str, Any]] = {"int": np.int64, "float": np.float64}


@record(eq=False)
class Suspects(Framed, Comparable):
    """Suspects from the surest on, as a sequence of `Suspect`; `total` counts those before the limit."""

    flags: ClassVar[tuple[str, ...]] = ("reachable",)

    path: str
    rows: Sequence[Suspect]
    total: int
    note: str

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<Suspects of {self.path!r}: {len(self):,} of {plural(self.total, 'row')}>"

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The fields of `Suspect`, one entry a row."""
        rows = self.rows
        if isinstance(rows, Ranked):
            return {name: rows.column(name) for name in FIELDS}
        found = {}
        for field in dataclasses.fields(Suspect):
            values = np.empty(len(rows), dtype=object)
            values[:] = [getattr(row, field.name) for row in rows]
            found[field.name] = values.astype(_DTYPES.get(str(field.type), object))
        return found

    def records(self) -> Iterator[dict[str, Any]]:
        """One dict a row, of JSON values."""
        rows = self.rows
        return rows.records() if isinstance(rows, Ranked) else (to_plain(row) for row in rows)

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
            "suspects": self.records(),
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
    if limit is not None:
        require("--limit", limit, Integral, "a whole number")
    if not isinstance(group, str) or group not in GROUP_CHOICES:
        raise unknown_value("--group", group, GROUP_CHOICES)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint, remote=NEEDED_ONLY)
    matrix = matrix_of(checkpoint, role)
    names = RowNames(checkpoint, matrix)
    vocabulary = names.vocabulary
    asked = {} if verified is None else read_verified(verified, _input_rows(checkpoint), vocabulary)
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
    rows = _ranked(item, ids if limit is None else ids[:limit], vocabulary, unreachable, asked)
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


def _ranked(
    item: MatrixFacts,
    ids: NDArray[np.int64],
    vocabulary: Vocabulary | None,
    unreachable: NDArray[np.int64] | None,
    asked: Mapping[int, Verified],
) -> Ranked:
    evidence, found = item.evidence, item.evidence.indicators
    columns = {
        "norm": item.table.norm,
        "cosine": found.cosine,
        "centred_cosine": found.centred,
        "cosine_without_pc1": found.without_pc1,
        "distance": found.distance,
        "duplicates": evidence.duplicates,
    }
    # Without a reference the indicators are one array of NaN.
    each = {key: values[ids] for key, values in {id(values): values for values in columns.values()}.items()}
    named = _named(ids, vocabulary)
    few: dict[str, Mapping[int, Any]] = {
        "token": {id: token for id, (token, _) in named.items()},
        "text": {id: text for id, (_, text) in named.items()},
        "recipe": {id: recipe.words for id, recipe in evidence.recipes.items()},
        "verified": {id: said.state for id, said in asked.items()},
        "largest_probability": {id: said.largest for id, said in asked.items()},
    }
    return Ranked(
        id=ids,
        codes={
            "group": item.codes[ids],
            "verdict": evidence.verdict[ids],
            "confidence": evidence.confidence[ids],
        },
        numbers={name: each[id(values)] for name, values in columns.items()},
        reachable=None if unreachable is None else ~np.isin(ids, unreachable),
        few=few,
        matrix=item.matrix.role,
    )


def _named(ids: NDArray[np.int64], vocabulary: Vocabulary | None) -> dict[int, tuple[str, str | None]]:
    """Token and text of those of `ids` that have one."""
    if vocabulary is None:
        return {}
    known = ids[np.isin(ids, all_ids(vocabulary.tokens))].tolist()
    tokens, texts = vocabulary.spelt(known)
    pairs = zip(known, tokens, texts, strict=True)
    return {id: (token, text) for id, token, text in pairs if token is not None}
