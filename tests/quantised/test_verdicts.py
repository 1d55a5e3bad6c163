"""Verdicts of quantised tables beside those of the plain table they were made from."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.rows import open_rows

from .conftest import STEM

GROUP = 64


def _packed(rows, bits):
    """Rows of whole groups in MLX's affine packing, by the formula: scales and offsets in float32."""
    groups = rows.reshape(len(rows), -1, GROUP)
    low, high = groups.min(2, keepdims=True), groups.max(2, keepdims=True)
    scale = np.where(high > low, (high - low) / (2**bits - 1), 1).astype("f4")
    codes = np.rint((groups - low) / scale).astype(np.uint8)
    flags = (codes.reshape(*rows.shape, 1) >> np.arange(bits, dtype=np.uint8)) & 1
    words = np.packbits(flags.reshape(len(rows), -1), axis=1, bitorder="little").view(np.uint32)
    return {
        f"{STEM}.weight": words,
        f"{STEM}.scales": scale[:, :, 0],
        f"{STEM}.biases": low[:, :, 0].astype("f4"),
    }


@pytest.fixture(scope="module")
def plain():
    return rowscope.row_table("demo", evidence=True)


def _quantised(folder, bits):
    """The demo with its table in so many bits."""
    source = open_checkpoint("demo")
    with open_rows(source.matrices[0]) as reader:
        values = reader.decode(np.arange(reader.rows)).astype("f4")
    for path in source.root.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            shutil.copy(path, folder)
    save_file(_packed(values, bits), folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config["quantization"] = {"group_size": GROUP, "bits": bits}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(("bits", "share"), [(8, 0.998), (4, 0.98)])
def test_they_agree_and_no_collapsed_row_is_lost(bits, share, plain, tmp_path):
    found = rowscope.row_table(_quantised(tmp_path, bits), evidence=True)
    assert (found.verdict == plain.verdict).mean() >= share
    assert not ((plain.verdict == "collapsed") & (found.verdict != "collapsed")).any()
    assert ("high" in found.confidence) == (bits >= 5)
    assert np.allclose(found.norm, plain.norm, rtol=0.2)


def test_a_mask_of_a_quantised_table_is_that_of_the_plain_one(plain, tmp_path):
    wanted = rowscope.mask("demo", "untrained").ids
    found = rowscope.mask(_quantised(tmp_path, 8), "untrained").ids
    assert np.setdiff1d(wanted, found).size == 0
    assert np.setdiff1d(found, wanted).size <= 8


def test_rows_that_tie_by_rounding_are_no_copies(tmp_path, write_checkpoint):
    """Twenty trained rows that differ by less than a step of two bits, and fifty that are one vector."""
    random = np.random.default_rng(5)
    basis = random.normal(size=(12, 128))
    rows = random.normal(size=(400, 12)) @ basis + 0.2 * random.normal(size=(400, 128))
    apart = 0.004 * random.normal(size=(20, 128))
    for group in np.split(np.arange(128), 128 // GROUP):  # with the same extremes they have the same scales
        apart[:, group[[rows[100, group].argmin(), rows[100, group].argmax()]]] = 0
    rows[100:120] = rows[100] + apart
    rows[350:] = random.normal(size=128) * 3
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 128,
        "vocab_size": 400,
        "tie_word_embeddings": True,
        "quantization": {"group_size": GROUP, "bits": 2},
    }
    tokens = {f"word{i}": i for i in range(350)}
    folder = write_checkpoint(tmp_path, _packed(rows.astype("f4"), 2), config, tokens)
    table = rowscope.row_table(folder, evidence=True)
    tied = table.duplicates[100:120] >= 3
    assert tied.sum() >= 3  # rounding made some of them equal
    assert (table.verdict[100:120][tied] != "collapsed").all()
    assert (table.verdict[350:] == "collapsed").all()
    assert "high" not in table.confidence
