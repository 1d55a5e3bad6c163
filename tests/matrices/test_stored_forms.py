"""A table is present in whatever form it is stored: wrapped by a training library, packed by a quantiser."""

import numpy as np
import pytest

import rowscope
from rowscope.inspector.matrices.stored import FORMS

ROWS, WIDTH = 160, 32
EMBEDDING = "model.embed_tokens"
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": ROWS,
    "hidden_size": WIDTH,
    "tie_word_embeddings": False,
}

# The main tensor of a table of ROWS x WIDTH in each packed form, as its writer shapes it (4 bits).
PACKED = {
    ".weight_packed": np.zeros((ROWS, WIDTH // 8), "i4"),
    ".qweight": np.zeros((WIDTH // 8, ROWS), "i4"),
    "._weight_qdata": np.zeros((ROWS, WIDTH), "i1"),
    ".weight._data": np.zeros((ROWS, WIDTH), "i1"),
    ".embedding_quantized": np.zeros((ROWS, WIDTH), "i1"),
    ".q_weight": np.zeros((WIDTH // 8, ROWS), "i4"),
    ".trellis": np.zeros((WIDTH // 16, ROWS // 16, 64), "i2"),
    ".W_q": np.zeros((ROWS * WIDTH // 2, 1), "u1"),
    ".codes": np.zeros((ROWS, WIDTH // 8, 1), "i2"),
    ".Qidxs": np.zeros((ROWS, WIDTH // 8), "i2"),
}


def rows(seed=1):
    return np.random.default_rng(seed).normal(size=(ROWS, WIDTH)).astype("f4")


def test_every_packed_form_is_tried():
    assert set(PACKED) == {form.suffix for form in FORMS if form.packed}


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("wrapper", ["", ".base_layer"])
def test_a_packed_head_is_present(tmp_path, write_checkpoint, suffix, wrapper):
    head = f"lm_head{wrapper}{suffix}"
    write_checkpoint(tmp_path, {f"{EMBEDDING}.weight": rows(), head: PACKED[suffix]}, CONFIG)
    layout = rowscope.open_checkpoint(tmp_path).layout
    assert [(matrix.role, matrix.tensor) for matrix in layout.matrices] == [
        ("input", f"{EMBEDDING}.weight"),
        ("output", head),
    ]
    assert layout.matrices[1].shape == (ROWS, WIDTH)
    assert layout.matrices[1].packing
    report = rowscope.audit(tmp_path)
    assert [finding.code for finding in report.findings if finding.code.startswith("TIE")] == []


def test_a_head_packed_in_a_way_that_nobody_knows_is_present(tmp_path, write_checkpoint):
    tensors = {
        f"{EMBEDDING}.weight": rows(),
        "lm_head.zz_codes": np.zeros((ROWS, 4), "u1"),
        "lm_head.zz_scales": np.zeros((ROWS, 1), "f4"),
    }
    layout = rowscope.open_checkpoint(write_checkpoint(tmp_path, tensors, CONFIG)).layout
    assert layout.of_role("output").tensor == "lm_head.zz_codes"


def test_what_an_adapter_hangs_under_a_head_is_no_head(tmp_path, write_checkpoint):
    tensors = {
        f"{EMBEDDING}.weight": rows(),
        "lm_head.lora_A.weight": np.zeros((4, WIDTH), "f4"),
        "lm_head.lora_B.weight": np.zeros((ROWS, 4), "f4"),
        "lm_head.lora_magnitude_vector": np.zeros((ROWS, 1), "f4"),
    }
    layout = rowscope.open_checkpoint(write_checkpoint(tmp_path, tensors, CONFIG)).layout
    assert layout.of_role("output") is None


@pytest.mark.parametrize(
    "middle",
    [
        "base_layer.",
        "modules_to_save.default.",
        "modules_to_save.mine.",
        "token_adapter.base_layer.",
        "_fsdp_wrapped_module.",
        "_checkpoint_wrapped_module.base_layer.",
    ],
)
def test_a_wrapped_table_is_read(tmp_path, write_checkpoint, middle):
    head = rows(2)
    tensors = {f"{EMBEDDING}.weight": rows(), f"base_model.model.lm_head.{middle}weight": head}
    write_checkpoint(tmp_path, tensors, CONFIG)
    assert rowscope.open_checkpoint(tmp_path).layout.of_role("output").packing is None
    found = rowscope.row_table(tmp_path, role="output")
    np.testing.assert_allclose(found.norm, np.linalg.norm(head.astype("f8"), axis=1), rtol=1e-12)


def test_the_trained_copy_goes_before_the_one_it_replaces(tmp_path, write_checkpoint):
    tensors = {
        f"{EMBEDDING}.original_module.weight": rows(1),
        f"{EMBEDDING}.modules_to_save.default.weight": rows(2),
    }
    checkpoint = rowscope.open_checkpoint(write_checkpoint(tmp_path, tensors, CONFIG))
    assert checkpoint.matrices[0].tensor == f"{EMBEDDING}.modules_to_save.default.weight"


@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_static_embeddings_are_an_input_matrix(tmp_path, write_checkpoint, dtype):
    tokens = {f"t{id}": id for id in range(ROWS)}
    write_checkpoint(tmp_path, {"embeddings": rows().astype(dtype)}, {"model_type": "model2vec"}, tokens)
    report = rowscope.audit(tmp_path)
    assert [(matrix.role, matrix.tensor) for matrix in report.matrices] == [("input", "embeddings")]
    assert report.census.groups["base"].count == ROWS
    assert report.exit_code() == 0
