"""The model's own text, sampled token by token, with the mass at every draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.call import batch_rows, encode, float64, start_token, tensor
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.prompts import Prompt
from rowscope.inspector.model.loading.refusals import first_line, load_errors
from rowscope.inspector.model.suppress import SuppressReserved
from rowscope.inspector.vocabulary import chat_prompt

_FILLER: Final = 0  # stands left of short prompts, where nothing looks


@record
class Opening:
    """What a rollout starts from.

    Attributes:
        number: of the prompt, which seeds its draws. ids: what the model reads.
    """

    number: int
    name: str
    ids: tuple[int, ...]


@dataclass
class Draws:
    """One rollout so far; `done` where nothing more is drawn."""

    opening: Opening
    rng: np.random.Generator
    ids: list[int] = field(default_factory=list)
    done: bool = False


def open_prompts(
    loaded: Loaded, prompts: Sequence[Prompt], limit: int, new: int, notes: list[str]
) -> tuple[list[Opening], bool]:
    """Each prompt as a user's question in the chat template, or as it is where there is none."""
    vocabulary = loaded.subject.vocabulary
    text, trouble = (None, None) if vocabulary is None else chat_prompt(vocabulary, prompts[0].text)
    if trouble is not None:
        notes.append(
            f"Rollouts continue the prompts as they are: the chat template was not used ({trouble})."
        )
    room = _context(loaded) - new
    found = []
    for number, prompt in enumerate(prompts):
        ids = encode(loaded, prompt.text)[:limit]
        if text is not None and loaded.tokenizer is not None:
            assert vocabulary is not None
            asked, _ = chat_prompt(vocabulary, prompt.text)
            ids = encode(loaded, asked or prompt.text, special=asked is None)
        if len(ids) > room:
            notes.append(f"No rollout of the prompt {prompt.name!r}: it leaves no room for {new} tokens.")
        elif ids:
            found.append(Opening(number, prompt.name, tuple(ids)))
    return found, text is not None and loaded.tokenizer is not None


def _context(loaded: Loaded) -> int:
    config = loaded.network.config.get_text_config()
    value = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    return value if isinstance(value, int) and value > 0 else 1 << 30


class Sampler:
    """Given to `generate` in place of its own sampling: it draws each row's next id and leaves only that.

    A rollout's draws depend on the seed and its prompt's number alone, whatever else is in the batch. It ends
    at a stop token, at the first probed id, or where the logits are not finite.
    """

    supports_continuous_batching = False

    def __init__(
        self,
        loaded: Loaded,
        rows: Sequence[Draws],
        temperature: float,
        read: Any,  # noqa: ANN401
        mask: SuppressReserved | None,
    ) -> None:
        self.rows = rows
        self.mask = mask
        self.temperature = temperature
        self.read = read
        self.stops = {*_stop_ids(loaded), *loaded.subject.ids.tolist()}

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ANN401 - tensors
        """Scores [rows, vocabulary] with all but the drawn ids at minus infinity."""
        alive = [at for at, row in enumerate(self.rows) if not row.done]
        wide = float64(scores[alive])
        self.read([self.rows[at] for at in alive], wide)
        if self.mask is not None:
            wide = self.mask(None, wide)
        p = (wide / self.temperature).softmax(-1).cpu().numpy()
        forced = scores.new_full(scores.shape, float("-inf"))
        forced[:, _FILLER] = 0.0
        for at, chances in zip(alive, p, strict=True):
            row = self.rows[at]
            reach = np.cumsum(chances)
            id = int(np.searchsorted(reach, row.rng.random() * reach[-1], side="right"))
            id = min(id, len(reach) - 1)
            row.ids.append(id)
            row.done = id in self.stops or not np.isfinite(reach[-1])
            forced[at, _FILLER], forced[at, id] = float("-inf"), 0.0
        return forced


def _stop_ids(loaded: Loaded) -> set[int]:
    sources = (loaded.network.generation_config, loaded.network.config)
    values = [getattr(source, "eos_token_id", None) for source in sources]
    return {
        id for value in values for id in (value if isinstance(value, list) else [value]) if id is not None
    }


def sample(
    loaded: Loaded,
    openings: Sequence[Opening],
    new: int,
    temperature: float,
    read: Any,  # noqa: ANN401
    mask: SuppressReserved | None = None,
) -> Iterator[Draws]:
    """Up to `new` tokens behind each opening, sampled at a temperature without a filter.

    Args:
        read: called at every step with the rollouts that go on and their float64 logits [rows, vocabulary].
        mask: never draw its ids.

    Raises:
        ValueError, RuntimeError and what else transformers raises where a model cannot generate.
    """
    longest = max((len(opening.ids) for opening in openings), default=1)
    step = batch_rows(loaded, longest)
    for start in range(0, len(openings), step):
        rows = [
            Draws(o, np.random.default_rng((loaded.seed, o.number))) for o in openings[start : start + step]
        ]
        _generate(loaded, rows, new, Sampler(loaded, rows, temperature, read, mask))
        yield from rows


def _generate(loaded: Loaded, rows: Sequence[Draws], new: int, sampler: Sampler) -> None:
    import transformers

    width = max(len(row.opening.ids) for row in rows)
    left = loaded.kind == "causal"  # an encoder reads from the left, and its padding stands behind
    ids, mask = [], []
    for row in rows:
        own, gap = list(row.opening.ids), width - len(row.opening.ids)
        ids.append([*[_FILLER] * gap, *own] if left else [*own, *[_FILLER] * gap])
        mask.append([*[0] * gap, *[1] * len(own)] if left else [*[1] * len(own), *[0] * gap])
    inputs = {"input_ids": tensor(loaded, ids), "attention_mask": tensor(loaded, mask)}
    stops = sorted(sampler.stops)
    settings = {"do_sample": False, "max_new_tokens": new, "eos_token_id": stops, "pad_token_id": _FILLER}
    if loaded.kind == "seq2seq":
        settings["decoder_start_token_id"] = start_token(loaded)
    with _neutral(loaded.network, transformers):
        make: Any = transformers.GenerationConfig
        config = make(**settings)
        loaded.network.generate(**inputs, generation_config=config, logits_processor=[sampler])


@contextmanager
def _neutral(network: Any, transformers: Any) -> Iterator[None]:  # noqa: ANN401 - the module
    """Generation without the checkpoint's own penalties, filters and limits, and without warnings."""
    kept, logging = network.generation_config, transformers.utils.logging
    level = logging.get_verbosity()
    network.generation_config = transformers.GenerationConfig()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        network.generation_config = kept
        logging.set_verbosity(level)


def cannot_sample(loaded: Loaded, error: BaseException) -> str:
    """A note for a model that transformers does not generate with."""
    name = type(loaded.network).__name__
    return f"No rollouts were measured: transformers cannot sample from {name} ({first_line(error)})."


def sampling_errors() -> tuple[type[BaseException], ...]:
    """What `sample` can raise, but for a lack of memory, which `running` reports."""
    return (*load_errors(), NotImplementedError)
