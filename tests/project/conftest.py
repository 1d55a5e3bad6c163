"""What tests of the repository's own files share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def bash(tmp_path):
    """bash(script, **environment) -> completed process, in a folder of its own with rowscope on its path."""
    shell = shutil.which("bash")
    if shell is None or shutil.which("rowscope", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("needs bash and an installed rowscope command")

    def call(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # The runner's own flags for `shell: bash`.
        words = [shell, "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        env = {**os.environ, "PATH": path, **environment}
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    return call
