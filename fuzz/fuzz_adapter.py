"""atheris target: PEFT adapters whose settings or header are any bytes, alone and on their base.

Input: byte 0 below 128 makes the rest `adapter_config.json`, else the header of `adapter_model.safetensors`,
whose data are zeros of the size that a sound adapter has. Both audits must end in a report that can be
printed or in one RowscopeError.
"""

from __future__ import annotations

import atexit
import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    import rowscope
    from rowscope.inspector.audit import run as audit  # noqa: F401 - instrumented here, used through rowscope
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.render.audit.text import render_audit

import numpy as np
from safetensors.numpy import save_file

_PREFIX = "base_model.model.model.embed_tokens"
_DATA = 4 * (2 * 40 + 8 * 2 + 3 * 8)
SETTINGS = {
    "peft_type": "LORA",
    "base_model_name_or_path": "../base",
    "r": 2,
    "lora_alpha": 4,
    "target_modules": ["embed_tokens"],
    "trainable_token_indices": {"embed_tokens": [3, 5, 7]},
}
HEADER = {
    f"{_PREFIX}.lora_embedding_A": {"dtype": "F32", "shape": [2, 40], "data_offsets": [0, 320]},
    f"{_PREFIX}.lora_embedding_B": {"dtype": "F32", "shape": [8, 2], "data_offsets": [320, 384]},
    f"{_PREFIX}.token_adapter.trainable_tokens_delta": {
        "dtype": "F32",
        "shape": [3, 8],
        "data_offsets": [384, 480],
    },
}

_ROOT = Path(tempfile.mkdtemp(prefix="fuzz-adapter-"))
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
_BASE, _ADAPTER = _ROOT / "base", _ROOT / "adapter"


def write_base(folder: Path) -> None:
    """40 rows with a word each."""
    folder.mkdir()
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("f4")
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")
    (folder / "vocab.json").write_text(json.dumps({f"w{id}": id for id in range(40)}))
    config = {"vocab_size": 40, "hidden_size": 8, "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))


write_base(_BASE)
_ADAPTER.mkdir()


def one_input(data: bytes) -> None:
    """Audit one adapter alone and on its base."""
    settings, header = json.dumps(SETTINGS).encode(), json.dumps(HEADER).encode()
    if data[:1] < b"\x80":
        settings = data[1:]
    else:
        header = data[1:]
    (_ADAPTER / "adapter_config.json").write_bytes(settings)
    packed = struct.pack("<Q", len(header)) + header + bytes(_DATA)
    (_ADAPTER / "adapter_model.safetensors").write_bytes(packed)
    for base in (None, _BASE):
        try:
            report = rowscope.audit(_ADAPTER, base=base)
        except RowscopeError as error:
            if not error.message:
                raise RuntimeError("an error without a message") from error
            continue
        json.dumps(report.to_dict(), allow_nan=False)
        text = render_audit(report, exit_code=report.exit_code())
        assert all(c == "\n" or c.isprintable() for c in text), "not printable"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
