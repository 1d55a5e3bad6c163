"""The mass on probed ids where the model writes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from rowscope.inspector.model.leak.results import RolloutLeak, Rollouts
from rowscope.inspector.model.leak.rollouts import (
    Draws,
    cannot_sample,
    open_prompts,
    sample,
    sampling_errors,
)
from rowscope.inspector.model.leak.tally import MassTally
from rowscope.inspector.model.loading.call import spans
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import Prompt
from rowscope.inspector.model.results import Progress

TEMPERATURE: Final = 1.0
"""At which rollouts are sampled, as in reinforcement learning and by default elsewhere."""


def own_text(
    loaded: Loaded,
    prompts: Sequence[Prompt],
    tally: MassTally,
    max_tokens: int,
    new: int,
    notes: list[str],
    progress: Progress,
) -> tuple[Rollouts | None, list[Draws]]:
    """Sample `new` tokens behind each prompt and measure every draw; None, and a note, where that fails."""
    import torch

    openings, chat = open_prompts(loaded, prompts, max_tokens, new, notes) if new else ([], False)
    if not openings:
        return None, []
    where: list[int] = []
    steps = [0]

    def read(rows: Sequence[Draws], logits: Any) -> None:  # noqa: ANN401 - tensor
        for part in spans(*logits.shape):
            tally.add(logits[part])
        where.extend(row.opening.number for row in rows)
        steps[0] += 1
        if progress is not None:
            progress("rollouts", min(steps[0], new), new)

    try:
        rows = list(sample(loaded, openings, new, TEMPERATURE, read))
    except torch.cuda.OutOfMemoryError:
        raise
    except sampling_errors() as error:
        notes.append(cannot_sample(loaded, error))
        return None, []
    return _result(tally, rows, np.asarray(where), chat), rows


def _result(tally: MassTally, rows: Sequence[Draws], where: Any, chat: bool) -> Rollouts:  # noqa: ANN401
    masses, probed = tally.masses(), set(tally.ids.tolist())
    found = []
    for row in rows:
        own = masses[where == row.opening.number]
        hits = sum(id in probed for id in row.ids)
        found.append(
            RolloutLeak(
                name=row.opening.name,
                prompt_tokens=len(row.opening.ids),
                ids=tuple(row.ids),
                sampled=hits,
                mean=float(own.mean()),
                max=float(own.max()),
            )
        )
    return Rollouts(
        temperature=TEMPERATURE,
        chat_template=chat,
        positions=tally.positions,
        sampled=sum(item.sampled for item in found),
        cells=tally.cells(),
        prompts=tuple(found),
    )
