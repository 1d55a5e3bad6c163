"""Running the model: ids in, logits and hidden states out, the same way for every kind."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.loading.refusals import load_errors, refuse_on_ids

Ids = NDArray[np.int64]

# Elements of the logits of one batch (16 Mi float32 are 64 MiB), and of those of its positions that are read.
_BATCH_ELEMENTS: Final = 16 << 20
_READ_ELEMENTS: Final = 4 << 20
_BATCH_ROWS: Final = 64
# Elements that are looked at together in float64, of which some ten copies are made, 4 MiB each.
_WIDE_ELEMENTS: Final = 1 << 19


@record
class Outputs:
    """What one call gives.

    Attributes:
        logits: [batch, positions, vocabulary]; None for a headless model.
        hidden: one [batch, tokens, d] for the embeddings and each layer, of the encoder where there is one;
            () where the model does not give them.
    """

    logits: Any
    hidden: tuple[Any, ...]


def call(
    loaded: Loaded,
    ids: Any,  # noqa: ANN401 - tensor
    mask: Any = None,  # noqa: ANN401 - tensor
    *,
    decoder: Any = None,  # noqa: ANN401 - tensor
    hidden: bool = False,
    last: bool = False,
) -> Outputs:
    """Run the model on ids, int64 tensor [batch, tokens].

    Args:
        mask: 1 for ids and 0 for padding behind them, like `ids`; None where there is none.
        decoder: ids of an encoder-decoder's decoder, [batch, positions]; its start token where None.
        hidden: give the hidden states.
        last: logits of the last position alone will do; the model may still give them all.

    Raises:
        RefusedError: (CANNOT_RUN) the model wants more than ids, or its config does not fit its code.
    """
    import torch

    network = loaded.network
    inputs: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": ids.new_ones(ids.shape) if mask is None else mask,
    }
    if loaded.network.config.is_encoder_decoder:
        if loaded.kind == "headless":
            network = network.get_encoder()
        else:
            start = ids.new_full((ids.shape[0], 1), start_token(loaded))
            inputs["decoder_input_ids"] = start if decoder is None else decoder
    if loaded.kind in ("causal", "seq2seq"):
        inputs["use_cache"] = False
    if last and loaded.kind == "causal" and "logits_to_keep" in signature(network.forward).parameters:
        inputs["logits_to_keep"] = 1
    if hidden:
        inputs["output_hidden_states"] = True
    try:
        found = network(**inputs, return_dict=True)
    except torch.cuda.OutOfMemoryError:
        raise
    except load_errors() as error:
        raise refuse_on_ids(error, type(loaded.network).__name__, loaded.checkpoint.path) from error
    states = getattr(found, "encoder_hidden_states", None) or getattr(found, "hidden_states", None) or ()
    return Outputs(None if loaded.kind == "headless" else found.logits, tuple(states) if hidden else ())


def start_token(loaded: Loaded) -> int:
    """The id that a decoder starts with.

    Raises:
        RefusedError: the config names none.
    """
    config, generation = loaded.network.config, loaded.network.generation_config
    for source in (config, generation):
        for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
            value = getattr(source, name, None)
            if isinstance(value, int) and 0 <= value < loaded.input_rows:
                return value
    raise RefusedError(
        "the config of this encoder-decoder names no decoder_start_token_id: its decoder cannot start; "
        "add it to config.json",
        location="config.json: decoder_start_token_id",
        code="NO_START",
    )


def shift_right(loaded: Loaded, labels: Any) -> Any:  # noqa: ANN401 - int64 tensor [batch, positions]
    """Decoder input for `labels`: the start token, then all labels but the last."""
    import torch

    first = labels.new_full((labels.shape[0], 1), start_token(loaded))
    return torch.cat((first, labels[:, :-1]), dim=1)


def tensor(loaded: Loaded, ids: Any) -> Any:  # noqa: ANN401 - array in, tensor out
    """Ids as an int64 tensor on the model's device."""
    import torch

    return torch.as_tensor(np.asarray(ids, dtype=np.int64), device=loaded.device)


def pad(rows: Sequence[Sequence[int]], filler: int) -> Ids:
    """Rows of unequal length as one array, `filler` behind the short ones."""
    width = max(len(row) for row in rows)
    return np.array([[*row, *[filler] * (width - len(row))] for row in rows], dtype=np.int64)


def float64(values: Any) -> Any:  # noqa: ANN401 - tensors
    """A tensor in float64, on the CPU where the device (MPS) has none."""
    import torch

    place = "cpu" if values.device.type == "mps" else values.device
    return values.detach().to(place).to(torch.float64)


def batch_rows(loaded: Loaded, tokens: int) -> int:
    """How many sequences of `tokens` ids go into one call, if one position of each is looked at."""
    width = max(int(loaded.output_rows or loaded.embedding.weight.shape[1]), 1)
    return max(1, min(_BATCH_ROWS, _BATCH_ELEMENTS // (width * tokens), _READ_ELEMENTS // width))


def spans(rows: int, width: int) -> Iterator[slice]:
    """Parts of `rows` rows of `width` numbers that are looked at together in float64, at least a row each."""
    step = max(1, _WIDE_ELEMENTS // max(width, 1))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def encode(loaded: Loaded, text: str, *, special: bool = True) -> list[int]:
    """Token ids of a text that have a row.

    Where there is no tokenizer, each word gets a used id by its CRC-32: sequences as regular as text is,
    without its meaning.

    Args:
        special: with the special tokens that the tokenizer adds by itself (a begin-of-sequence token).
    """
    if loaded.tokenizer is None:
        pool = loaded.subject.trained
        return [int(pool[zlib.crc32(word.encode()) % pool.size]) for word in text.split()]
    ids = loaded.tokenizer(text, add_special_tokens=special)["input_ids"]
    return [int(id) for id in ids if id < loaded.input_rows]


@contextmanager
def running(loaded: Loaded) -> Iterator[None]:
    """Turns the device's out-of-memory error into a refusal.

    Raises:
        RefusedError: the device ran out of memory.
    """
    import torch

    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise RefusedError(
            f"{loaded.device} ran out of memory on {loaded.checkpoint.path!r}: "
            f"{str(error).splitlines()[0]}; use --dtype bfloat16 or --device cpu",
            location="memory",
            code="NO_MEMORY",
        ) from error


def require_kind(loaded: Loaded, probe: str, kinds: tuple[str, ...]) -> None:
    """Refuse a probe that this kind of model cannot run.

    Raises:
        RefusedError: (WRONG_KIND) with what the model lacks.
    """
    if loaded.kind in kinds:
        return
    name = type(loaded.network).__name__
    why = {
        "headless": f"{name} has no output over the vocabulary: it gives hidden states, no probabilities",
        "masked": f"{name} fills in masked tokens from both sides and does not generate a next token",
    }[loaded.kind]
    can = "forward" if loaded.kind == "headless" else "forward, gradient and verify"
    raise RefusedError(
        f"the {probe} probe cannot run on {loaded.checkpoint.path!r}: {why}; this model can run {can}",
        location=name,
        code="WRONG_KIND",
    )
