"""The plan of a claim: slots, edited files, row bytes, warnings. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral

from rowscope.inspector.census import Census, roled_tokens, take_capacity, take_census
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.claim.behaviour.check import behaviour_cautions
from rowscope.inspector.claim.edits.edits import read_sources, require_editable, tokenizer_hashes
from rowscope.inspector.claim.edits.record import record_edit
from rowscope.inspector.claim.model import Caution, Claimed, ClaimPlan, RowPatch
from rowscope.inspector.claim.planning.cautions import file_cautions, matching_cautions, training_caution
from rowscope.inspector.claim.planning.row_cautions import Present, kept_rows, present_rows, row_cautions
from rowscope.inspector.claim.slots.slots import Room, Slots, assign
from rowscope.inspector.claim.slots.tokens import check_tokens, named_tokens, text_cautions
from rowscope.inspector.claim.values.patches import bias_patches, patches
from rowscope.inspector.claim.values.recipe import GivenRows, Recipe, default_values, read_recipe
from rowscope.inspector.claim.values.targets import Target, find_targets
from rowscope.inspector.claim.values.values import NewRows, measurer, new_rows
from rowscope.inspector.errors import NoMatrixError, RefusedError, UsageError, require
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

Replace = str | Sequence[str] | Mapping[str, str] | None
Progress = Callable[[int], None] | None


def plan_claim(
    path_or_checkpoint: Checkpoint | str | os.PathLike[str],
    tokens: str | Sequence[str],
    *,
    special: bool = False,
    replace: Replace = None,
    id: int | None = None,
    values: str | None = None,
    seed: int = 0,
    scale: bool = True,
    given: GivenRows | None = None,
    progress: Progress = None,
) -> ClaimPlan:
    """Plan to give reserved slots to new tokens without resizing; nothing is written.

    Args:
        path_or_checkpoint: an opened checkpoint, or a path for `open_checkpoint`.
        tokens: the texts of the new tokens.
        special: flag them special, so that `decode(skip_special_tokens=True)` leaves them out.
        replace: placeholders whose place they take: one name for each token in order, or token -> name.
        id: the id that the one token must get: the next one, or a placeholder's.
        values: initial values of the rows: `mean` of the trained rows, `like:TOKEN`, `text:WORDS` (mean of
            its pieces), `normal` (mean and covariance of the trained rows), or `keep`; by default `mean` for
            one token, `normal` for several, which else start equal and are hard to tell apart. The output
            matrix of an untied model gets values of its own; its bias the mean of the same rows' biases.
        seed: of the random numbers of `normal`.
        scale: multiply `mean`, `text` and `normal` to the median norm of the rows that they come from; not
            `text` in an output matrix, where that makes logits larger than those of its pieces.
        given: for `distil:TEXT` the input rows, from `rowscope.inspector.model.distil`. They are written into
            the input matrix as they are; an output matrix of its own gets what it gets by default.
        progress: called with the number of rows finished since the last call, where a scan is needed.

    Raises:
        CheckpointError: the path cannot be opened, or holds no vocabulary matrix.
        UsageError: a token, id, placeholder or value that makes no sense.
        RefusedError: no slot, or a tokenizer or matrix that a claim cannot be written into.
        MissingExtraError: `text:` without the extra `tokenizer`.
    """
    names = named_tokens(tokens)
    _require_kinds(id, values, seed, special=special, scale=scale)
    checkpoint = _opened(path_or_checkpoint)
    vocabulary = _vocabulary(checkpoint)
    check_tokens(names, vocabulary)
    values = default_values(len(names)) if values is None else values
    census = take_census(checkpoint.layout, vocabulary, checkpoint.config)
    slots = _slots(checkpoint, vocabulary, census, names, _replacements(names, replace), id, special)
    behaviour = tuple(
        behaviour_cautions(checkpoint.root, vocabulary, slots.after, slots.claimed, slots.edits)
    )
    rows = min(matrix.rows for matrix in checkpoint.matrices)
    recipe = read_recipe(values, seed, scale, checkpoint.root, vocabulary, rows, given)
    row_patches, cautions = _rows(checkpoint, vocabulary, census, slots.claimed, recipe, progress)
    record = record_edit(checkpoint.root, row_patches, recipe.recorded)
    return ClaimPlan(
        path=checkpoint.path,
        root=checkpoint.root,
        claimed=slots.claimed,
        values=values,
        seed=seed,
        entries_before=vocabulary.entries,
        entries_after=slots.after.entries,
        files=(*slots.edits, *([record] if record is not None else [])),
        tokenizer={**tokenizer_hashes(checkpoint.root), **{e.name: e.sha256_after for e in slots.edits}},
        rows=tuple(sorted(row_patches, key=lambda patch: (patch.file, patch.offset))),
        cautions=(
            *cautions,
            training_caution(checkpoint, slots.claimed),
            *text_cautions(names, vocabulary),
            *matching_cautions(slots.claimed, slots.after),
            *behaviour,
            *file_cautions(checkpoint, vocabulary, slots.claimed, slots.edits),
        ),
    )


def _opened(given: Checkpoint | str | os.PathLike[str]) -> Checkpoint:
    checkpoint = given if isinstance(given, Checkpoint) else open_checkpoint(given)
    _ = checkpoint.root  # refuses what cannot be written to before any row is read
    if not checkpoint.matrices:
        raise NoMatrixError(
            f"{checkpoint.path!r} holds no vocabulary matrix, so there is no row to claim; "
            "'rowscope inspect' lists its tensors",
            location=checkpoint.path,
        )
    if checkpoint.adapter is not None or any(matrix.ref.pieces for matrix in checkpoint.matrices):
        what = "an adapter" if checkpoint.adapter is not None else "stored in pieces over several files"
        raise RefusedError(
            f"{checkpoint.path!r} is {what}: a row has no bytes of its own; save the whole model and claim "
            "there",
            location=checkpoint.path,
        )
    return checkpoint


def _vocabulary(checkpoint: Checkpoint) -> Vocabulary:
    vocabulary = read_vocabulary(checkpoint.folder)
    if vocabulary is None:
        raise RefusedError(
            f"{checkpoint.folder.location!r} holds no tokenizer files, so nothing could know the new token; "
            "put tokenizer.json and tokenizer_config.json beside the weights",
            location=checkpoint.folder.location,
        )
    require_editable(vocabulary)
    return vocabulary


def _require_kinds(id: object, values: object, seed: object, **flags: object) -> None:
    """Raises UsageError: one of them is of another type, which would fail much later, or be recorded."""
    if id is not None:
        require("--id", id, Integral, "a whole number")
    if values is not None:
        require("--values", values, str, "a text, such as mean")
    require("--seed", seed, Integral, "a whole number")
    for name, flag in flags.items():
        require(f"--{name}", flag, bool, "True or False")


def _replacements(tokens: Sequence[str], replace: Replace) -> dict[str, str]:
    if replace is None:
        return {}
    if isinstance(replace, Mapping):
        return dict(zip(named_tokens([*replace]), named_tokens([*replace.values()]), strict=True))
    several = isinstance(replace, Iterable) and not isinstance(replace, str)
    names = named_tokens([*replace] if several else replace)
    if len(names) != len(tokens):
        raise UsageError(
            f"{len(names):,} placeholders to replace for {len(tokens):,} tokens; name one for each, in order",
            location="--replace",
        )
    return dict(zip(tokens, names, strict=True))


def _slots(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary,
    census: Census,
    tokens: Sequence[str],
    replace: Mapping[str, str],
    id: int | None,
    special: bool,
) -> Slots:
    room = Room(
        root=checkpoint.root,
        sources=read_sources(checkpoint.root),
        vocabulary=vocabulary,
        capacity=take_capacity(checkpoint, vocabulary, census),
        roles=roled_tokens(vocabulary, *checkpoint.declaring),
    )
    return assign(room, tokens, replace, id, special)


def _rows(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary,
    census: Census,
    claimed: Sequence[Claimed],
    recipe: Recipe,
    progress: Progress,
) -> tuple[list[RowPatch], list[Caution]]:
    """Patches and warnings of every target."""
    measure = measurer(checkpoint, vocabulary, census.codes, progress)
    bias = checkpoint.layout.output_bias
    found: list[RowPatch] = []
    cautions: list[Caution] = []
    for target in find_targets(checkpoint):
        rows: NewRows | None = None
        made = recipe.of_role(target.role, len(claimed))
        own = bias if target.role in ("output", "both") else None
        if made.kind != "keep":
            rows = new_rows(target, len(claimed), made, own, measure)
            _refuse_damaged(rows)
            found += patches(target, rows, claimed)
            found += bias_patches(own, rows, claimed) if own is not None else ()
        present = _present(checkpoint, vocabulary, census, target, claimed, rows)
        cautions += row_cautions(target, claimed, made, rows, present)
    return found, cautions


def _refuse_damaged(rows: NewRows) -> None:
    """Raise where the scan for the values has shown that a piece of the file is missing."""
    facts = rows.trained.facts if rows.trained is not None else None
    if facts is not None and facts.holes:
        raise RefusedError(
            f"a piece of {facts.matrix.file!r} is missing (FIL005): {int(facts.damaged.sum()):,} rows of "
            f"{facts.matrix.tensor!r} never arrived; download the file again and claim there",
            location=facts.matrix.tensor,
        )


def _present(
    checkpoint: Checkpoint,
    vocabulary: Vocabulary,
    census: Census,
    target: Target,
    claimed: Sequence[Claimed],
    rows: NewRows | None,
) -> Present | None:
    """What the rows are now: from the scan where there was one; rows that stay, as `rows` judges a few."""
    if rows is not None and rows.trained is not None:
        return present_rows(rows.trained.facts, claimed)
    if rows is not None or target.matrix.undecodable is not None:
        return None
    return kept_rows(target, checkpoint, vocabulary, census, claimed)
