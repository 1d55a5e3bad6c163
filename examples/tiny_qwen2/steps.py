"""Repeat the training of the `demo` checkpoint and keep twelve of its steps.

    python examples/tiny_qwen2/steps.py --out RUN

writes `RUN/checkpoint-N/`, each a whole checkpoint in bf16, and `RUN/seen.json`: how often each token with
a role, and each reserved one, had been read and was to be predicted by then. The tokenizer is the one that
ships with `demo`. Needs torch, transformers and tokenizers; takes about six minutes on two cores.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path

import torch
from corpus import read_modules, split_modules
from train import save
from training import Recipe, Tokens, encode, new_model, train
from transformers import AutoTokenizer, Qwen2ForCausalLM, Qwen2Tokenizer

KEPT = (0, 10, 20, 40, 80, 160, 240, 400, 600, 900, 1200, 1400)


class Keeper:
    """Saves the model at the steps in `KEPT`, with what it had seen by then."""

    def __init__(self, model: Qwen2ForCausalLM, tokenizer: Qwen2Tokenizer, folder: Path) -> None:
        self.model, self.tokenizer, self.folder = model, tokenizer, folder
        self.counts: dict[str, dict[str, list[int]]] = {}

    def __call__(self, step: int, counts: Tokens) -> None:
        """Save this step if it is one to keep. `counts` [2, rows]: read, to be predicted."""
        if step not in KEPT:
            return
        target = self.folder / f"checkpoint-{step}"
        save(copy.deepcopy(self.model), self.tokenizer, target)
        self.counts[str(step)] = {
            token: counts[:, id].tolist() for token, id in sorted(self.tokenizer.get_added_vocab().items())
        }


def main() -> None:
    """Train as `train.py` does, and keep the steps."""
    parser = argparse.ArgumentParser(description="Keep twelve steps of the demo's training.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="end after this many")
    arguments = parser.parse_args()
    recipe = Recipe(steps=arguments.steps)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)

    tokenizer = AutoTokenizer.from_pretrained(Path(__file__).parent / "model")
    stream = encode(tokenizer, split_modules(read_modules()).train)
    model = new_model(tokenizer)
    keeper = Keeper(model, tokenizer, arguments.out)
    train(model, stream, recipe, keeper)
    (arguments.out / "seen.json").write_text(json.dumps(keeper.counts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
