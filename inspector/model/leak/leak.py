"""Probe: how likely the model is to emit a reserved id, at any temperature, and what stops it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.leak.filters import Filters, mask_mass, masses, ratio_change, sort_logits
from rowscope.inspector.model.leak.results import Advice, LeakCell, LeakResult, PromptLeak, TopId
from rowscope.inspector.model.loading.call import (
    call,
    encode,
    float64,
    require_kind,
    running,
    shift_right,
    tensor,
)
from rowscope.inspector.model.loading.load import Loaded, Source, load
from rowscope.inspector.model.loading.prompts import BUILT_IN, Prompt
from rowscope.inspector.model.results import Progress
from rowscope.inspector.model.suppress import SuppressReserved

TEMPERATURES: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
FILTERS: Final = ("none", "top_k", "top_p", "min_p", "mask")

_TOP: Final = 10
_OFTEN: Final = 1e6  # tokens within which a reserved id must not be expected
_BLOCK_ELEMENTS: Final = 1 << 22


def leak(
    path: Source,
    *,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    prompts: Sequence[Prompt] | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    top_k: int = 50,
    top_p: float = 0.95,
    min_p: float = 0.05,
    max_tokens: int = 128,
    trust_remote_code: bool = False,
    progress: Progress = None,
) -> LeakResult:
    """Probability mass on the reserved ids at every position of some prompts.

    Causal models read the prompt; in an encoder-decoder both sides do, the decoder behind its start token.

    Args:
        ids: look at these instead of the reserved ids.
        prompts: None for the built-in ones, in many languages (see `read_prompts` for a file).
        top_k, top_p, min_p: each is applied alone.
        max_tokens: of a prompt; the rest is cut off.

    Raises:
        RefusedError: as `load`; a masked or headless model; no probed id with a row in the output matrix.
        UsageError: a temperature, filter or length that makes no sense; as `load`.
        MissingExtraError, CheckpointError: as `load`.
    """
    filters = _check(temperatures, Filters(top_k, top_p, min_p), max_tokens)
    loaded = load(
        path,
        probe="leak",
        device=device,
        dtype=dtype,
        seed=seed,
        ids=ids,
        trust_remote_code=trust_remote_code,
    )
    require_kind(loaded, "leak", ("causal", "seq2seq"))
    import torch

    sums = _Sums(loaded, tuple(temperatures), filters)
    texts = BUILT_IN if prompts is None else tuple(prompts)
    with torch.inference_mode(), running(loaded):
        for done, prompt in enumerate(texts, start=1):
            sums.read(prompt, max_tokens)
            if progress is not None:
                progress("leak", done, len(texts))
    return sums.result()


def _check(temperatures: Sequence[float], filters: Filters, max_tokens: int) -> Filters:
    wrong = [t for t in temperatures if not 0 < t < float("inf")]
    if wrong or not temperatures:
        found = wrong[0] if wrong else "nothing"
        raise UsageError(f"--temperatures: {found}; give numbers above 0", location="--temperatures")
    for name, value, good in (
        ("--top-k", filters.top_k, filters.top_k >= 1),
        ("--top-p", filters.top_p, 0 < filters.top_p <= 1),
        ("--min-p", filters.min_p, 0 <= filters.min_p <= 1),
        ("--max-tokens", max_tokens, max_tokens >= 1),
    ):
        if not good:
            span = "at least 1" if isinstance(value, int) else "a share from 0 to 1"
            raise UsageError(f"{name} {value}: give {span}", location=name)
    return filters


@dataclass
class _Sums:
    """Masses of every position so far."""

    loaded: Loaded
    temperatures: tuple[float, ...]
    filters: Filters
    found: dict[tuple[float, str], list[float]] = field(default_factory=dict)
    by_prompt: list[PromptLeak] = field(default_factory=list)
    by_id: Any = None
    ratio_error: float = 0.0
    gap: float = float("inf")
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows = self.loaded.output_rows or 0
        self.ids = self.loaded.subject.ids[self.loaded.subject.ids < rows]
        if not self.ids.size:
            raise RefusedError(
                f"none of the {self.loaded.subject.ids.size} {self.loaded.subject.noun} ids of "
                f"{self.loaded.checkpoint.path!r} has a row in the output matrix ({rows} rows): none of "
                "them can be emitted; there is nothing to measure",
                location=self.loaded.checkpoint.path,
                code="NO_TARGET",
            )
        self.mask = SuppressReserved(self.ids.tolist())
        self.near_one = min(self.temperatures, key=lambda t: abs(t - 1.0))

    def read(self, prompt: Prompt, limit: int) -> None:
        """Take in every position of a prompt."""
        ids = encode(self.loaded, prompt.text)[:limit]
        if not ids:
            self.notes.append(f"The prompt {prompt.name!r} has no token and was passed over.")
            return
        start = len(self.found.get((self.near_one, "none"), []))
        for logits in self._logits(ids):
            self._block(logits)
        own = self.found[self.near_one, "none"][start:]
        self.by_prompt.append(PromptLeak(prompt.name, len(ids), float(np.mean(own)), float(np.max(own))))

    def _logits(self, ids: list[int]) -> Iterator[Any]:
        """Float64 logits [positions, vocabulary] of one prompt, a block of positions at a time."""
        batch = tensor(self.loaded, [ids])
        decoder = shift_right(self.loaded, batch) if self.loaded.kind == "seq2seq" else None
        logits = call(self.loaded, batch, decoder=decoder).logits[0]
        step = max(1, _BLOCK_ELEMENTS // int(logits.shape[1]))
        for start in range(0, int(logits.shape[0]), step):
            yield float64(logits[start : start + step])

    def _block(self, logits: Any) -> None:  # noqa: ANN401 - tensor
        import torch

        chosen = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
        chosen[torch.as_tensor(self.ids, device=logits.device)] = True
        rows = sort_logits(logits, chosen)
        hidden = self.mask(None, logits)
        for temperature in self.temperatures:
            found = masses(rows, temperature, self.filters)
            found["mask"] = mask_mass(hidden, chosen, temperature)
            for name, values in found.items():
                self.found.setdefault((temperature, name), []).extend(values.tolist())
        error = ratio_change(logits, hidden, chosen, self.near_one)
        self.ratio_error = max(self.ratio_error, error)
        p = (logits / self.near_one).softmax(-1)[:, chosen].sum(0)
        self.by_id = p if self.by_id is None else self.by_id + p
        self.gap = min(self.gap, float((logits.amax(-1) - logits[:, chosen].amax(-1)).min()))

    def result(self) -> LeakResult:
        if not self.by_prompt:
            raise UsageError("--prompts: no prompt has a token; give some text", location="--prompts")
        cells = tuple(
            _cell(temperature, name, self.found[temperature, name])
            for temperature in self.temperatures
            for name in FILTERS
        )
        positions = len(self.found[self.near_one, "none"])
        return LeakResult(
            settings=self.loaded.settings,
            notes=(*self.loaded.notes, *self.notes),
            positions=positions,
            filters={"top_k": self.filters.top_k, "top_p": self.filters.top_p, "min_p": self.filters.min_p},
            cells=cells,
            prompts=tuple(self.by_prompt),
            top_ids=tuple(self._top(positions)),
            mask_ratio_error=self.ratio_error,
            smallest_gap=self.gap,
            advice=advise(cells, self.loaded.subject.noun),
        )

    def _top(self, positions: int) -> Iterator[TopId]:
        mean = (self.by_id / positions).cpu().numpy()
        vocabulary = self.loaded.subject.vocabulary
        for at in np.argsort(-mean, kind="stable")[:_TOP]:
            id = int(self.ids[at])
            token, text = (vocabulary.tokens.get(id), vocabulary.text(id)) if vocabulary else (None, None)
            yield TopId(id, token, text, float(mean[at]))


def _cell(temperature: float, name: str, values: list[float]) -> LeakCell:
    array = np.asarray(values)
    mean = float(array.mean())
    return LeakCell(
        temperature=temperature,
        filter=name,
        mean=mean,
        median=float(np.median(array)),
        max=float(array.max()),
        positions=float(np.mean(array > 0)),
        expected_tokens=1.0 / mean if mean > 0 else float("inf"),
    )


def advise(cells: Sequence[LeakCell], noun: str) -> Advice:
    """The recommended action, from the masses without filter."""
    plain = sorted((c for c in cells if c.filter == "none"), key=lambda c: c.temperature)
    often = [c for c in plain if c.expected_tokens <= _OFTEN]
    if not often:
        rarest = plain[-1]
        return Advice(
            "optional",
            None,
            f"At no temperature up to {rarest.temperature:g} is a {noun} id expected within a million "
            "tokens; a mask changes nothing that is likely, and makes it certain.",
        )
    first = often[0]
    tokens = f"one in about {first.expected_tokens:,.0f} tokens at temperature {first.temperature:g}"
    if first.temperature <= 1.0:
        return Advice(
            "mask", first.temperature, f"Mask the {noun} ids whenever you sample: {tokens}, without a filter."
        )
    return Advice(
        "mask-when-hot",
        first.temperature,
        f"Mask the {noun} ids when you sample at temperature {first.temperature:g} or above: {tokens}, "
        "without a filter.",
    )
