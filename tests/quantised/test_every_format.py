"""Every format in turn: its values, what the report says of its storage, and what a claim does with it."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.claim import apply_claim_in_place
from rowscope.inspector.errors import RefusedError

from .made import STEM
from .zoo import ZOO

ROWS, TOKENS, WIDTH = 136, 100, 192  # two blocks of rows, the last of 8; groups of 32 and 64, blocks of 128


@pytest.fixture
def make(tmp_path, write_checkpoint):
    def write(name, rows=ROWS, width=WIDTH):
        made = ZOO[name](rows, width)
        config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": width,
            "vocab_size": rows,
            "tie_word_embeddings": True,
            **made.config,
        }
        tokens = {f"word{i}": i for i in range(TOKENS)}
        folder = write_checkpoint(tmp_path / "source", {}, config, tokens)
        save_file(made.tensors, folder / "model.safetensors", metadata=made.metadata)
        return made, folder

    return write


@pytest.mark.parametrize("name", ZOO)
def test_values_are_those_of_the_formula(name, make, decoded):
    made, folder = make(name)
    assert np.array_equal(decoded(rowscope.open_checkpoint(folder)), made.values)


@pytest.mark.parametrize("name", ZOO)
def test_the_report_says_how_it_is_stored(name, make):
    made, folder = make(name)
    report = rowscope.audit(folder)
    (matrix,) = report.to_dict()["matrices"]
    form, bits, group, shape = made.storage
    assert matrix["storage"].pop("label")
    assert matrix["storage"] == {"format": form, "bits": bits, "group": group, "scale_shape": shape}
    assert matrix["shape"] == [ROWS, WIDTH]
    norms = np.linalg.norm(made.values[:TOKENS].astype("f8"), axis=1)
    assert matrix["groups"]["used"]["norm"]["median"] == pytest.approx(np.median(norms), rel=1e-12)


@pytest.mark.parametrize("name", ZOO)
def test_a_claim_writes_or_refuses_with_the_reason_and_undo_restores(name, make):
    made, folder = make(name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    if made.own_rows:
        apply_claim_in_place(rowscope.plan_claim(folder, ["<new>"]))
        assert (folder / "model.safetensors").read_bytes() != before["model.safetensors"]
        rowscope.undo_claim(folder)
    else:
        with pytest.raises(RefusedError, match=r"quantised \(.*--values keep"):
            rowscope.plan_claim(folder, ["<new>"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    apply_claim_in_place(rowscope.plan_claim(folder, ["<new>"], values="keep"))
    assert (folder / "model.safetensors").read_bytes() == before["model.safetensors"]
    assert (folder / "tokenizer.json").read_bytes() != before["tokenizer.json"]
    rowscope.undo_claim(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


ODD = {
    "mlx 3 bit by 64": (33, 320),
    "mlx 5 bit by 32": (33, 96),
    "mlx 6 bit by 64": (7, 832),
    "fp8 by block": (300, 200),
    "fp8 by block, inverse": (129, 130),
    "packed 3 bit": (35, 96),
    "packed 5 bit": (33, 160),
    "packed 7 bit": (9, 224),
    "packed 3 bit by channel, zeros": (45, 77),
    "packed 4 bit, zeros": (37, 64),
    "gptq 3 bit": (45, 96),
    "nf4": (24, 320),
    "gemma 2 bit": (17, 36),
    "mxfp6": (5, 32),
}
"""Rows and widths that end within words, blocks and streams."""


@pytest.mark.parametrize("name", ODD)
def test_odd_sizes(name, make, decoded):
    rows, width = ODD[name]
    made, folder = make(name, rows, width)
    assert np.array_equal(decoded(rowscope.open_checkpoint(folder)), made.values)


def test_a_scale_without_dimensions_or_with_one(make, decoded):
    for shape in ((), (1,), (1, 1)):
        made, folder = make("fp8 by tensor")
        name = f"{STEM}.weight_scale"
        tensors = {**made.tensors, name: made.tensors[name].reshape(shape)}
        save_file(tensors, folder / "model.safetensors")
        assert np.array_equal(decoded(rowscope.open_checkpoint(folder)), made.values)
