"""The examples of docs/mask.md run, as far as their libraries are installed."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import rowscope
from rowscope.inspector.mask import FORMATS, mask, render_mask

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mask.md").read_text(encoding="utf-8")
DEMO = Path(rowscope.__file__).parent / "demo"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = {
    title.strip("`"): code
    for title, body in SECTIONS.items()
    for code in re.findall(r"```python\n(.*?)```", body, re.DOTALL)
}
WRITTEN = re.compile(r"# rowscope mask PATH --format (\S+) (?:-o|--output) (\S+)")
OURS = {"suppress_reserved", "reserved", "rowscope"}


def _imported(code: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found - OURS - set(sys.stdlib_module_names)


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where an OpenAI-style server would answer, and the bodies that it was sent."""
    bodies: list[dict[str, Any]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            data = json.dumps({"choices": [{"text": "4"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}", bodies
        running.shutdown()


def test_every_stack_that_takes_python_has_an_example() -> None:
    assert {
        "generation-config", "vllm", "sglang", "trl", "tensorrt-llm", "mlx", "xgrammar", "numpy", "python"
    } <= set(EXAMPLES)  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str, tmp_path: Path, server: tuple[str, list[dict[str, Any]]]) -> None:
    code = EXAMPLES[name]
    missing = {package for package in _imported(code) if find_spec(package) is None}
    written = WRITTEN.findall(code)
    assert all(format in FORMATS for format, _ in written)
    if missing:
        compile(code, name, "exec")
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    found = mask("demo")
    for format, file in written:
        data = render_mask(found, format)
        (tmp_path / file).write_bytes(data if isinstance(data, bytes) else data.encode())
    url, bodies = server
    # This machine may have no accelerator, which TRL asks for unless it is told otherwise.
    code = code.replace('output_dir="out"', 'output_dir="out", use_cpu=True, bf16=False')
    code = code.replace('"PATH"', repr(str(DEMO))).replace("http://localhost:30000", url)
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if name == "sglang":
        assert bodies[0]["custom_params"] == {"token_ids": found.ids.tolist()}
