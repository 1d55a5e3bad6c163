"""atheris target: settings files and baselines of any bytes.

Input: byte 0 says whether the rest is `rowscope.toml`, `pyproject.toml` or a baseline. Settings must be read
or refused with one RowscopeError; with a baseline, findings may go, and none may come or lose its severity.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    import rowscope
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.gate import apply_baseline, read_baseline, read_settings

import numpy as np
from safetensors.numpy import save_file

FILES = ("rowscope.toml", "pyproject.toml", "baseline.json")

_ROOT = Path(tempfile.mkdtemp(prefix="fuzz-gate-"))
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
_FOLDER, _CHECKPOINT = _ROOT / "project", _ROOT / "checkpoint"
_FOLDER.mkdir()
_CHECKPOINT.mkdir()


def write_checkpoint(folder: Path) -> None:
    """One that gives findings: ids without a row, rows without a token."""
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("f4")
    rows[32:] = 0
    rows[3] = np.nan
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")
    (folder / "vocab.json").write_text(json.dumps({f"w{id}": id for id in range(34)}))
    config = {"vocab_size": 41, "hidden_size": 8, "eos_token_id": 39, "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))


write_checkpoint(_CHECKPOINT)
_REPORT = rowscope.audit(_CHECKPOINT)
_KNOWN = {(finding.code, finding.location): finding.severity for finding in _REPORT.findings}


def one_input(data: bytes) -> None:
    """Read one file, and put it to use."""
    name = FILES[data[0] % len(FILES)] if data else FILES[0]
    path = _FOLDER / name
    path.write_bytes(data[1:])
    try:
        if name == "baseline.json":
            report = apply_baseline(_REPORT, read_baseline(path))
            left = {(finding.code, finding.location) for finding in report.findings}
            assert left <= set(_KNOWN), "a finding that the audit did not make"
            json.dumps(report.to_dict(), allow_nan=False)
        else:
            settings = read_settings(_FOLDER)
            assert settings.source in (None, path), "settings from another file"
    except RowscopeError as error:
        if not error.message:
            raise RuntimeError("an error without a message") from error
    finally:
        path.unlink()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
