"""Probe: what one training step would do to the vocabulary rows, taken apart by cause and by path."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.gradient.decompose import decompose
from rowscope.inspector.model.gradient.examples import examples
from rowscope.inspector.model.gradient.results import Experiment, GradientResult
from rowscope.inspector.model.loading.call import require_kind, running
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.results import Progress


def gradient(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    inputs: tuple[int, ...] = (1, 2, 3),
    target: int | None = None,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> GradientResult:
    """The gradient of the vocabulary matrices, in the original study's setting and inside a sentence.

    Causal models, encoder-decoders (whose labels are not shifted) and masked models.

    Args:
        ids: look at these instead of the reserved ids.
        inputs: the ids that the study's setting reads; its labels are the same ids moved by one, then
            `target`.
        target: the id to predict; the first reserved one where None.

    Raises:
        RefusedError: as `load`; no head over the vocabulary; parts that do not add up to the whole.
        UsageError, MissingExtraError, CheckpointError: as `load`.
    """
    loaded = load(
        path,
        probe="gradient",
        device=device,
        dtype=dtype,
        seed=seed,
        ids=ids,
        trust_remote_code=trust_remote_code,
        progress=progress,
    )
    require_kind(loaded, "gradient", ("causal", "seq2seq", "masked"))
    chosen = _target(loaded, target)
    _check_inputs(loaded, inputs)
    done: list[Experiment] = []
    settings = examples(loaded, inputs, chosen)
    notes = list(loaded.notes)
    with running(loaded):
        for example in settings:
            done.append(decompose(loaded, example))
            if not np.isfinite(done[-1].closure):
                notes.append(f"The gradient of the {example.name} setting is not finite.")
            if progress is not None:
                progress("gradient", len(done), len(settings))
    return GradientResult(settings=loaded.settings, experiments=tuple(done), notes=tuple(notes))


def _target(loaded: Loaded, target: int | None) -> int:
    rows = min(loaded.output_rows or 0, loaded.input_rows)
    if target is not None:
        if isinstance(target, bool) or not hasattr(target, "__index__"):
            raise UsageError(f"--target {target!r} is no id; give a whole number", location="--target")
        if not 0 <= target < rows:
            raise UsageError(
                f"--target {target}: has no row; use an id from 0 to {rows - 1}", location="--target"
            )
        return target
    within = loaded.subject.ids[loaded.subject.ids < rows]
    if not within.size:
        raise RefusedError(
            f"none of the {loaded.subject.ids.size} {loaded.subject.noun} ids of "
            f"{loaded.checkpoint.path!r} has a row in both matrices, so none can be a target; name one with "
            "--target",
            location=loaded.checkpoint.path,
            code="NO_TARGET",
        )
    return int(within[0])


def _check_inputs(loaded: Loaded, inputs: tuple[int, ...]) -> None:
    rows = min(loaded.output_rows or 0, loaded.input_rows)
    if len(inputs) < 2:
        raise UsageError(f"--inputs: {len(inputs):,} ids; give at least two", location="--inputs")
    outside = [id for id in inputs if not 0 <= id < rows]
    if outside:
        raise UsageError(
            f"--inputs: {outside[0]} has no row; use ids from 0 to {rows - 1}", location="--inputs"
        )
