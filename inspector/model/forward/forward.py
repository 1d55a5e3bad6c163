"""Probe: reserved ids as input. What the model makes of them, and whether it can tell them apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.model.forward.results import FirstFive, ForwardResult, GroupForward
from rowscope.inspector.model.forward.tally import HiddenTally, LogitTally, no_divergence, summary
from rowscope.inspector.model.loading.call import Outputs, batch_rows, call, float64, running, spans, tensor
from rowscope.inspector.model.loading.frames import Frame, frames
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.results import Progress

Ids = NDArray[np.int64]

_FIRST: Final = 5


def forward(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    limit: int | None = None,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> ForwardResult:
    """Feed the reserved ids to the model, alone and inside a sentence, and compare with used tokens.

    Runs on every kind of model; one without a head over the vocabulary gives hidden states only.

    Args:
        ids: probe these instead of the reserved ids.
        limit: at most this many ids of each group, evenly spread; None for all of them.

    Raises:
        RefusedError, UsageError, MissingExtraError, CheckpointError: as `load`.
    """
    loaded = load(
        path,
        probe="forward",
        device=device,
        dtype=dtype,
        seed=seed,
        ids=ids,
        trust_remote_code=trust_remote_code,
        progress=progress,
    )
    import torch

    notes = list(loaded.notes)
    with torch.inference_mode(), running(loaded):
        groups = tuple(_groups(loaded, limit, notes, progress))
        return ForwardResult(
            settings=loaded.settings,
            first_five=_first_five(loaded),
            groups=groups,
            max_entropy=None if loaded.output_rows is None else math.log(loaded.output_rows),
            notes=tuple(notes),
        )


def _groups(
    loaded: Loaded, limit: int | None, notes: list[str], progress: Progress
) -> Iterator[GroupForward]:
    subject = loaded.subject
    sample = subject.sample(loaded.seed)
    wanted: tuple[tuple[str, Ids], ...] = ((subject.kind, subject.ids),)
    if subject.kind == "reserved":
        wanted += (("untrained_special", subject.special),)
    wanted += (("used", np.setdiff1d(sample, subject.ids)),)
    parts = [
        (frame, name, _within(loaded, ids, limit, name, notes))
        for frame in frames(loaded)
        for name, ids in wanted
    ]
    total = sum(ids.size for _, _, ids in parts)
    done = 0
    for frame, name, ids in parts:
        if ids.size:
            yield _measure(loaded, frame, name, ids)
        done += int(ids.size)
        if progress is not None:
            progress("forward", done, total)


def _within(loaded: Loaded, ids: Ids, limit: int | None, name: str, notes: list[str]) -> Ids:
    ids = ids[ids < loaded.input_rows]
    if limit is None or ids.size <= limit:
        return ids
    note = f"{limit:,} of the {ids.size} {name} ids were fed, evenly spread (limit)."
    if note not in notes:
        notes.append(note)
    return ids[np.linspace(0, ids.size - 1, limit).astype(np.int64)]


def _tally(loaded: Loaded) -> LogitTally | None:
    """For the logits of the probed ids against the used ones; None without a head."""
    rows = loaded.output_rows
    if rows is None:
        return None
    subject = loaded.subject
    chosen = subject.ids[subject.ids < rows]
    used = np.setdiff1d(subject.trained, chosen)
    place = "cpu" if loaded.device == "mps" else loaded.device
    return LogitTally(tensor(loaded, chosen).to(place), tensor(loaded, used[used < rows]).to(place))


def _measure(loaded: Loaded, frame: Frame, name: str, ids: Ids) -> GroupForward:
    tally, hidden = _tally(loaded), HiddenTally()
    nonfinite, shape = 0, None
    rows = frame.fill(ids)
    step = batch_rows(loaded, rows.shape[1])
    for start in range(0, len(rows), step):
        ids_here = tensor(loaded, rows[start : start + step])
        found = call(loaded, ids_here, hidden=True, last=frame.read == rows.shape[1] - 1)
        for part in _parts(found):
            logits, states, good = _at_positions(part, frame)
            nonfinite += int((~good).sum())
            hidden.add([state[good] for state in states])
            if tally is not None and logits is not None:
                tally.add(logits[good])
        if found.logits is not None:
            shape = shape or tuple(found.logits.shape)
    return GroupForward(
        group=name,
        frame=frame.name,
        inputs=int(ids.size),
        nonfinite=nonfinite,
        logits_shape=shape,
        logits=None if tally is None else tally.stats(),
        entropy=None if tally is None else summary(tally.entropies),
        layers=hidden.layers,
        divergence=no_divergence(hidden.units, hidden.cosine)
        if tally is None
        else tally.divergence(hidden.cosine),
    )


def _parts(found: Outputs) -> Iterator[Outputs]:
    """A batch in parts that are looked at in float64."""
    whole = found.hidden[-1] if found.logits is None else found.logits
    for part in spans(int(whole.shape[0]), int(whole.shape[-1])):
        logits = None if found.logits is None else found.logits[part]
        yield Outputs(logits, tuple(state[part] for state in found.hidden))


def _at_positions(found: Outputs, frame: Frame) -> tuple[Any, list[Any], Any]:
    """Logits where the frame is read, hidden states in its gap, and which sequences are finite throughout."""
    states = [float64(state[:, frame.slot]) for state in found.hidden]
    finite = [state.isfinite().flatten(1).all(-1) for state in found.hidden]
    logits = None
    if found.logits is not None:
        # A model that was asked for the last position alone gives one.
        read = min(frame.read, int(found.logits.shape[1]) - 1)
        logits = float64(found.logits[:, read])
        finite.append(found.logits.isfinite().flatten(1).all(-1))
    good = finite[0]
    for part in finite[1:]:
        good = good & part
    # The logits may have come to the CPU for their float64.
    place = states[0] if states else logits
    assert place is not None
    return logits, states, good.to(place.device)


def _first_five(loaded: Loaded) -> FirstFive:
    ids = loaded.subject.ids[:_FIRST]
    ids = ids[ids < loaded.input_rows]
    found = call(loaded, tensor(loaded, ids[None]), hidden=True)
    tally = _tally(loaded)
    if tally is None or found.logits is None:
        finite = all(bool(state.isfinite().all()) for state in found.hidden)
        return FirstFive(tuple(ids.tolist()), finite, None, None, None)
    finite = bool(found.logits.isfinite().all())
    if finite:
        tally.add(float64(found.logits[:, -1]))
    return FirstFive(
        ids=tuple(ids.tolist()),
        finite=finite,
        logits_shape=tuple(found.logits.shape),
        logits=tally.stats(),
        entropy=tally.entropies[0] if tally.entropies else None,
    )
