"""atheris target: a whole audit, with any bytes as the config, the index, a tokenizer file, the claims.

Input: byte 0 picks the file that the rest replaces in a small sound checkpoint. The audit must end in a
report that every format can render, or in one RowscopeError. Slow beside the other targets: it runs
everything.
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
    from rowscope.inspector.audit import run as audit  # noqa: F401 - instrumented here, used through rowscope
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.render.audit.github import render_github
    from rowscope.inspector.render.audit.html import render_html
    from rowscope.inspector.render.audit.markdown import render_audit_markdown
    from rowscope.inspector.render.audit.sarif import render_sarif
    from rowscope.inspector.render.audit.text import render_audit

import numpy as np
from safetensors.numpy import save_file

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "rowscope-claim.json",
)
RENDERERS = (render_audit, render_audit_markdown, render_sarif, render_github, render_html)


def sound_checkpoint(folder: Path) -> None:
    """40 rows, of which 8 have no token and are copies of one vector."""
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("f4")
    rows[32:] = rows[32]
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")
    words = {f"w{id}": id for id in range(32)}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "w0"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    config = {"vocab_size": 40, "hidden_size": 8, "architectures": ["LlamaForCausalLM"], "eos_token_id": 3}
    (folder / "config.json").write_text(json.dumps(config))


_ROOT = Path(tempfile.mkdtemp(prefix="fuzz-folder-"))
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
_SOUND, _FOLDER = _ROOT / "sound", _ROOT / "fuzzed"
_SOUND.mkdir()
sound_checkpoint(_SOUND)


def one_input(data: bytes) -> None:
    """Audit one folder and render its report."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    shutil.copytree(_SOUND, _FOLDER)
    name = FILES[data[0] % len(FILES)] if data else FILES[0]
    (_FOLDER / name).write_bytes(data[1:])
    try:
        report = rowscope.audit(_FOLDER)
    except RowscopeError as error:
        if not error.message:
            raise RuntimeError("an error without a message") from error
        return
    json.dumps(report.to_dict(), allow_nan=False)
    for render in RENDERERS:
        text = render(report, exit_code=report.exit_code())
        assert all(c == "\n" or c.isprintable() for c in text), f"{render.__name__}: not printable"
        text.encode()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
