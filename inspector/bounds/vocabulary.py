"""`rowscope.vocabulary_bounds`: rows, entries, the largest id, and the bound to use."""

from __future__ import annotations

import os

from rowscope.inspector.checkpoint import Checkpoint, no_matrix, open_checkpoint
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import NEEDED_ONLY
from rowscope.inspector.vocabulary import TokenizerFolder, read_folder


@record
class VocabularyBounds:
    """The sizes that code confuses, side by side.

    Attributes:
        rows: of the input matrix: ids from here on cannot be looked up.
        output_rows: width of the logits; `rows` where the matrices are tied or no head is stored.
        entries: `len(tokenizer)`, which is no bound where ids have holes or are given twice.
        max_id: the largest id with a token.
        bound: ids from 0 to `bound` - 1 are worth checking against: each of them has a row in both matrices,
            and none of the ids from there on has both token and rows. It is `max_id` + 1, or the smaller
            number of rows where that is less.
        holes: how many ids below `bound` have no token; where it is 0, `id < bound` is the whole test.
    """

    rows: int
    output_rows: int
    entries: int
    max_id: int
    bound: int
    holes: int


def vocabulary_bounds(path: Checkpoint | str | os.PathLike[str]) -> VocabularyBounds:
    """The sizes of a checkpoint's vocabulary, from headers and tokenizer files; imports no numpy.

    Raises:
        CheckpointError: the path cannot be opened, has no vocabulary matrix or no readable tokenizer files.
    """
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path, remote=NEEDED_ONLY)
    if not checkpoint.matrices:
        raise no_matrix(checkpoint)
    source, target = checkpoint.layout.of_role("input"), checkpoint.layout.of_role("output")
    first = source or target or checkpoint.matrices[0]
    behind = checkpoint.layout.behind
    rows, output_rows = first.rows + behind, (target or first).rows + behind
    vocabulary = read_folder(TokenizerFolder(checkpoint.tokenizer_folder, columns=False))
    if vocabulary is None or vocabulary.max_id is None:
        raise CheckpointError(
            f"{checkpoint.tokenizer_folder.location!r} has no tokenizer files with a token in them, so "
            "nothing bounds the ids but the rows; put tokenizer.json beside the weights",
            location=checkpoint.tokenizer_folder.location,
        )
    bound = min(vocabulary.max_id + 1, rows, output_rows)
    present = sum(id < bound for id in vocabulary.tokens)
    return VocabularyBounds(
        rows=rows,
        output_rows=output_rows,
        entries=vocabulary.entries,
        max_id=vocabulary.max_id,
        bound=bound,
        holes=bound - present,
    )
