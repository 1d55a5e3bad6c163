"""Probe: does the model know a token when it is asked? What the weights say, proven on the model itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

import numpy as np

from rowscope.inspector.census import GROUPS
from rowscope.inspector.errors import UsageError
from rowscope.inspector.listing import find_suspects
from rowscope.inspector.model.loading.call import require_kind, running
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.verify.agreement import (
    THRESHOLDS,
    ability,
    agree,
    largest_of,
    more_likely,
    state_of,
    tabulate,
)
from rowscope.inspector.model.verify.ask import Asker
from rowscope.inspector.model.verify.candidates import CONTROLS, Candidates, choose
from rowscope.inspector.model.verify.forms import Ids
from rowscope.inspector.model.verify.journal import Journal, describe
from rowscope.inspector.model.verify.measure import batches, measure, prepare
from rowscope.inspector.model.verify.questions import CARRIERS, PROMPTS
from rowscope.inspector.model.verify.results import Asked, Measured, TokenCheck, VerifyResult
from rowscope.inspector.model.verify.weights import Weights
from rowscope.inspector.ranges import ids_of

_KINDS: Final = ("causal", "seq2seq", "masked")


def verify(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    suspects: int | None = None,
    everything: bool = False,
    controls: int = CONTROLS,
    resume: str | None = None,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> VerifyResult:
    """Ask the model about tokens, and compare what it does with what the weights say.

    By default all rows that look untrained, the added tokens, and samples of trained ones. Three prompts (the
    token is to be copied, explained, repeated): the largest probability of the token where it must come says
    whether it is verified untrained (Land & Bartolo, arXiv 2405.05417). Two sentences in which the token
    stands twice say it of models that follow no instruction.

    Args:
        dtype: "auto" is bfloat16 where that is stored and the device computes in it, else float32.
        ids: ask about these and the controls only.
        suspects: the first so many of `rowscope suspects` and the controls only.
        everything: every row that the model can both read and predict.
        controls: how many trained tokens to compare with.
        resume: a file of JSON lines that keeps what was measured; a run that ended goes on from it.

    Raises:
        UsageError: more than one of `ids`, `suspects`, `everything`; as `load`; the file cannot be used.
        RefusedError: as `load`; a headless model; no tokenizer or mask token; no id to ask about; numbers of
            another run in the file.
        MissingExtraError, CheckpointError: as `load`.
    """
    _one_choice(ids, suspects, everything)
    loaded = load(
        path,
        probe="verify",
        device=device,
        dtype=dtype,
        seed=seed,
        trust_remote_code=trust_remote_code,
        needed=False,
        progress=progress,
    )
    require_kind(loaded, "verify", _KINDS)
    weights = Weights(loaded.subject.evidence)
    chosen = choose(loaded, weights, _wanted(loaded, ids, suspects, everything), controls)
    import torch

    asker = Asker(loaded)
    every = np.arange(loaded.subject.census.rows, dtype=np.int64)
    with torch.inference_mode(), running(loaded):
        measured, others = _measured(asker, chosen, weights.untrained(every), resume, progress)
    return _result(asker, chosen, weights, measured, others)


def _one_choice(ids: Iterable[int] | None, suspects: int | None, everything: bool) -> None:
    named = [
        name
        for name, given in (
            ("--ids", ids is not None),
            ("--suspects", suspects is not None),
            ("--all", everything),
        )
        if given
    ]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} name different tokens: give one of them", location=named[1])
    if suspects is not None and suspects < 1:
        raise UsageError(f"--suspects {suspects}: give 1 or more", location="--suspects")


def _wanted(loaded: Loaded, ids: Iterable[int] | None, suspects: int | None, everything: bool) -> Ids | None:
    rows = loaded.subject.census.rows
    if everything:
        return np.arange(rows, dtype=np.int64)
    if suspects is not None:
        found = find_suspects(loaded.checkpoint, limit=suspects).rows
        return np.array(sorted(row.id for row in found), dtype=np.int64)
    return None if ids is None else np.unique(ids_of(ids, rows, "--ids"))


def _measured(
    asker: Asker, chosen: Candidates, untrained: Ids, resume: str | None, progress: Progress
) -> tuple[dict[int, Measured], int]:
    """The numbers of every chosen id, and how many contexts they were compared with."""
    loaded, ids = asker.loaded, chosen.ids
    rows = min(loaded.input_rows, loaded.output_rows or 0)
    setting = prepare(asker, ids, untrained[untrained < rows])
    journal = Journal(resume, describe(loaded, setting) if resume is not None else {})
    done = 0
    try:
        for batch in batches(ids, asker.rows):
            if not all(id in journal.known for id in batch.tolist()):
                journal.add(zip(batch.tolist(), measure(asker, setting, batch), strict=True))
            done += int(batch.size)
            if progress is not None:
                progress("verify", done, int(ids.size))
    finally:
        journal.write()
    return {int(id): journal.known[int(id)] for id in ids}, int(setting.others.size)


def _result(
    asker: Asker, chosen: Candidates, weights: Weights, measured: dict[int, Measured], others: int
) -> VerifyResult:
    loaded = asker.loaded
    subject = dataclasses.replace(loaded.subject, kind="candidates", ids=chosen.ids)
    loaded = dataclasses.replace(loaded, subject=subject)
    able = ability([measured[int(id)] for id in chosen.controls])
    reasons = chosen.reasons()
    vocabulary = subject.vocabulary
    tokens = []
    for id, found in measured.items():
        opinion = weights.opinion(id)
        state = state_of(found, able)
        tokens.append(
            TokenCheck(
                id=id,
                token=vocabulary.tokens.get(id) if vocabulary else None,
                text=vocabulary.text(id) if vocabulary else None,
                group=GROUPS[subject.census.codes[id]],
                why=reasons[id],
                matrix=opinion.matrix,
                verdict=opinion.verdict,
                confidence=opinion.confidence,
                grade=opinion.grade,
                displacement=opinion.displacement,
                measured=found,
                largest=largest_of(found),
                more_likely=more_likely(found),
                state=state,
                agrees=agree(opinion, state),
            )
        )
    return VerifyResult(
        settings=loaded.settings,
        notes=(*loaded.notes, *_notes(asker, chosen)),
        thresholds=THRESHOLDS,
        asked=_asked(),
        contexts=others,
        ability=able,
        agreement=tabulate(tokens),
        disagreements=tuple(token.id for token in tokens if token.agrees is False),
        tokens=tuple(tokens),
    )


def _asked() -> tuple[Asked, ...]:
    kinds = (("prompt", PROMPTS), ("carrier", CARRIERS))
    return tuple(Asked(one.name, kind, one.text) for kind, questions in kinds for one in questions)


def _notes(asker: Asker, chosen: Candidates) -> list[str]:
    notes = []
    if chosen.left_out:
        notes.append(f"{chosen.left_out} ids have a row in one matrix only and were left out.")
    if asker.forgot:
        notes.append(
            "What this model keeps of a text it has read could not be used again: every sequence was read "
            f"whole ({', '.join(asker.forgot)})."
        )
    return notes
