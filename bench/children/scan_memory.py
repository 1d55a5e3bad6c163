"""Scan the matrix of a file; print the resident memory after the imports and its peak, in bytes, as JSON.

`python scan_memory.py FILE_OR_FOLDER`. Reads /proc, so Linux alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import llvmlite.binding  # noqa: F401 - part of what the compiled kernels import
import numpy as np

import rowscope
from rowscope.inspector.rows import open_rows, scan_rows


def status(key: str) -> int:
    """A line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def main(path: str) -> None:
    checkpoint = rowscope.open_checkpoint(path)
    imported = status("VmRSS")
    (matrix,) = checkpoint.matrices
    with open_rows(matrix) as reader:
        scan_rows(reader, groups=np.zeros(matrix.rows, dtype=np.int8), n_groups=4, engine="numba")
    print(json.dumps({"imported": imported, "peak": status("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1])
