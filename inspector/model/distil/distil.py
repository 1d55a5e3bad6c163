"""Token distillation: the input row with which the model thinks what it thinks with the token's pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.distil.new_token import NewToken
from rowscope.inspector.model.distil.reading import batches, probabilities, states
from rowscope.inspector.model.distil.results import DistilledRow, DistilResult
from rowscope.inspector.model.distil.texts import Pair, pairs_of, pieces_of
from rowscope.inspector.model.loading.call import float64, running
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.results import Progress

STEPS: Final = 40
_HISTORY: Final = 20


def distil(
    path: Source,
    tokens: Mapping[str, int],
    texts: Sequence[str],
    *,
    steps: int = STEPS,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> DistilResult:
    """For each token the input row that makes the last hidden states equal those with its pieces.

    Token distillation (Dobler, Elliott and de Melo, arXiv 2505.20133): of a text that the model reads with
    the token's present pieces and with the one new id, minimise the mean squared difference of the last
    hidden states, at the token (its last piece) and at all that follows, by the new input row x alone:

        L(x) = sum_t |h_t(x) - g_t|^2 / sum_t |g_t|^2,  g: with the pieces.

    x starts as the mean of the pieces' rows. L-BFGS over all texts with a line search (strong Wolfe), at most
    `steps` iterations and 5/4 as many evaluations; the best row seen is kept. Nothing is drawn at random.

    Memory: the model, and the activations of 128 tokens: of one text, or of several short ones read together;
    time: an evaluation reads each text forward and backward once.

    Args:
        tokens: each new token's text and the id whose row it will have.
        texts: in which the tokens occur, at most 64; see `pairs_of`.

    Raises:
        UsageError: a token that occurs in no text, or that is none; steps below 1.
        RefusedError: as `load`; a model that is no causal one (WRONG_KIND), or does not read ids through its
            input matrix; a loss that is not finite (NOT_FINITE).
        MissingExtraError, CheckpointError: as `load`.
    """
    if steps < 1:
        raise UsageError(f"steps {steps}: give at least 1", location="steps")
    loaded = load(
        path,
        probe="distil",
        device=device,
        dtype=dtype,
        seed=seed,
        ids=list(tokens.values()),
        trust_remote_code=trust_remote_code,
        progress=progress,
    )
    _require_causal(loaded)
    rows = []
    with running(loaded):
        for done, (token, id) in enumerate(tokens.items()):

            def tell(at: int, done: int = done) -> None:
                if progress is not None:
                    whole = _evaluations(steps)
                    progress("distil", done * whole + min(at, whole), len(tokens) * whole)

            rows.append(distil_row(loaded, token, id, texts, steps, tell))
            tell(_evaluations(steps))
    return DistilResult(settings=loaded.settings, notes=loaded.notes, steps=steps, rows=tuple(rows))


def _require_causal(loaded: Loaded) -> None:
    if loaded.kind != "causal":
        name = type(loaded.network).__name__
        raise RefusedError(
            f"{loaded.checkpoint.path!r} is no causal model ({name}): what follows a token there is not read "
            "behind it, as distilling needs; use --values mean, or text:WORDS",
            location=name,
            code="WRONG_KIND",
        )


def _evaluations(steps: int) -> int:
    return steps * 5 // 4 + 1


def distil_row(
    loaded: Loaded,
    token: str,
    id: int,
    texts: Sequence[str],
    steps: int,
    tell: Any = None,  # noqa: ANN401
) -> DistilledRow:
    """One token; see `distil`."""
    import torch

    pairs = pairs_of(loaded, token, id, texts)
    pieces = pieces_of(loaded, token)
    with torch.no_grad():
        goals = _goals(loaded, pairs)
        start = loaded.embedding.weight[torch.as_tensor(pieces, device=loaded.device)]
        start = start.to(torch.promote_types(start.dtype, torch.float32)).mean(0)
    fit = _Fit(loaded, id, pairs, goals, start, tell)
    fit.run(steps)
    values = float64(fit.best_row).cpu().numpy()
    _require_finite(loaded, token, fit.before, values)
    mean, largest = _as_output(loaded, id, fit.best_row, pairs) if loaded.tied else (float("nan"),) * 2
    return DistilledRow(
        token=token,
        id=id,
        pieces=pieces,
        texts=len(pairs),
        positions=sum(len(pair.at_token) for pair in pairs),
        values=values,
        before=fit.before,
        after=fit.best,
        evaluations=fit.evaluations,
        output_mean=mean,
        output_max=largest,
    )


def _require_finite(loaded: Loaded, token: str, before: float, values: Any) -> None:  # noqa: ANN401
    if np.isfinite(before) and np.isfinite(values).all():
        return
    raise RefusedError(
        f"the hidden states of {loaded.checkpoint.path!r} around {token!r} are not finite: no row can be "
        "distilled from them; see `rowscope audit` for the rows, or use --values mean",
        location=token,
        code="NOT_FINITE",
    )


def _goals(loaded: Loaded, pairs: Sequence[Pair]) -> list[Any]:
    """What the model makes of the texts with the pieces: hidden states [positions, d] of each pair."""
    found: list[Any] = [None] * len(pairs)
    for batch in batches([pair.pieces for pair in pairs]):
        own = [pairs[at] for at in batch]
        read = states(loaded, [pair.pieces for pair in own], [pair.at_pieces for pair in own])
        for at, goal in zip(batch, read, strict=True):
            # A copy, which does not keep all the positions of the batch.
            found[at] = goal.clone()
    return found


class _Fit:
    """The loss of a row, and the best row so far."""

    def __init__(
        self,
        loaded: Loaded,
        id: int,
        pairs: Sequence[Pair],
        goals: Sequence[Any],
        start: Any,  # noqa: ANN401 - tensor
        tell: Any,  # noqa: ANN401 - called with the number of evaluations
    ) -> None:
        self.loaded, self.id, self.pairs, self.goals, self.tell = loaded, id, pairs, goals, tell
        self.together = batches([pair.token for pair in pairs])
        self.start = start
        # The optimiser sees numbers near 1, whatever the matrix's scale.
        self.unit = float(start.square().mean().sqrt()) or 1.0
        self.whole = sum(float(float64(goal).square().sum()) for goal in goals) or 1.0
        self.evaluations, self.before, self.best, self.best_row = 0, float("nan"), float("inf"), start

    def run(self, steps: int) -> None:
        """Minimise."""
        import torch

        x = (self.start / self.unit).clone().requires_grad_(True)
        optimizer: Any = torch.optim.LBFGS(
            [x],
            lr=1.0,
            max_iter=steps,
            max_eval=_evaluations(steps),
            tolerance_grad=1e-9,
            tolerance_change=1e-12,
            history_size=_HISTORY,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Any:  # noqa: ANN401 - tensor
            x.grad = None
            return self._loss(x)

        optimizer.step(closure)

    def _loss(self, x: Any) -> Any:  # noqa: ANN401 - tensors
        """The loss at x, its gradient summed up batch by batch, so that one graph is held at a time."""
        total = x.detach().new_zeros(())
        for batch in self.together:
            own = [self.pairs[at] for at in batch]
            with NewToken(self.loaded, self.id, x * self.unit):
                found = states(self.loaded, [pair.token for pair in own], [pair.at_token for pair in own])
            part = x.new_zeros(())
            for at, here in zip(batch, found, strict=True):
                part = part + (here.to(x.dtype) - self.goals[at].to(x.dtype)).square().sum()
            part = part / self.whole
            part.backward()
            total += part.detach()
        self.evaluations += 1
        value = float(total)
        if self.evaluations == 1:
            self.before = value
        if value < self.best:
            self.best, self.best_row = value, (x.detach() * self.unit).clone()
        if self.tell is not None:
            self.tell(self.evaluations)
        return total


def _as_output(loaded: Loaded, id: int, row: Any, pairs: Sequence[Pair]) -> tuple[float, float]:  # noqa: ANN401
    """Mean and largest probability of the new token where it does not come next, with `row` in the output."""
    import torch

    weight, found = loaded.head.weight, []
    with torch.no_grad():
        stored = weight[id].clone()
        try:
            weight[id] = row.to(weight.dtype)
            for batch in batches([pair.token for pair in pairs]):
                own = [pairs[at].token for at in batch]
                for ids, p in zip(own, probabilities(loaded, own, id), strict=True):
                    others = [at for at, next in enumerate(ids[1:]) if next != id]
                    found.append(p[[*others, len(ids) - 1]].cpu().numpy())
        finally:
            weight[id] = stored
    together = np.concatenate(found)
    return float(together.mean()), float(together.max())
