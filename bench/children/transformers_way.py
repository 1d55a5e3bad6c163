"""The statistics of an audit as one would compute them with transformers and torch; prints them as JSON.

`python transformers_way.py FOLDER [ROWS]`. Loads the model and the tokenizer, splits the rows of the input
embedding into the same groups by id, and computes the same group statistics in float64, over blocks of ROWS
rows: 256 by default, which stay in the cache; 0 for all at once, as one writes it at first. It judges
nothing: an audit also compares rows with the untrained reference.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PARTS = ("unmapped", "base", "added")
GROUPS = {"unmapped": [0], "base": [1], "added": [2], "used": [1, 2]}
"""The rows fall into the parts; a group is made of the parts at these positions."""


@dataclass
class Quantities:
    """Per row: (9, rows) counts and sums, and hashes; per part: column sums and sums of unit rows."""

    rows: torch.Tensor
    hashes: list[int]
    columns: torch.Tensor
    units: torch.Tensor


def main(folder: str, block: int = 256) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    weights: torch.Tensor = model.get_input_embeddings().weight.detach()
    parts = parts_of_rows(tokenizer, len(weights))
    with torch.inference_mode():
        found = measure_rows(weights, parts, block or len(weights))
        statistics = {name: of_group(found, parts, members) for name, members in GROUPS.items()}
    print(json.dumps(statistics))


def parts_of_rows(tokenizer: Any, rows: int) -> torch.Tensor:
    """Position in PARTS of each row."""
    parts = torch.zeros(rows, dtype=torch.int64)
    parts[torch.tensor(list(tokenizer.get_vocab().values()))] = 1
    parts[torch.tensor(list(tokenizer.get_added_vocab().values()))] = 2
    return parts


def measure_rows(weights: torch.Tensor, parts: torch.Tensor, size: int) -> Quantities:
    """One pass over the matrix, in blocks of `size` rows."""
    rows, width = weights.shape
    found = torch.empty((9, rows), dtype=torch.float64)
    columns, units = (torch.zeros((len(PARTS), width), dtype=torch.float64) for _ in range(2))
    hashes: list[int] = []
    for start in range(0, rows, size):
        block = weights[start : start + size]
        hashes += [hash(row.tobytes()) for row in block.view(torch.int16).numpy()]
        values, part = block.double(), parts[start : start + size]
        squares = (values * values).sum(1)
        out = found[:, start : start + size]
        out[0], out[1], out[2] = (values == 0).sum(1), values.isnan().sum(1), values.isinf().sum(1)
        out[3], out[4] = values.sum(1), squares
        out[5], out[6] = values.amin(1), values.amax(1)
        out[7] = squares.sqrt()
        columns.index_add_(0, part, values)
        units.index_add_(0, part, values / out[7].clamp_min(1e-300)[:, None])
        out[8] = values.sub_(values.mean(1, keepdim=True)).square_().sum(1)
    return Quantities(found, hashes, columns, units)


def of_group(found: Quantities, parts: torch.Tensor, members: list[int]) -> dict[str, float]:
    """The statistics of one group of rows."""
    ids = torch.isin(parts, torch.tensor(members)).nonzero()[:, 0]
    zeros, nan, inf, sums, squares, low, high, norms, deviations = found.rows[:, ids]
    rows, width = len(ids), found.columns.shape[1]
    elements = rows * width
    centre = sums.sum() / elements
    between = width * ((sums / width - centre) ** 2).sum()
    mean_row = found.columns[members].sum(0) / rows
    unit = found.units[members].sum(0)
    copies = Counter(found.hashes[id] for id in ids.tolist())
    return {
        "rows": rows,
        "mean": float(centre),
        "std": float(((deviations.sum() + between) / (elements - 1)).sqrt()),
        "min": float(low.min()),
        "max": float(high.max()),
        "nonzero": elements - int(zeros.sum()),
        "nan": int(nan.sum()),
        "inf": int(inf.sum()),
        **{f"norm {name}": value for name, value in of_norms(norms).items()},
        "distinct_rows": len(copies),
        "largest_duplicate": max(copies.values()),
        "between_row_std": float(((squares.sum() - rows * (mean_row @ mean_row)) / elements).sqrt()),
        "pairwise_cosine": float((unit @ unit - rows) / (rows * (rows - 1))),
    }


def of_norms(norms: torch.Tensor) -> dict[str, float]:
    named = {"mean": norms.mean(), "std": norms.std(), "min": norms.min(), "max": norms.max()}
    return {name: float(value) for name, value in (named | {"median": norms.quantile(0.5)}).items()}


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
