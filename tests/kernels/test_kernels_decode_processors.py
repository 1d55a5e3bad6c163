"""The decoding kernels on this processor, and compiled for plainer ones: always what numpy finds."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from . import decode_kinds

PROCESSORS = {
    "generic": "",  # registers of 16 bytes, no conversion of half precision
    "haswell": "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt",  # of 32 bytes
}


@pytest.mark.parametrize("kind", decode_kinds.KINDS, ids=lambda kind: kind[0])
def test_values_are_those_of_numpy(kind):
    decode_kinds.check_values(*kind)


@pytest.mark.parametrize("kind", [kind for kind in decode_kinds.KINDS if kind[0] in decode_kinds.SCANNED])
def test_scans_are_those_of_numpy(kind):
    decode_kinds.check_scan(*kind)


def test_kernels_for_plainer_processors(tmp_path: Path) -> None:
    """Compiled for both at once: that takes longest."""
    avx2 = platform.machine() == "x86_64" and "avx2" in Path("/proc/cpuinfo").read_text()
    running = {}
    for name, features in PROCESSORS.items():
        if features and not avx2:
            continue  # its machine code does not run here
        folder = tmp_path / name
        chosen = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(folder)}
        command = [sys.executable, decode_kinds.__file__]
        environment = {**os.environ, **chosen}
        running[folder] = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert running
    for folder, process in running.items():
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        assert len(list(folder.rglob("decode.*.o"))) == len(decode_kinds.ANYWHERE)
