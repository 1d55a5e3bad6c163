"""Rows, entries, the largest id and the bound to use, against transformers; no numpy on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoConfig, AutoTokenizer

import rowscope
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.vocabulary import read_vocabulary

DEMO = Path(rowscope.__file__).parent / "demo"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": False}


def test_the_demo_as_transformers_has_it() -> None:
    found = rowscope.vocabulary_bounds("demo")
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    ids = set(tokenizer.get_vocab().values())
    assert found.rows == found.output_rows == AutoConfig.from_pretrained(DEMO).vocab_size
    assert (found.entries, found.max_id) == (len(tokenizer), max(ids))
    assert found.bound == max(ids) + 1
    assert found.holes == 0


def test_it_imports_no_numpy() -> None:
    code = (
        "import sys, rowscope; found = rowscope.vocabulary_bounds('demo'); print(found.bound, "
        "sorted({'numpy', 'numba', 'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split(maxsplit=1), done.stderr) == (["4016", "[]\n"], "")


def test_the_same_vocabulary_with_and_without_columns() -> None:
    by_columns = read_vocabulary(rowscope.open_checkpoint("demo").folder)
    found = rowscope.vocabulary_bounds("demo")
    assert by_columns is not None
    assert (by_columns.entries, by_columns.max_id) == (found.entries, found.max_id)


def _folder(write_checkpoint: Any, path: Path, tokens: dict[str, int], rows: int, head: int) -> Path:
    tensors = {EMBEDDING: np.ones((rows, 8), "f4"), HEAD: np.ones((head, 8), "f4")}
    return Path(write_checkpoint(path, tensors, {**CONFIG, "vocab_size": rows}, tokens))


@pytest.mark.parametrize(
    ("tokens", "rows", "head", "expected"),
    [
        ({"a": 0, "b": 1, "c": 2}, 8, 8, (3, 2, 3, 0)),
        ({"a": 0, "b": 5}, 8, 8, (2, 5, 6, 4)),  # holes: len(tokenizer) is no bound
        ({"a": 0, "b": 1, "c": 9}, 8, 8, (3, 9, 8, 6)),  # a token beyond the last row
        ({"a": 0, "b": 1, "c": 7}, 8, 6, (3, 7, 6, 4)),  # a head of fewer rows
    ],
)
def test_bounds(
    write_checkpoint: Any,
    tmp_path: Path,
    tokens: dict[str, int],
    rows: int,
    head: int,
    expected: tuple[int, int, int, int],
) -> None:
    found = rowscope.vocabulary_bounds(_folder(write_checkpoint, tmp_path / "m", tokens, rows, head))
    assert (found.entries, found.max_id, found.bound, found.holes) == expected
    assert (found.rows, found.output_rows) == (rows, head)


def test_without_tokenizer_files_nothing_bounds_the_ids(write_checkpoint: Any, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "m", {EMBEDDING: np.ones((4, 8), "f4")}, CONFIG)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        rowscope.vocabulary_bounds(folder)
