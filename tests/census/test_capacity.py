"""How many tokens fit, against what the tokenizers library really does, and what more rows would cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from rowscope.inspector.census.capacity import Capacity, take_capacity
from rowscope.inspector.census.census import take_census
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.plain import to_plain
from rowscope.inspector.vocabulary import read_vocabulary

Write = Callable[..., Path]


def capacity(folder: Path) -> Capacity:
    checkpoint = open_checkpoint(folder)
    vocabulary = read_vocabulary(checkpoint.folder)
    return take_capacity(
        checkpoint, vocabulary, take_census(checkpoint.layout, vocabulary, checkpoint.config)
    )


def ids(ranges: tuple[tuple[int, int], ...]) -> list[int]:
    return [id for start, stop in ranges for id in range(start, stop)]


@pytest.mark.parametrize(
    "tokens",
    [
        {f"w{id}": id for id in range(90)},
        {f"w{id}": id for id in range(90) if id not in (3, 4, 50)},
        {**{f"w{id}": id for id in range(80)}, "late": 100},
        {**{f"w{id}": id for id in range(80)}, "[unused1]": 80, "<|reserved_7|>": 81},
    ],
)
def test_assignable_ids_are_those_that_the_library_gives(
    write_checkpoint: Write, tmp_path: Path, tokens: dict[str, int]
) -> None:
    rows, last = 128, list(tokens)[-1]
    matrix = np.zeros((rows, 8), "f4")
    folder = write_checkpoint(tmp_path / "c", {"model.embed_tokens.weight": matrix}, {}, tokens, (last,))
    found = capacity(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    taken = set(tokenizer.get_vocab().values())
    given = []
    for place in range(rows):
        tokenizer.add_tokens([f"<new{place}>"])
        id = tokenizer.token_to_id(f"<new{place}>")
        if id in taken or id >= rows:
            break
        given.append(id)
    assert ids(found.assignable.ranges) == given
    assert found.without_resize == len(given)
    assert set(ids(found.holes.ranges)) == set(range(rows)) - taken - set(given)
    named = {id for token, id in tokens.items() if "unused" in token or "reserved" in token}
    assert set(ids(found.placeholders.ranges)) == named
    to_plain(found)


def test_cost_of_a_resize(write_checkpoint: Write, tmp_path: Path) -> None:
    tensors = {
        "model.embed_tokens.weight": np.zeros((100, 8), "f4"),
        "lm_head.weight": np.zeros((100, 8), "f2"),
        "lm_head.bias": np.zeros(100, "f4"),
    }
    config = {"vocab_size": 100, "tie_word_embeddings": False}
    folder = write_checkpoint(tmp_path / "c", tensors, config, {f"w{id}": id for id in range(90)})
    found = capacity(folder)
    assert {cost.role: cost.bytes_per_row for cost in found.row_costs} == {
        "input": 32,
        "output": 16,
        "bias": 4,
    }
    assert found.bytes_per_row == 52
    assert [(r.multiple, r.rows, r.new_rows, r.bytes) for r in found.resizes] == [
        (64, 128, 28, 28 * 52),
        (128, 128, 28, 28 * 52),
    ]


def test_a_full_multiple_goes_to_the_next(write_checkpoint: Write, tmp_path: Path) -> None:
    folder = write_checkpoint(
        tmp_path / "c", {"model.embed_tokens.weight": np.zeros((128, 4), "f4")}, {}, {"a": 0}
    )
    assert [resize.rows for resize in capacity(folder).resizes] == [192, 256]


def test_the_smallest_of_matrices_and_config_counts(write_checkpoint: Write, tmp_path: Path) -> None:
    tensors = {
        "model.embed_tokens.weight": np.zeros((100, 4), "f4"),
        "lm_head.weight": np.zeros((96, 4), "f4"),
    }
    config = {"vocab_size": 98, "tie_word_embeddings": False}
    folder = write_checkpoint(tmp_path / "c", tensors, config, {f"w{id}": id for id in range(90)})
    found = capacity(folder)
    assert (found.rows, found.without_resize) == (96, 6)


def test_without_a_tokenizer_nothing_is_known_to_be_free(write_checkpoint: Write, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "c", {"model.embed_tokens.weight": np.zeros((100, 4), "f4")})
    found = capacity(folder)
    assert (found.without_resize, found.holes.count, found.placeholders.count) == (0, 0, 0)
