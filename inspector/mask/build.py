"""`rowscope.mask`: a checkpoint -> the ids that must never be sampled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.census import (
    GROUPS,
    RESERVED,
    UNMAPPED,
    USED,
    IdSet,
    RoledToken,
    group_codes,
    roled_tokens,
)
from rowscope.inspector.checkpoint import Checkpoint, no_matrix, open_checkpoint
from rowscope.inspector.checks import unlisted_rows
from rowscope.inspector.errors import (
    CheckpointError,
    RefusedError,
    TokenizerError,
    UndecodableError,
    UsageError,
    unknown_value,
)
from rowscope.inspector.evidence import LOW, TRAINED, measure_matrix, verdicts_of
from rowscope.inspector.mask.own import own_suppressed
from rowscope.inspector.mask.result import LeftOut, Mask
from rowscope.inspector.matrices import Matrix, config_int
from rowscope.inspector.ranges import format_ranges, shortened, to_ranges
from rowscope.inspector.storage import NEEDED_ONLY
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import Vocabulary, quoted_token, read_vocabulary

Progress = Callable[[int], None] | None
Ids = NDArray[np.int64]

INCLUDE: Final = ("reserved", "unmapped", "untrained")

# Roles that a token can only play if it can be sampled or forced.
PROTECTED: Final = frozenset(
    {"eos", "bos", "forced_bos", "forced_eos", "decoder_start", "chat_template"},
)

# Above this share of the used rows a mask of untrained rows would silence the model.
_MOST: Final = 0.5


def mask(
    path: Checkpoint | str | os.PathLike[str],
    include: str | Iterable[str] = "reserved",
    *,
    progress: Progress = None,
) -> Mask:
    """The ids that must never be sampled from a checkpoint's logits.

    Args:
        include: "unmapped" (ids without a token), "reserved" (these and placeholders), "untrained" (rows of
            the output matrix whose verdict is any but trained: reads that matrix), or several of them,
            joined by commas or as a sequence. Ids in use as eos, bos or forced tokens or in a chat template
            stay out.
        progress: called with the number of rows finished since the last call ("untrained" alone reads rows).

    Raises:
        CheckpointError: the path cannot be opened, has no vocabulary matrix or, unless "untrained" alone is
            asked for, no readable tokenizer files.
        UsageError: `include` names something else.
        RefusedError: "untrained" would mask most used tokens.
    """
    words = _words(include)
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path, remote=NEEDED_ONLY)
    notes: list[str] = []
    matrix = _logits_matrix(checkpoint, notes)
    vocabulary = _vocabulary(checkpoint, words, notes)
    codes = group_codes(matrix.rows, vocabulary)
    chosen = np.zeros(matrix.rows, dtype=np.bool_)
    if "unmapped" in words:
        chosen |= codes == UNMAPPED
    if "reserved" in words:
        chosen |= np.isin(codes, RESERVED)
    chosen &= ~_unlisted(matrix, checkpoint, vocabulary, codes, chosen, notes)
    if "untrained" in words:
        chosen |= _untrained(matrix, checkpoint, vocabulary, codes, notes, progress)
    in_use = tuple(t for t in roled_tokens(vocabulary, *checkpoint.declaring) if _protected(t))
    left_out = _left_out(chosen, in_use, vocabulary, notes)
    chosen[[item.id for item in left_out]] = False
    ids = np.flatnonzero(chosen).astype(np.int64)
    suppressed = own_suppressed(checkpoint, vocabulary, ids, matrix.rows, in_use, notes)
    return Mask(
        path=checkpoint.path,
        include=words,
        rows=matrix.rows,
        ids=ids,
        groups=_groups(ids, codes),
        left_out=left_out,
        notes=tuple(notes),
        suppressed=suppressed,
        image_token=config_int(checkpoint.config, "image_token_id"),
    )


def _words(include: str | Iterable[str]) -> tuple[str, ...]:
    if not isinstance(include, Iterable):
        raise UsageError(
            f"--include {shortened(include)} is not known; use {', '.join(INCLUDE)}", location="--include"
        )
    parts = include.split(",") if isinstance(include, str) else map(str, include)
    words = tuple(dict.fromkeys(word.strip() for word in parts))
    if not words:
        raise UsageError(f"--include names nothing; use {', '.join(INCLUDE)}", location="--include")
    unknown = [word for word in words if word not in INCLUDE]
    if unknown:
        raise unknown_value("--include", unknown[0], INCLUDE)
    return words


def _logits_matrix(checkpoint: Checkpoint, notes: list[str]) -> Matrix:
    """The matrix whose rows are the logits."""
    matrix = checkpoint.layout.of_role("output")
    if matrix is not None:
        return matrix
    source = checkpoint.layout.of_role("input")
    if source is None:
        raise no_matrix(checkpoint)
    head = next((t for t in checkpoint.layout.others if t.role.endswith("output")), None)
    if head is not None:
        raise RefusedError(
            f"the logits of {checkpoint.path!r} are over the {head.matrix.rows:,} rows of "
            f"{head.matrix.tensor!r}, which are no ids of the tokenizer "
            f"({head.note or 'a vocabulary of its own'}); mask them by that vocabulary, `rowscope rows "
            f"{checkpoint.path} --matrix {head.matrix.tensor}` shows its rows",
            location=head.matrix.tensor,
        )
    if checkpoint.layout.head_expected is False:
        notes.append(
            say("the architecture has no output matrix: nothing is sampled from this model as it is")
        )
    else:
        notes.append(
            say("no output matrix is stored: the ids are the rows of {tensor!r}", tensor=source.tensor)
        )
    return source


def _vocabulary(checkpoint: Checkpoint, words: tuple[str, ...], notes: list[str]) -> Vocabulary | None:
    needed = words != ("untrained",)
    try:
        vocabulary = read_vocabulary(checkpoint.folder)
        trouble: str = say("{folder!r} has no tokenizer files", folder=checkpoint.folder.location)
    except TokenizerError as error:
        if needed:
            raise
        vocabulary, trouble = None, error.message
    if vocabulary is None and needed:
        raise CheckpointError(
            f"{trouble}, so nothing tells which ids are reserved; put tokenizer.json beside the weights, "
            "or use --include untrained",
            location=checkpoint.folder.location,
        )
    if vocabulary is None:
        notes.append(
            say(
                "{trouble}: no row is known to be reserved, and verdicts lack their best reference",
                trouble=trouble,
            )
        )
    return vocabulary


def _untrained(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    notes: list[str],
    progress: Progress,
) -> NDArray[np.bool_]:
    facts = measure_matrix(matrix, checkpoint, vocabulary, codes, progress=progress)
    if facts.holes:
        raise RefusedError(
            f"a piece of {matrix.file!r} is missing (FIL005): {int(facts.damaged.sum()):,} rows of "
            f"{matrix.tensor!r} "
            "are zero for that reason alone, and a mask would silence trained tokens; download the file "
            "again",
            location=matrix.tensor,
        )
    untrained = facts.evidence.untrained
    used = np.isin(codes, USED)
    hit = int((untrained & used).sum())
    if hit > _MOST * int(used.sum()):
        raise RefusedError(
            f"{hit:,} of {int(used.sum()):,} used rows of {matrix.tensor!r} look untrained: a mask of them "
            "would leave little to sample; look at `rowscope audit` first, or use --include reserved",
            location=matrix.tensor,
        )
    if facts.evidence.reference is None:
        notes.append(facts.evidence.note)
    trained = int((~untrained & np.isin(codes, RESERVED)).sum())
    if trained:
        notes.append(
            say(
                "{count:# reserved row is|# reserved rows are} not judged untrained; --include "
                "reserved,untrained has {count:it|them} as well",
                count=trained,
            )
        )
    return untrained


def _unlisted(
    matrix: Matrix,
    checkpoint: Checkpoint,
    vocabulary: Vocabulary | None,
    codes: NDArray[np.int8],
    chosen: NDArray[np.bool_],
    notes: list[str],
) -> NDArray[np.bool_]:
    """Chosen rows without an entry that look trained, bool [rows]: decoders may place tokens there by design.

    They are left out, and a note says so; where the rows cannot be read, a note says that.
    """
    found = np.zeros(codes.size, dtype=np.bool_)
    ids = np.flatnonzero(chosen & (codes == UNMAPPED))
    if not ids.size:
        return found
    try:
        evidence = verdicts_of(matrix, checkpoint, vocabulary, codes, ids)
    except UndecodableError as error:
        notes.append(
            say("whether rows without a token look trained was not looked at: {why}", why=error.message)
        )
        return found
    if evidence.reference is None:
        return found
    trained = ids[(evidence.verdict == TRAINED) & (evidence.confidence > LOW)]
    found[trained] = True
    if trained.size:
        notes.append(
            say(
                "left out: {rows} ({where}); look at them with `rowscope rows PATH --group unmapped` before "
                "you add them to a mask",
                rows=unlisted_rows(int(trained.size)),
                where=format_ranges(to_ranges(trained), limit=3),
            )
        )
    return found


def _left_out(
    chosen: NDArray[np.bool_],
    in_use: tuple[RoledToken, ...],
    vocabulary: Vocabulary | None,
    notes: list[str],
) -> tuple[LeftOut, ...]:
    found = [token for token in in_use if token.id < chosen.size and chosen[token.id]]
    if found:
        first: str = ", ".join(
            f"{_name(token, vocabulary)} ({token.id}: {', '.join(sorted(PROTECTED & set(token.roles)))})"
            for token in found[:4]
        )
        if len(found) > 4:
            first = say("{shown} and {more} more", shown=first, more=len(found) - 4)
        notes.append(say("left out, because they are in use: {listed}", listed=first))
    texts = {token.id: vocabulary.text(token.id) if vocabulary else None for token in found}
    return tuple(LeftOut(token.id, token.token, texts[token.id], token.roles) for token in found)


def _name(token: RoledToken, vocabulary: Vocabulary | None) -> str:
    return quoted_token(token.token, vocabulary.text(token.id) if vocabulary else None)


def _protected(token: RoledToken) -> bool:
    return bool(PROTECTED & set(token.roles))


def _groups(ids: Ids, codes: NDArray[np.int8]) -> dict[str, IdSet]:
    by_group = {name: ids[codes[ids] == code] for code, name in enumerate(GROUPS)}
    return {name: IdSet(int(part.size), to_ranges(part)) for name, part in by_group.items() if part.size}
