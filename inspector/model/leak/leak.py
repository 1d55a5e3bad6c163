"""Probe: how likely the model is to emit a reserved id, at any temperature, and what stops it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.leak.advice import advise
from rowscope.inspector.model.leak.filters import Filters
from rowscope.inspector.model.leak.own_text import TEMPERATURE, own_text
from rowscope.inspector.model.leak.results import LeakResult, PositionLeak, PromptLeak, TopId
from rowscope.inspector.model.leak.tally import MassTally
from rowscope.inspector.model.loading.call import (
    call,
    encode,
    float64,
    require_kind,
    running,
    shift_right,
    spans,
    tensor,
)
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.loading.prompts import BUILT_IN, Prompt, as_prompts
from rowscope.inspector.model.policy.results import Policy, PolicyResult
from rowscope.inspector.model.policy.steps import policy_steps
from rowscope.inspector.model.results import Progress

TEMPERATURES: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)

_TOP: Final = 10
_ONE_BY_ONE: Final = 8  # positions below this are shown by themselves, the others in doubling ranges


def leak(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    prompts: Iterable[Prompt | str] | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    top_k: int = 50,
    top_p: float = 0.95,
    min_p: float = 0.05,
    max_tokens: int = 128,
    rollout_tokens: int = 32,
    policy: Policy | None = None,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> LeakResult:
    """Probability mass on the reserved ids at every position of some prompts, and of the model's own text.

    Causal models read the prompt; in an encoder-decoder both sides do, the decoder behind its start token.
    Behind each prompt, asked as a question where the checkpoint has a chat template, the model then samples
    text of its own at temperature 1, without a filter.

    Args:
        ids: look at these instead of the reserved ids.
        prompts: None for the built-in ones, in many languages (see `read_prompts` for a file).
        top_k, top_p, min_p: each is applied alone.
        max_tokens: of a prompt; the rest is cut off.
        rollout_tokens: that the model samples behind each prompt, at most; 0 for none.
        policy: take these policy-gradient steps on that text, in memory, and measure again after them; see
            `policy_steps`. Beside the model they hold six matrices of the output's size, in float32 at least.

    Raises:
        RefusedError: as `load`; a masked or headless model; no probed id with a row in the output matrix;
            with `policy` a model that cannot be sampled from or has no single output matrix.
        UsageError: a temperature, filter or length that makes no sense; as `load`.
        MissingExtraError, CheckpointError: as `load`.
    """
    filters = _check(temperatures, Filters(top_k, top_p, min_p), max_tokens, rollout_tokens)
    if policy is not None and not rollout_tokens:
        raise UsageError(
            "--rollout-tokens 0: policy-gradient steps are taken on sampled text; give at least 1",
            location="--rollout-tokens",
        )
    texts = BUILT_IN if prompts is None else as_prompts(prompts)
    loaded = load(
        path,
        probe="leak" if policy is None else "policy",
        device=device,
        dtype=dtype,
        seed=seed,
        ids=ids,
        trust_remote_code=trust_remote_code,
        progress=progress,
    )
    require_kind(loaded, "leak", ("causal", "seq2seq"))
    import torch

    work = _Work(loaded, MassTally(_subjects(loaded), tuple(temperatures), filters))
    with torch.inference_mode(), running(loaded):
        for done, prompt in enumerate(texts, start=1):
            work.read(prompt, max_tokens)
            if progress is not None:
                progress("leak", done, len(texts))
        if not work.by_prompt:
            raise UsageError("--prompts: no prompt has a token; give some text", location="--prompts")
        fresh = MassTally(work.tally.ids, work.tally.temperatures, filters)
        own, rows = own_text(loaded, texts, fresh, max_tokens, rollout_tokens, work.notes, progress)
    steps = None
    if policy is not None:
        if not rows:
            raise _no_text(loaded, work.notes)
        with running(loaded):
            steps = policy_steps(
                loaded,
                policy,
                texts,
                rows,
                work.tally.ids.tolist(),
                work.tally.temperatures,
                max_tokens=max_tokens,
                new=rollout_tokens,
                temperature=TEMPERATURE,
                progress=progress,
            )
    return work.result(own, steps)


def _no_text(loaded: Loaded, notes: Sequence[str]) -> RefusedError:
    why = notes[-1] if notes else "no prompt leaves room for it"
    return RefusedError(
        f"no policy-gradient step on {loaded.checkpoint.path!r}: there is no text that the model sampled "
        f"itself ({why}); leave --rl-steps out",
        location=type(loaded.network).__name__,
        code="NO_ROLLOUT",
    )


def _check(temperatures: Sequence[float], filters: Filters, max_tokens: int, rollout_tokens: int) -> Filters:
    wrong = [t for t in temperatures if not 0 < t < float("inf")]
    if wrong or not temperatures:
        found = wrong[0] if wrong else "nothing"
        raise UsageError(f"--temperatures: {found}; give numbers above 0", location="--temperatures")
    for name, value, good, span in (
        ("--top-k", filters.top_k, filters.top_k >= 1, "at least 1"),
        ("--top-p", filters.top_p, 0 < filters.top_p <= 1, "a share from 0 to 1"),
        ("--min-p", filters.min_p, 0 <= filters.min_p <= 1, "a share from 0 to 1"),
        ("--max-tokens", max_tokens, max_tokens >= 1, "at least 1"),
        ("--rollout-tokens", rollout_tokens, rollout_tokens >= 0, "at least 0"),
    ):
        if not good:
            raise UsageError(f"{name} {value}: give {span}", location=name)
    return filters


def _subjects(loaded: Loaded) -> Any:  # noqa: ANN401 - int64 array
    rows = loaded.output_rows or 0
    ids = loaded.subject.ids[loaded.subject.ids < rows]
    if not ids.size:
        raise RefusedError(
            f"none of the {loaded.subject.ids.size} {loaded.subject.noun} ids of "
            f"{loaded.checkpoint.path!r} has a row in the output matrix ({rows:,} rows): none of "
            "them can be emitted; there is nothing to measure",
            location=loaded.checkpoint.path,
            code="NO_TARGET",
        )
    return ids


@dataclass
class _Work:
    """The prompts read so far."""

    loaded: Loaded
    tally: MassTally
    at: list[int] = field(default_factory=list)
    by_prompt: list[PromptLeak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, prompt: Prompt, limit: int) -> None:
        """Take in every position of a prompt."""
        ids = encode(self.loaded, prompt.text)[:limit]
        if not ids:
            self.notes.append(f"The prompt {prompt.name!r} has no token and was passed over.")
            return
        start = self.tally.positions
        for logits in self._logits(ids):
            self.tally.add(logits)
        self.at += range(len(ids))
        own = self.tally.masses()[start:]
        later = float(own[1:].mean()) if own.size > 1 else float("nan")
        self.by_prompt.append(
            PromptLeak(prompt.name, len(ids), float(own.mean()), float(own.max()), float(own[0]), later)
        )

    def _logits(self, ids: list[int]) -> Iterator[Any]:
        """Float64 logits [positions, vocabulary] of one prompt, a block of positions at a time."""
        batch = tensor(self.loaded, [ids])
        decoder = shift_right(self.loaded, batch) if self.loaded.kind == "seq2seq" else None
        logits = call(self.loaded, batch, decoder=decoder).logits[0]
        for part in spans(*logits.shape):
            yield float64(logits[part])

    def result(self, own: Any, policy: PolicyResult | None) -> LeakResult:  # noqa: ANN401 - Rollouts or None
        tally, filters = self.tally, self.tally.filters
        at, masses = np.asarray(self.at), self.tally.masses()
        alone = at == 0 if self.loaded.kind == "causal" else np.zeros(at.size, dtype=bool)
        cells, in_context = tally.cells(), tally.cells(~alone)
        scopes = {"prompts": in_context} if in_context else {"all": cells}
        if own is not None:
            scopes["rollouts"] = own.cells
        total = float(masses.sum())
        return LeakResult(
            settings=self.loaded.settings,
            notes=(*self.loaded.notes, *self.notes),
            positions=tally.positions,
            filters={"top_k": filters.top_k, "top_p": filters.top_p, "min_p": filters.min_p},
            cells=cells,
            first=tally.cells(alone),
            in_context=in_context,
            first_share=float(masses[alone].sum()) / total if total > 0 else float("nan"),
            by_position=tuple(_by_position(at, masses)),
            prompts=tuple(self.by_prompt),
            rollouts=own,
            top_ids=tuple(self._top()),
            mask_ratio_error=tally.ratio_error,
            smallest_gap=tally.gap,
            advice=advise(scopes, self.loaded.subject.noun),
            policy=policy,
        )

    def _top(self) -> Iterator[TopId]:
        mean = (self.tally.by_id / self.tally.positions).cpu().numpy()
        vocabulary = self.loaded.subject.vocabulary
        for at in np.argsort(-mean, kind="stable")[:_TOP]:
            id = int(self.tally.ids[at])
            token, text = (vocabulary.tokens.get(id), vocabulary.text(id)) if vocabulary else (None, None)
            yield TopId(id, token, text, float(mean[at]))


def _by_position(at: Any, masses: Any) -> Iterator[PositionLeak]:  # noqa: ANN401 - arrays
    """Positions one by one, then in ranges that double."""
    start = 0
    while start <= int(at.max()):
        stop = start + 1 if start < _ONE_BY_ONE else 2 * start
        own = masses[(at >= start) & (at < stop)]
        yield PositionLeak(start, stop, int(own.size), float(own.mean()), float(own.max()))
        start = stop
