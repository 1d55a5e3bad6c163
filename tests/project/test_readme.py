"""The README's output is what the command prints, and its Python runs."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_output_shown_is_real():
    done = subprocess.run(
        [sys.executable, "-m", "rowscope", "audit", "demo"], capture_output=True, text=True, check=True
    )
    found = re.sub(r"in [\d.]+ s", "in 0.07 s", done.stdout)
    (shown,) = blocks("text")
    parts = shown.split("[…]\n")
    assert found.startswith(parts[0])
    assert found.endswith(parts[-1])
    at = 0
    for part in parts:
        at = found.index(part, at) + len(part)


def test_the_python_runs():
    (code,) = blocks("python")
    plain = "import sys; sys.modules.update(pandas=None, pyarrow=None, torch=None)\n"  # as without extras
    done = subprocess.run([sys.executable, "-c", plain + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "4008" in done.stdout
