"""What stands beside a table, or is missing there: nothing that may change values is passed over."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.rows import open_rows

from ..writing import pack
from .formulas import gptq, mlx, whole
from .made import FP4, STEM, named, spread, stream
from .zoo import ZOO

ROWS, WIDTH = 72, 128
F4 = np.float32


def _refused(checkpoint, reason):
    with pytest.raises(UndecodableError, match=reason):
        open_rows(checkpoint.matrices[0])
    report = rowscope.audit(checkpoint)
    assert (report.matrices, report.complete, report.census.input_rows) == ((), False, ROWS)


UNREAD = {
    "mlx 4 bit by 64": ("global_scale", (1,)),
    "fp8 by row": ("weight_scale_2", ()),
    "fp8 by tensor": ("pre_quant_scale", (WIDTH,)),
    "fp8 by block": ("weight_scale_inv", (1, 1)),
    "int8 by row": ("smooth_scale", (WIDTH,)),
    "nvfp4": ("weight_zero_point", (ROWS, 8)),
    "nvfp4 of ModelOpt": ("pre_quant_scale", (WIDTH,)),
    "packed 4 bit": ("weight_codebook", (16,)),
    "gptq 4 bit": ("channel_scale", (WIDTH,)),
    "nf4": ("weight.outliers", (3,)),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_tensor_that_nobody_read_refuses_the_table(name, store):
    made, (side, shape) = ZOO[name](ROWS, WIDTH), UNREAD[name]
    tensors = {**made.tensors, f"{STEM}.{side}": np.ones(shape, F4)}
    _refused(store(tensors, ROWS, WIDTH, **made.config), rf"{side}.*not known")


@pytest.mark.parametrize("name", ["fp8 by tensor", "int8 by row", "gptq 4 bit", "mlx 4 bit by 64"])
def test_scales_of_activations_and_biases_change_no_row(name, store, decoded):
    made = ZOO[name](ROWS, WIDTH)
    sides = {
        f"{STEM}.{side}": np.ones(3, F4)
        for side in ("input_scale", "input_scale_ub", "output_scale", "bias", "k_scale")
    }
    checkpoint = store({**made.tensors, **sides}, ROWS, WIDTH, **made.config)
    assert np.array_equal(decoded(checkpoint), made.values)


def test_fp8_without_a_scale_is_plain_unless_the_config_speaks_of_one(store, decoded):
    tensors = named(weight=np.ones((ROWS, WIDTH), ml_dtypes.float8_e4m3fn))
    checkpoint = store(tensors, ROWS, WIDTH)
    assert checkpoint.matrices[0].packed is None
    _refused(store(tensors, ROWS, WIDTH, quantization_config={"quant_method": "fp8"}), "no scale beside it")


def _two_files(folder, one, two, *, listed=()):
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for name, tensors in zip(names, (one, two), strict=True):
        save_file(tensors, folder / name)
    places = {**dict.fromkeys(one, names[0]), **dict.fromkeys((*two, *listed), names[1])}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder / names[0]


def test_scales_may_lie_in_another_file(tmp_path, decoded):
    made = whole(ml_dtypes.float8_e4m3fn, "row")(ROWS, WIDTH)
    codes, scale = (f"{STEM}.{leaf}" for leaf in ("weight", "weight_scale"))
    lone = _two_files(tmp_path, {codes: made.tensors[codes]}, {scale: made.tensors[scale]})
    assert np.array_equal(decoded(rowscope.open_checkpoint(tmp_path)), made.values)
    with pytest.raises(UndecodableError, match="one of 2 files, its scale may be in another"):
        open_rows(rowscope.open_checkpoint(lone).matrices[0])


def test_a_side_that_the_index_lists_and_no_file_holds(tmp_path):
    made = ZOO["packed 4 bit"](ROWS, WIDTH)
    _two_files(
        tmp_path,
        made.tensors,
        {"model.norm.weight": np.ones(WIDTH, F4)},
        listed=[f"{STEM}.weight_zero_point"],
    )
    with pytest.raises(UndecodableError, match="weight_zero_point' is in a file that is not there"):
        open_rows(rowscope.open_checkpoint(tmp_path).matrices[0])


def test_an_index_of_groups_that_was_never_filled_means_groups_in_order(store, decoded):
    made = ZOO["packed 4 bit"](ROWS, WIDTH)
    columns = np.full(WIDTH, -1, np.int32)
    checkpoint = store({**made.tensors, f"{STEM}.weight_g_idx": columns}, ROWS, WIDTH, **made.config)
    assert np.array_equal(decoded(checkpoint), made.values)
    columns[0] = 0
    mixed = store({**made.tensors, f"{STEM}.weight_g_idx": columns}, ROWS, WIDTH, **made.config)
    with pytest.raises(UndecodableError, match="points at -1"):
        open_rows(mixed.matrices[0])


def test_what_the_config_announces_must_be_there(store):
    made = ZOO["packed 4 bit"](ROWS, WIDTH)
    weights = {"num_bits": 4, "symmetric": False}
    config = {"config_groups": {"group_0": {"weights": weights}}}
    _refused(store(made.tensors, ROWS, WIDTH, quantization_config=config), "weight_zero_point is missing")
    tensors = gptq(4, "gptq")(ROWS, WIDTH).tensors
    del tensors[f"{STEM}.g_idx"]
    _refused(
        store(tensors, ROWS, WIDTH, quantization_config={"bits": 4, "desc_act": True}), "g_idx is missing"
    )


def test_mlx_bits_of_a_module_go_before_those_of_the_whole(store, decoded):
    """The table in 6 bits in groups of 32, the rest in 4 in groups of 64; norms tell the width."""
    made = mlx(6, 32)(ROWS, WIDTH)
    settings = {"group_size": 64, "bits": 4, STEM: {"group_size": 32, "bits": 6}, "lm_head": False}
    norms = {"model.norm.weight": np.ones(WIDTH, F4), "model.layers.0.norm.weight": np.ones(7, F4)}
    for key in ("quantization", "quantization_config"):
        for more, width in (({}, WIDTH), ({}, None), (norms, None)):
            checkpoint = store({**made.tensors, **more}, ROWS, width, **{key: settings})
            assert np.array_equal(decoded(checkpoint), made.values)
            assert checkpoint.matrices[0].packed.notes == ()
    assert np.array_equal(decoded(store({**made.tensors, **norms}, ROWS, None)), made.values)


def test_mlx_bits_that_nothing_tells_are_not_guessed(store):
    made = mlx(8, 32)(ROWS, WIDTH)
    _refused(store(made.tensors, ROWS, None), "2 bits in groups of 128 or 4 bits in groups of 64 or 8 bits")


def test_the_last_group_may_be_narrower_where_the_config_says_so(store, decoded):
    """96 columns in groups of 64: the second has 32, not 48 of each."""
    made = gptq(4, "gptq")(ROWS, 96)
    values = {name.rpartition(".")[2]: value for name, value in made.tensors.items()}
    tensors = named(qweight=values["qweight"], qzeros=values["qzeros"][:2], scales=values["scales"][:2])
    said = {"quant_method": "gptq", "bits": 4, "group_size": 64}
    checkpoint = store(tensors, ROWS, 96, quantization_config=said)
    codes = (values["qweight"].T.copy().view(np.uint32)[:, :, None] >> np.arange(0, 32, 4, dtype="u4")) & 15
    zeros = (values["qzeros"][:2].view(np.uint32)[:, :, None] >> np.arange(0, 32, 4, dtype="u4")) & 15
    zero = spread(zeros.reshape(2, -1).T, 64, 96)
    expected = (codes.reshape(ROWS, 96) - (zero + 1)) * spread(values["scales"][:2].T, 64, 96)
    assert np.array_equal(decoded(checkpoint), expected.astype(F4))


@pytest.mark.parametrize(
    ("dtype", "lane"),
    [("F8_E4M3FNUZ", ml_dtypes.float8_e4m3fnuz), ("F8_E5M2FNUZ", ml_dtypes.float8_e5m2fnuz)],
)
def test_dtypes_that_numpy_does_not_save(dtype, lane, tmp_path, decoded):
    codes = np.random.default_rng(3).integers(0, 127, (ROWS, WIDTH), dtype=np.uint8)
    scale = np.random.default_rng(4).random((ROWS, 1), dtype=F4)
    _raw(
        tmp_path,
        {f"{STEM}.weight": (dtype, [ROWS, WIDTH], codes), f"{STEM}.weight_scale": ("F32", [ROWS, 1], scale)},
    )
    expected = codes.view(lane).astype(F4) * scale
    found = decoded(rowscope.open_checkpoint(tmp_path))
    finite = np.isfinite(expected)
    assert finite.mean() > 0.9
    assert np.array_equal(found[finite], expected[finite])


def test_four_bit_floats_of_their_own_dtype_with_scales(tmp_path, decoded):
    codes = np.random.default_rng(3).integers(0, 16, (ROWS, WIDTH), dtype=np.uint8)
    powers = np.random.default_rng(4).integers(110, 130, (ROWS, WIDTH // 32), dtype=np.uint8)
    table = {
        f"{STEM}.weight": ("F4", [ROWS, WIDTH], stream(codes, 4, np.uint8)),
        f"{STEM}.weight_scale": ("F8_E8M0", [ROWS, WIDTH // 32], powers),
    }
    _raw(tmp_path, table)
    checkpoint = rowscope.open_checkpoint(tmp_path)
    expected = FP4[codes] * spread(np.exp2(powers.astype(F4) - 127), 32, WIDTH)
    assert np.array_equal(decoded(checkpoint), expected)
    assert checkpoint.matrices[0].packed.format == "fp4-group"


def _raw(folder, tensors):
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = values.tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header)
    (folder / "model.safetensors").write_bytes(pack(text + " " * (-len(text) % 8), data))


def test_elements_of_bitsandbytes_in_another_order_or_storage(store, decoded):
    made = ZOO["bitsandbytes int8"](ROWS, WIDTH)
    other = {**made.tensors, f"{STEM}.weight_format": np.array(2, np.uint8)}
    _refused(store(other, ROWS, WIDTH), "weight_format.*order of rows")
    made = ZOO["nf4"](ROWS, WIDTH)
    stored = made.tensors[f"{STEM}.weight"].reshape(-1).view(ml_dtypes.bfloat16)[:, None]
    tensors = {**made.tensors, f"{STEM}.weight": stored}  # `bnb_4bit_quant_storage: bfloat16`
    checkpoint = store(tensors, ROWS, WIDTH)
    assert checkpoint.matrices[0].shape == (ROWS, WIDTH)
    assert np.array_equal(decoded(checkpoint), made.values)
