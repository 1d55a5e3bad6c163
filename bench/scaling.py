"""Section scaling: how the scan's time grows with the rows, and falls with the threads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bench.matrices import open_reader, write_matrix
from bench.report import Options, Section, Table, milliseconds
from bench.timing import Timing, interleave, timed
from rowscope.inspector.rows import scan_rows

THREADS = (1, 2, 4)

NOTES = """BF16 rows of {width} elements, as short as embedding rows come: the work that is done once a row
weighs most here. Core quantities, compiled kernel, the file in the page cache; **numpy** is rowscope's own
engine without the compiler, on two threads, which small work takes."""


def scaling(options: Options) -> Section:
    """Measure every number of rows with every number of threads."""
    width = 64
    exponents = (3.5, 4, 4.5) if options.quick else (4, 5, 6, 6.5)
    timings = {round(10**exponent): _measure(round(10**exponent), width, options) for exponent in exponents}
    return Section("Scaling", NOTES.format(width=width), (_table(timings),))


def _measure(rows: int, width: int, options: Options) -> dict[str, Timing]:
    path = write_matrix(options.work / f"rows-{rows}.safetensors", "BF16", rows, width)
    with open_reader(path) as reader:
        contenders = {
            str(threads): timed(partial(scan_rows, reader, threads=threads, engine="numba"))
            for threads in THREADS
        }
        contenders["numpy"] = timed(partial(scan_rows, reader, threads=2, engine="numpy"))
        timings = interleave(contenders, options.repeat)
    options.discard(path)
    return timings


def _table(timings: Mapping[int, Mapping[str, Timing]]) -> Table:
    rows = [
        (
            f"{count:,}",
            *(milliseconds(timing.median) for timing in found.values()),
            *(f"{count / found[str(threads)].median / 1e6:.1f}" for threads in THREADS),
            f"{found['1'].median / found['2'].median:.2f}",
        )
        for count, found in timings.items()
    ]
    times = [f"{threads} thread{'s' * (threads > 1)} ms" for threads in THREADS]
    rates = [f"{threads}: 10^6 rows/s" for threads in THREADS]
    return Table("Medians:", ("rows", *times, "numpy ms", *rates, "2 threads over 1"), rows)
