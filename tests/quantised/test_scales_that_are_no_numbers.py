"""A scale that is NaN, infinite or zero: which rows it touches, and what the audit says of them."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope

from .made import STEM
from .zoo import ZOO

ROWS, TOKENS, WIDTH = 200, 150, 128

TOUCHED = {
    # table: (tensor, place in it, rows that the place belongs to)
    "mlx 4 bit by 64": ("scales", (17, 1), [17]),
    "mlx 8 bit by 32": ("biases", (18, 0), [18]),
    "fp8 by row": ("weight_scale", (3, 0), [3]),
    "fp8 by group": ("weight_scale", (4, 2), [4]),
    "fp8 by block": ("weight_scale", (1, 0), range(128, ROWS)),
    "fp8 by block, inverse": ("weight_scale_inv", (0, 0), range(128)),
    "int8 by row, zeros": ("weight_scale", (5, 0), [5]),
    "packed 4 bit": ("weight_scale", (6, 3), [6]),
    "packed 8 bit by tensor, zeros": ("weight_scale", 0, range(ROWS)),
    "nvfp4 of ModelOpt": ("weight_scale_2", (), range(ROWS)),
    "gemma 4 bit": ("embedding_scale", (7, 0), [7]),
    "torchao int4": ("_weight_scale", (2, 8), [8]),
    "gptq 4 bit": ("scales", (1, 9), [9]),
    "awq": ("scales", (0, 10), [10]),
    "nf4": ("weight.absmax", 2 * 11 + 1, [11]),
    "bitsandbytes int8": ("SCB", 12, [12]),
}


@pytest.fixture
def make(tmp_path, write_checkpoint):
    def write(name, number, tensor, place):
        made = ZOO[name](ROWS, WIDTH)
        made.tensors[f"{STEM}.{tensor}"][place] = number
        config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": WIDTH}
        config |= {"vocab_size": ROWS, "tie_word_embeddings": True, **made.config}
        folder = write_checkpoint(tmp_path, {}, config, {f"word{i}": i for i in range(TOKENS)})
        save_file(made.tensors, folder / "model.safetensors", metadata=made.metadata)
        return folder

    return write


@pytest.mark.parametrize("number", [np.nan, np.inf], ids=["nan", "inf"])
@pytest.mark.parametrize("name", TOUCHED)
def test_the_rows_of_the_scale_are_not_finite(name, number, make):
    tensor, place, rows = TOUCHED[name]
    folder = make(name, number, tensor, place)
    report = rowscope.audit(folder).to_dict()
    finding = next(f for f in report["findings"] if f["code"] == "ROW201")
    assert finding["evidence"]["ids"] == list(rows)
    (matrix,) = report["matrices"]
    counts = [matrix["groups"][group]["verdicts"]["nonfinite"] for group in ("used", "reserved")]
    assert sum(counts) == len(rows)
    table = rowscope.row_table(folder, evidence=True)
    assert np.flatnonzero(table.verdict == "nonfinite").tolist() == list(rows)
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize("name", ["fp8 by row", "int8 by row", "packed 4 bit by channel", "gemma 8 bit"])
def test_a_scale_of_zero_makes_a_zero_row(name, make):
    tensor = "embedding_scale" if name.startswith("gemma") else "weight_scale"
    folder = make(name, 0, tensor, (TOKENS - 1, 0))
    table = rowscope.row_table(folder, evidence=True)
    assert np.flatnonzero(table.verdict == "zero").tolist() == [TOKENS - 1]
    assert any(finding.code == "ROW202" for finding in rowscope.audit(folder).findings)


def test_a_scale_of_zero_in_mlx_leaves_the_offset(make):
    folder = make("mlx 4 bit by 64", 0, "scales", 20)
    table = rowscope.row_table(folder, evidence=True)
    assert table.norm[20] > 0
    assert table.nonzero[20] == WIDTH
    assert (table.verdict != "nonfinite").all()
