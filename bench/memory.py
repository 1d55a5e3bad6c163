"""Section memory: how much a full scan needs beyond the libraries it imports."""

from __future__ import annotations

import json

from bench.child import run, script
from bench.matrices import write_matrix
from bench.report import Claim, Options, Section, Table, megabytes

SIZES = ((151_936, 896), (151_936, 8_192), (151_936, 16_384))
"""Rows and width of BF16 matrices of 0.27, 2.5 and 5 GB; the second has the shape of Qwen2.5-72B's."""

SMALL_SIZES = ((2_000, 896), (2_000, 8_192))

NOTES = """Peak resident memory of a process that scans a BF16 matrix with all quantities and groups, less its
resident memory after the imports (numpy, llvmlite, rowscope). The mapped pages that it holds and the load
of the compiled kernel count; the files are full, not sparse. The results themselves take 88 bytes a row,
whatever its width."""


def memory(options: Options) -> Section:
    """Measure each size in a process of its own."""
    rows, claims = [], []
    for count, width in SMALL_SIZES if options.quick else SIZES:
        path = write_matrix(options.work / f"width-{width}.safetensors", "BF16", count, width)
        size = path.stat().st_size
        command = script("scan_memory.py", str(path))
        run(command, options.work / "kernels")  # compiles the kernel, which takes memory of its own
        found = json.loads(run(command, options.work / "kernels")[1])
        above = found["peak"] - found["imported"]
        rows.append(
            (
                f"{count:,} x {width:,}",
                megabytes(size),
                megabytes(found["imported"]),
                megabytes(found["peak"]),
                megabytes(above),
            )
        )
        claims.append(
            Claim(f"scan of {size / 1e9:.1f} GB, memory above the imports", above / 1e6, 120, unit=" MB")
        )
        options.discard(path)
    table = Table("", ("matrix", "MB", "after imports MB", "peak MB", "above MB"), rows)
    return Section("Memory", NOTES, (table,), claims)
