"""Token stream, model and training loop of the demonstration checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from bpe import END_OF_TEXT, padded_rows
from corpus import Module, questions
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """Settings of one run. `block` is in tokens, `batch` in blocks."""

    seed: int = 20240
    steps: int = 1400
    batch: int = 16
    block: int = 256
    learning_rate: float = 3e-3
    warmup: int = 40
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    threads: int = 2


@dataclass(frozen=True)
class Trained:
    """A trained model with how often each id (index) was read and was to be predicted."""

    model: Qwen2ForCausalLM
    input_counts: Tokens
    target_counts: Tokens
    losses: tuple[float, ...]


def encode(tokenizer: Qwen2Tokenizer, modules: Sequence[Module]) -> Tokens:
    """One stream [tokens]: each module as a document, each of its docstrings as a chat."""
    texts = []
    for module in modules:
        texts.append(module.text + END_OF_TEXT)
        texts.extend(chat_text(tokenizer, *pair) + END_OF_TEXT for pair in questions(module))
    encoded = tokenizer.backend_tokenizer.encode_batch(texts)
    return np.concatenate([np.asarray(item.ids, dtype=np.int64) for item in encoded])


def chat_text(tokenizer: Qwen2Tokenizer, question: str, answer: str) -> str:
    """A question and its answer as the checkpoint's own chat template writes them."""
    messages = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))


def new_model(tokenizer: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    """A randomly initialised Qwen2 decoder: 3 layers of width 128, tied matrices."""
    config = Qwen2Config(
        vocab_size=padded_rows(len(tokenizer)),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=None,
    )
    model = Qwen2ForCausalLM(config)
    # Named only now: torch would keep the row of a padding id from learning as an input, and here
    # that id also separates documents.
    model.config.eos_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    return model


def blocks(stream: Tokens, length: int) -> Tokens:
    """[blocks, length + 1]: neighbours share one token, so that each token is predicted once."""
    count = (len(stream) - 1) // length
    return np.stack([stream[i * length : (i + 1) * length + 1] for i in range(count)])


def batches(table: Tokens, recipe: Recipe) -> Iterator[Tokens]:
    """Shuffled passes over the blocks, [batch, block + 1] each, without end."""
    generator = np.random.default_rng(recipe.seed)
    while True:
        order = generator.permutation(len(table))
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            yield table[order[start : start + recipe.batch]]


def learning_rate(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a half cosine to zero (Loshchilov and Hutter, arXiv 1608.03983)."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def optimizer_for(model: Qwen2ForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; matrices decay, the embedding among them, norms and biases do not."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)


def loss_of(model: Qwen2ForCausalLM, rows: Tokens) -> torch.Tensor:
    """Mean cross-entropy in nats a token over [batch, block + 1] ids."""
    ids = torch.from_numpy(rows)
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    return cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())


def train(
    model: Qwen2ForCausalLM,
    stream: Tokens,
    recipe: Recipe,
    seen: Callable[[int, Tokens], None] | None = None,
) -> Trained:
    """Run the recipe on `stream`, counting every id that enters and every id that is a target.

    `seen` is told before every step and after the last one how many were made, and the counts so far
    [2, rows]: what entered, what was a target.
    """
    optimizer = optimizer_for(model, recipe)
    source = batches(blocks(stream, recipe.block), recipe)
    counts = np.zeros((2, model.config.vocab_size), dtype=np.int64)
    losses: list[float] = []
    started = time.perf_counter()
    model.train()
    for step in range(recipe.steps):
        if seen is not None:
            seen(step, counts)
        rows = next(source)
        counts[0] += np.bincount(rows[:, :-1].ravel(), minlength=counts.shape[1])
        counts[1] += np.bincount(rows[:, 1:].ravel(), minlength=counts.shape[1])
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe)
        loss = loss_of(model, rows)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 0 or step == recipe.steps - 1:
            seconds = time.perf_counter() - started
            print(f"step {step:5d}  loss {losses[-1]:.4f}  {seconds:6.1f} s", flush=True)
    if seen is not None:
        seen(recipe.steps, counts)
    return Trained(model, counts[0], counts[1], tuple(losses))


@torch.no_grad()
def mean_loss(model: Qwen2ForCausalLM, stream: Tokens, block: int, batch: int = 16) -> float:
    """Mean cross-entropy in nats a token over a whole stream."""
    model.train(False)
    table = blocks(stream, block)
    parts = [table[start : start + batch] for start in range(0, len(table), batch)]
    total = sum(loss_of(model, part).item() * len(part) for part in parts)
    return total / len(table)
