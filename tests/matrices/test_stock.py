"""Stock checkpoints of registered classes, tables random, the tokenizer made: no error of FIL, VOC or TIE."""

import json
import math
import struct

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra model")
pytest.importorskip("transformers", minversion="5.0", reason="classes of transformers 5")
tokenizers = pytest.importorskip("tokenizers", reason="extra tokenizer")

import rowscope  # noqa: E402
from rowscope.inspector.errors import NoMatrixError  # noqa: E402
from rowscope.inspector.header.rules import DTYPE_BITS  # noqa: E402

from . import registered  # noqa: E402
from .test_registered import CHOSEN  # noqa: E402

VOCAB = 320
UNCUT = ("musicgen", "musicgen_melody")
"""Two vocabularies that are told apart by their sizes: cut, they would have one."""


def write(folder, answer):
    """The class as it would be saved: its vocabulary tables random, the rest a hole in the file."""
    header, at = {}, 0
    for name, (dtype, shape) in answer.tensors.items():
        size = DTYPE_BITS[dtype] * math.prod(shape) // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(0)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        start = file.tell()
        file.truncate(start + at)
        for name in answer.input_names | answer.output_names:
            dtype, shape = answer.tensors.get(name, ("", ()))
            if dtype == "F32":
                file.seek(start + header[name]["data_offsets"][0])
                file.write((0.02 * random.standard_normal(shape, dtype="f4")).tobytes())
    (folder / "config.json").write_text(
        json.dumps(answer.config if answer.model_type in UNCUT else _within(answer.config))
    )
    entries = {f"word{id}": id for id in range(answer.input_rows or VOCAB)}
    model = tokenizers.models.WordLevel(entries, unk_token="word0")
    tokenizers.Tokenizer(model).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


def _within(value, key=""):
    """The config with the special ids that the cut vocabulary no longer has moved to its end."""
    if isinstance(value, dict):
        return {name: _within(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_within(inner, key) for inner in value]
    special = key.endswith(("_token_id", "_token_index")) and type(value) is int
    return min(value, VOCAB - 1) if special else value


@pytest.mark.parametrize(("kind", "name"), CHOSEN)
def test_no_error_where_transformers_loads_without_a_word(kind, name, tmp_path):
    try:
        answer = registered.answer(kind, name, vocab=None if kind in UNCUT else VOCAB)
    except registered.FAULTS as error:  # any class may fail in its own way
        pytest.skip(f"not built: {str(error).splitlines()[0][:80]}")
    write(tmp_path, answer)
    try:
        report = rowscope.audit(tmp_path)
    except NoMatrixError:
        pytest.skip("no vocabulary table")
    found = [finding for finding in report.findings if finding.code[:3] in ("VOC", "TIE", "FIL")]
    assert [(finding.code, finding.message) for finding in found if finding.severity == "error"] == []


def test_a_projection_in_a_layer_is_no_head(tmp_path):
    """LED and BigBird: each layer's attention has an `output.weight`, as wide as the model."""
    from safetensors.numpy import save_file

    names = [f"led.encoder.layers.{layer}.self_attn.output.weight" for layer in range(2)]
    tensors = {name: np.ones((64, 64), "f4") for name in names}
    save_file(tensors | {"led.shared.weight": np.ones((32, 64), "f4")}, tmp_path / "model.safetensors")
    config = {"model_type": "led", "architectures": ["LEDForConditionalGeneration"], "vocab_size": 32}
    (tmp_path / "config.json").write_text(json.dumps(config))
    matrices = rowscope.open_checkpoint(tmp_path).matrices
    assert [(matrix.role, matrix.tensor) for matrix in matrices] == [("both", "led.shared.weight")]
