"""Which matrix and which rows the options of a command ask for, and what its rows are called."""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import GROUP_MEMBERS, group_codes
from rowscope.inspector.checkpoint import Checkpoint, no_matrix, table_named
from rowscope.inspector.errors import NoMatrixError, UsageError, unknown_value
from rowscope.inspector.matrices import Matrix
from rowscope.inspector.ranges import parse_ranges
from rowscope.inspector.rows import draft_tokens
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary, called, near_tokens, read_vocabulary, renumbered


def matrix_of(checkpoint: Checkpoint, role: str) -> Matrix:
    """The matrix that plays a role, or the vocabulary table of that name.

    Where the model's head has a vocabulary of its own, it is the output all the same.

    Raises:
        UsageError: `role` is neither input nor output, nor the name of a vocabulary table.
        NoMatrixError: the checkpoint has no such matrix.
    """
    if not isinstance(role, str) or role not in ("input", "output", "both"):
        return table_named(checkpoint, role).matrix
    matrix = checkpoint.layout.of_role("output" if role == "output" else "input")
    if matrix is None and role == "output":
        heads = (table.matrix for table in checkpoint.layout.others if table.role.endswith("output"))
        matrix = next(heads, None)
    if matrix is None and not checkpoint.matrices:
        raise no_matrix(checkpoint)
    if matrix is None:
        stored = ", ".join(f"{m.role}: {m.tensor}" for m in checkpoint.matrices)
        raise NoMatrixError(
            f"{checkpoint.path!r} stores no {role} matrix ({stored}); ask for the other one with --matrix",
            location=checkpoint.path,
        )
    return matrix


class RowNames:
    """Tokens and groups of a matrix's rows: its tokenizer files are read on first use, and once.

    `untold` says why the rows of the table have no names, where its vocabulary is not the tokenizer's.
    """

    def __init__(self, checkpoint: Checkpoint, matrix: Matrix) -> None:
        self._folder = checkpoint.tokenizer_folder
        self._rows = matrix.rows
        judged = any(own.tensor == matrix.tensor for own in checkpoint.matrices)
        self._table = None if judged else table_named(checkpoint, matrix.tensor)
        self.untold: str = ""
        if self._table is not None and self._table.vocabulary is None:
            why = self._table.note or say("it has a vocabulary of its own")
            self.untold = say(
                "no tokenizer names the rows of {tensor} ({note})", tensor=matrix.tensor, note=why
            )

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """What the rows are called, None where there are no files or they are of another vocabulary.

        Raises:
            TokenizerError: the files cannot be read.
            CheckpointError: the table of a draft vocabulary cannot be read.
        """
        if self.untold:
            return None
        vocabulary = read_vocabulary(self._folder)
        if vocabulary is None or self._table is None or self._table.vocabulary != "draft":
            return vocabulary
        return renumbered(vocabulary, draft_tokens(self._table))

    @cached_property
    def codes(self) -> NDArray[np.int8]:
        """Group of every row, int8 [rows], as `group_codes` says; raises what `vocabulary` does."""
        return group_codes(self._rows, self.vocabulary)


def choose_ids(
    matrix: Matrix,
    names: RowNames,
    *,
    ids: str | None,
    tokens: list[str],
    group: str | None,
    grep: str | None = None,
) -> NDArray[np.int64] | None:
    """Row ids that the options of `rows` ask for, in that order and each once; None for all rows.

    `ids` is a list of ranges, `tokens` are stored spellings or texts, `group` one of the census. `grep`
    leaves the ones in whose token or text a regular expression finds something.

    Raises:
        UsageError: an unknown token or group, an id outside the matrix, or no regular expression.
        TokenizerError: tokens or a group are asked for and the tokenizer files cannot be read.
    """
    parts = []
    if ids is not None:
        parts.append(parse_ranges(ids, matrix.rows))
    if tokens or group is not None:
        vocabulary = names.vocabulary
        if tokens:
            parts.append(_token_ids(vocabulary, tokens, matrix.rows))
        if group is not None:
            parts.append(_group_ids(names.codes, group))
    if not parts and grep is None:
        return None
    wanted = np.concatenate(parts) if parts else np.arange(matrix.rows, dtype=np.int64)
    _, first = np.unique(wanted, return_index=True)
    wanted = np.asarray(wanted[np.sort(first)])
    return wanted if grep is None else wanted[_found(names.vocabulary, wanted, grep)]


def _found(vocabulary: Vocabulary | None, ids: NDArray[np.int64], pattern: str) -> NDArray[np.bool_]:
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(
            f"--grep {pattern!r} is no regular expression: {error}; escape its signs, or use --token",
            location="--grep",
        ) from error
    if vocabulary is None:
        raise UsageError("--grep needs tokenizer files, and there are none; use --ids", location="--grep")
    tokens = vocabulary.tokens
    named = [id for id in ids.tolist() if id in tokens]
    hit = {id for id in named if search(tokens[id]) or search(vocabulary.text(id) or "")}
    return np.isin(ids, np.fromiter(hit, dtype=np.int64, count=len(hit)))


def _token_ids(vocabulary: Vocabulary | None, tokens: list[str], rows: int) -> NDArray[np.int64]:
    found = []
    for token in tokens:
        ids = [id for id in called(vocabulary, token) if id < rows] if vocabulary else []
        if not ids:
            raise UsageError(
                f"--token {token!r} is no token of this checkpoint with a row; "
                f"{near_tokens(vocabulary, token)}give it as the tokenizer spells it, or use --ids or --grep",
                location="--token",
            )
        found += ids
    return np.array(found, dtype=np.int64)


def _group_ids(codes: NDArray[np.int8], group: str) -> NDArray[np.int64]:
    if group not in GROUP_MEMBERS:
        raise unknown_value("--group", group, GROUP_MEMBERS)
    return np.flatnonzero(np.isin(codes, GROUP_MEMBERS[group]))
