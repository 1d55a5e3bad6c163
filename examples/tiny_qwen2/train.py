"""Train the `demo` checkpoint: a small Qwen2-style model on the standard library's own text.

    python examples/tiny_qwen2/train.py --out examples/tiny_qwen2

writes `OUT/model/` (weights, config, tokenizer) and `OUT/training_counts.json` (how often each id
occurred in training: the ground truth for what is untrained). Needs torch, transformers and
tokenizers. No row is touched by hand: what the rows look like is the work of the optimizer alone.
The same seed, versions and number of threads give the same weights on the same kind of processor.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from bpe import PLACEHOLDERS, train_tokenizer
from corpus import read_modules, split_modules
from measure import measure
from safetensors.torch import load_file
from training import Recipe, Tokens, Trained, encode, mean_loss, new_model, train
from transformers import GenerationConfig, Qwen2ForCausalLM, Qwen2Tokenizer

LOSS_WINDOW = 20


def save(model: Qwen2ForCausalLM, tokenizer: Qwen2Tokenizer, folder: Path) -> None:
    """Write the checkpoint in bf16 with its tokenizer, as transformers lays it out. Turns `model` to bf16."""
    model = model.bfloat16()
    eos = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=eos, pad_token_id=tokenizer.pad_token_id, max_new_tokens=64
    )
    model.save_pretrained(folder)
    for leftover in ("is_local", "local_files_only", "name_or_path"):
        tokenizer.init_kwargs.pop(leftover, None)  # how it was loaded here is nobody's business
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors leaves its file readable by its owner alone


def measured(trained: Trained, tokenizer: Qwen2Tokenizer, folder: Path) -> dict[str, object]:
    """Figures of the saved embedding matrix, read back from `folder`."""
    tensors = load_file(folder / "model.safetensors")
    matrix = tensors["model.embed_tokens.weight"].double().numpy()
    placeholders = [tokenizer.convert_tokens_to_ids(name) for name in PLACEHOLDERS]
    reserved = np.array([*placeholders, *range(len(tokenizer), len(matrix))])
    counts = np.maximum(trained.input_counts, trained.target_counts)
    return measure(matrix, counts, reserved)


def record(trained: Trained, recipe: Recipe) -> dict[str, object]:
    """What was done and with what, without any path."""
    return {
        "recipe": asdict(recipe),
        "tokens_seen": int(trained.target_counts.sum()),
        "train_loss": {
            "initial": trained.losses[0],
            "final": float(np.mean(trained.losses[-LOSS_WINDOW:])),
            "final_is_mean_of_steps": LOSS_WINDOW,
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
    }


def saved_loss(folder: Path, stream: Tokens, recipe: Recipe) -> float:
    """Loss in nats a token of the checkpoint as it was saved."""
    model = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    return mean_loss(model, stream, recipe.block)


def main() -> None:
    """Read the corpus, train tokenizer and model, save, measure and record."""
    parser = argparse.ArgumentParser(description="Train the demo checkpoint.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    arguments = parser.parse_args()
    recipe = Recipe(steps=arguments.steps)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)

    modules = read_modules()
    split = split_modules(modules)
    tokenizer = train_tokenizer(module.text for module in modules)
    stream = encode(tokenizer, split.train)
    trained = train(new_model(tokenizer), stream, recipe)
    report = record(trained, recipe)
    unseen = encode(tokenizer, split.held_out)
    before = mean_loss(trained.model, unseen, recipe.block)
    folder = arguments.out / "model"
    save(trained.model, tokenizer, folder)
    report["held_out"] = {
        "modules": [module.path for module in split.held_out],
        "tokens": len(unseen),
        "loss_float32": before,
        "loss_bfloat16": saved_loss(folder, unseen, recipe),
        "loss_uniform": float(np.log(trained.model.config.vocab_size)),
    }
    report["separation"] = measured(trained, tokenizer, folder)
    print(json.dumps(report, indent=1))
    report["input_counts"] = trained.input_counts.tolist()
    report["target_counts"] = trained.target_counts.tolist()
    (arguments.out / "training_counts.json").write_text(json.dumps(report) + "\n", "utf-8")


if __name__ == "__main__":
    main()
