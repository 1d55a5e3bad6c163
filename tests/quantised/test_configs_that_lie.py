"""Every format under configs that say nothing, or the wrong thing: its values all the same, or a refusal."""

import json
from contextlib import suppress

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.rows import open_rows

from .made import STEM
from .zoo import ZOO

ROWS, WIDTH = 40, 192

_LIE = {"bits": 2, "num_bits": 2, "group_size": 128, "q_group_size": 128, "weight_block_size": [64, 64]}
_GROUPS = {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 2, "group_size": 96}}}
CONFIGS = {
    "none": None,
    "no quantisation": {"quantization": None, "quantization_config": None},
    "another of MLX": {"quantization": _LIE, "quantization_config": None},
    "of compressed-tensors": {
        "quantization": None,
        "quantization_config": {"quant_method": "compressed-tensors", "config_groups": _GROUPS},
    },
    "another width": {"hidden_size": 1000},
    "no mappings": {"quantization": [1, 2], "quantization_config": "yes"},
}


def _values(folder):
    (matrix,) = rowscope.open_checkpoint(folder).matrices
    with open_rows(matrix) as reader:
        return reader.block(0, reader.rows).view(np.float32).copy()


def _write(folder, tensors, config, metadata=None):
    save_file(dict(tensors), folder / "model.safetensors", metadata=metadata)
    if config is not None:
        whole = {"vocab_size": ROWS, "hidden_size": WIDTH, "tie_word_embeddings": True, **config}
        kept = {key: value for key, value in whole.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))
    return folder


@pytest.mark.parametrize("name", ZOO)
def test_the_same_values_or_a_refusal(name, tmp_path):
    made = ZOO[name](ROWS, WIDTH)
    for number, (said, change) in enumerate(CONFIGS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        config = None if change is None else {**made.config, **change}
        _write(folder, made.tensors, config, made.metadata)
        with suppress(UndecodableError):
            assert np.array_equal(_values(folder), made.values), said


def _gptq(tmp_path, quantisation):
    made = ZOO["gptq 4 bit"](ROWS, WIDTH)
    return made.values, _write(tmp_path, made.tensors, {"quantization_config": quantisation})


@pytest.mark.parametrize(
    "said", [{"quant_method": "gptq"}, {"quant_method": "auto-round"}, {"desc_act": False}]
)
def test_writers_of_the_first_version_of_gptq_need_not_name_it(said, tmp_path):
    values, folder = _gptq(tmp_path, {"bits": 4, **said})
    assert np.array_equal(_values(folder), values)


@pytest.mark.parametrize("said", [{}, {"checkpoint_format": "gptq_v3"}, {"quant_method": "awq", "bits": 4}])
def test_a_version_of_gptq_that_nothing_tells_is_refused(said, tmp_path):
    """Its zeros may be off by one: every value would be off by a scale."""
    _, folder = _gptq(tmp_path, said)
    with pytest.raises(UndecodableError, match=r"nothing tells whether .*qzeros.*checkpoint_format"):
        _values(folder)


def test_bits_of_gptq_that_several_sizes_of_zeros_allow(tmp_path):
    """Zeros of 8 rows fill one word at 2, 3 and 4 bits: the width decides, or the config, else nobody."""
    made = ZOO["gptq 4 bit"](8, WIDTH)
    tensors = {name: value for name, value in made.tensors.items() if not name.endswith("g_idx")}
    said = {"quant_method": "gptq", "bits": 2}
    for number, (width, bits, good) in enumerate([(WIDTH, 2, True), (None, 4, True), (None, None, False)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        _write(folder, tensors, {"hidden_size": width, "quantization_config": {**said, "bits": bits}})
        if good:
            assert np.array_equal(_values(folder), made.values)
        else:
            with pytest.raises(UndecodableError, match=r"may hold .*nothing tells which"):
                _values(folder)


def test_integers_whose_zeros_the_config_announces(tmp_path):
    made = ZOO["int8 by row"](ROWS, WIDTH)
    groups = {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "symmetric": False}}}
    folder = _write(tmp_path, made.tensors, {"quantization_config": {"config_groups": groups}})
    with pytest.raises(UndecodableError, match=r"asymmetric, and .*weight_zero_point is missing"):
        _values(folder)


def test_bits_are_not_those_of_other_modules_where_the_config_excepts_this_one(tmp_path):
    """8 bits in groups of 32 and 4 in groups of 64 have the same shapes."""
    made = ZOO["mlx 8 bit by 32"](ROWS, WIDTH)
    said = {"bits": 4, "group_size": 64, STEM: False}
    folder = _write(tmp_path, made.tensors, {"hidden_size": None, "quantization": said})
    with pytest.raises(UndecodableError, match="nothing tells which"):
        _values(folder)
    said[STEM] = {"bits": 8, "group_size": 32}
    _write(tmp_path, made.tensors, {"hidden_size": None, "quantization": said})
    assert np.array_equal(_values(folder), made.values)
