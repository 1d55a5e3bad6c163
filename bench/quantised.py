"""Section quantised: scans of tables that are decoded on the way, beside a BF16 table's; their memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

import numpy as np

import rowscope
from bench.child import run, script
from bench.matrices import open_reader, write_matrix
from bench.packed import LAYOUTS, write_packed
from bench.report import Claim, Options, Section, Table, megabytes, milliseconds, number
from bench.timing import Timing, at_least, interleave, of_processors, timed
from rowscope.inspector.rows import RowReader, open_rows, scan_rows

CLAIMED = ("MLX 4 bit", "FP8 by row")
PLAIN = "BF16"

WIDTHS = (896, 8_192, 32_768)
"""Of the tables whose memory is measured: 151,936 rows of 4 bits take 0.08, 0.7 and 2.8 GB."""

NOTES = """Tables of {rows:,} x {width}, the file in the page cache, {threads} threads, pages mapped anew.

- **core**, **all**: as of the full scan, of the decoded values, by the reader that every command uses.
- **speed a decoded element**: the processor time of the BF16 scan, both threads together, over that of the
  table, which has as many elements. The claims take that of medians or that of shortest runs, the lesser.
- The table of **memory**: as of a BF16 matrix, the peak of a process that scans an MLX table of 4 bits in
  groups of 64, less its resident memory after the imports. The files are sparse: their pages are read and
  mapped as those of full ones are."""


def quantised(options: Options) -> Section:
    """Measure the scan of each layout, and the memory of one."""
    rows, width = (20_000, 256) if options.quick else (151_936, 896)
    timings = _scans(options, rows, width)
    claims = [
        Claim(
            f"{name} decoded, {kind}: speed an element, of the BF16 scan's",
            at_least(*(of_processors(timings[which, kind]) for which in (PLAIN, name))),
            0.5,
            at_least=True,
        )
        for name in CLAIMED
        for kind in ("core", "all")
    ]
    memory, bounds = _memory(options)
    notes = NOTES.format(rows=rows, width=width, threads=options.threads)
    return Section("Quantised tables", notes, (_speeds(timings), memory), claims + bounds)


def _scans(options: Options, rows: int, width: int) -> Mapping[tuple[str, str], Timing]:
    plain = write_matrix(options.work / "plain.safetensors", PLAIN, rows, width)
    folders = {
        name: write_packed(options.work / name.replace(" ", "-"), name, rows, width) for name in LAYOUTS
    }
    contenders: dict[tuple[str, str], Callable[[], object]] = {}
    with ExitStack() as stack:
        readers = {PLAIN: stack.enter_context(open_reader(plain))}
        for name, folder in folders.items():
            (matrix,) = rowscope.open_checkpoint(folder).matrices
            readers[name] = stack.enter_context(open_rows(matrix))
        for name, reader in readers.items():
            contenders.update({(name, kind): work for kind, work in _ours(reader, options.threads).items()})
        names = {" ".join(key): key for key in contenders}
        found = interleave({text: timed(contenders[key]) for text, key in names.items()}, options.repeat)
    for path in (plain, *folders.values()):
        options.discard(path)
    return {key: found[text] for text, key in names.items()}


def _ours(reader: RowReader, threads: int) -> dict[str, Callable[[], object]]:
    groups = np.zeros(reader.rows, dtype=np.int8)
    groups[-293:-271], groups[-271:] = 1, 2
    core = partial(scan_rows, reader, threads=threads, engine="numba")
    return {"core": core, "all": partial(core, groups=groups, n_groups=4)}


def _speeds(timings: Mapping[tuple[str, str], Timing]) -> Table:
    rows = []
    for name in dict.fromkeys(name for name, _ in timings):
        core, all_ = timings[name, "core"], timings[name, "all"]
        speeds = (
            of_processors(timings[PLAIN, kind]).median / of_processors(timings[name, kind]).median
            for kind in ("core", "all")
        )
        rows.append(
            (
                name,
                milliseconds(core.median),
                milliseconds(all_.median),
                *(number(speed) for speed in speeds),
                f"{core.spread:.0%}",
            )
        )
    header = (
        "table",
        "core ms",
        "all ms",
        "core: speed a decoded element",
        "all: the same",
        "spread of core",
    )
    return Table("Medians, and the speed of the BF16 scan as 1:", header, rows)


def _memory(options: Options) -> tuple[Table, list[Claim]]:
    rows, claims = [], []
    count = 2_000 if options.quick else 151_936
    for width in WIDTHS:
        folder = write_packed(options.work / f"packed-{width}", "MLX 4 bit", count, width, holes=True)
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        command = script("scan_memory.py", str(folder))
        run(command, options.work / "kernels")  # compiles the kernel, which takes memory of its own
        found = json.loads(run(command, options.work / "kernels")[1])
        above = found["peak"] - found["imported"]
        cells = (size, 4 * count * width, found["imported"], found["peak"], above)
        rows.append((f"{count:,} x {width:,}", *(megabytes(cell) for cell in cells)))
        text = f"scan of {size / 1e9:.1f} GB of MLX 4 bit, decoded, memory above the imports"
        claims.append(Claim(text, above / 1e6, 120, unit=" MB"))
        options.discard(folder)
    header = ("matrix", "MB", "decoded MB", "after imports MB", "peak MB", "above MB")
    return Table("Memory:", header, rows), claims
