"""Section scan: a whole matrix of each dtype, against the read limit and against other libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.matrices import LANES, load_torch, map_matrix, open_keeping, open_reader, write_matrix
from bench.nine import STATISTICS, ml_dtypes_nine, numpy_nine, torch_nine
from bench.read_limit import map_words, sum_fresh, sum_words
from bench.report import Claim, Options, Section, Table, milliseconds
from bench.timing import Timing, at_least, at_most, fastest, interleave, timed
from rowscope.inspector.rows import project_rows, scan_rows
from rowscope.inspector.rows.blocks import RowReader

BLOCKS = (32, 128, 512, 2048)
"""Rows of a block that torch and numpy are tried with."""

ML_DTYPES = ("BF16", "F8_E4M3", "F8_E5M2")
"""Dtypes that numpy reads with ml_dtypes alone."""

NOTES = """{rows:,} x {width}, the file in the page cache, {threads} threads (numpy: one).

- **core**: rowscope's scan without groups. Per row: zeros, NaN, +inf, -inf; sum, sum of squares, sum of
  magnitudes and squared deviations from the row's mean, in float64; min; max; 64-bit fingerprint.
- **all**: the same pass with groups: also column means, scatter about them and sums of unit rows per group.
- **dots**: the second pass: dot products of every row with three vectors in float64.
- **torch, numpy, ml_dtypes**: nine statistics (zeros, NaN, +inf, -inf, sum, sum of squares, sum of
  magnitudes, min, max), accumulated in float64 over blocks of rows; the block size, and torch's
  number of threads, are those that were fastest in a trial. They compute neither deviations nor
  fingerprints. Their results are compared with rowscope's.
- **read limit**: the sum of the same mapped bytes as 64-bit words.

In the first table every contender finds the file's pages in its mapping from the run before, so that work on
the bytes is compared. In the second each maps them **anew**, as a process does that reads a file once: the
system fills the mapping page by page. rowscope always does: it gives pages back behind the scan."""

AIMS = {"BF16": 0.55, "F32": 0.5, "F8_E4M3": 0.25, "F8_E5M2": 0.25}
"""Share of the read limit that the core scan aims at."""


def scan(options: Options) -> Section:
    """Measure every dtype; the claims are about bfloat16 unless they name another."""
    rows, width = (20_000, 256) if options.quick else (151_936, 896)
    sizes: dict[str, int] = {}
    timings: dict[str, dict[str, Timing]] = {}
    ways: dict[str, str] = {}
    for dtype in LANES:
        path = write_matrix(options.work / f"{dtype}.safetensors", dtype, rows, width)
        timings[dtype], ways[dtype] = _measure(path, dtype, options)
        sizes[dtype] = rows * width * np.dtype(LANES[dtype]).itemsize
        options.discard(path)
    notes = NOTES.format(rows=rows, width=width, threads=options.threads)
    tables = (
        _times(timings, sizes, ways),
        _times_anew(timings),
        _ratios("Rates and ratios, pages mapped before:", "", timings, sizes),
        _ratios("The same, pages mapped anew:", " anew", timings, sizes),
    )
    return Section("Full scan", notes, tables, _claims(timings))


def _measure(path: Path, dtype: str, options: Options) -> tuple[dict[str, Timing], str]:
    """Timings by contender, and which ways torch and numpy took."""
    words = map_words(path)
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(path))
        keeping = stack.enter_context(open_keeping(path))
        others, ways, way = _others(path, dtype, options.threads)
        _compare(reader, {name: np.asarray(work()) for name, work in others.items()})
        contenders: dict[str, Callable[[], object]] = {
            "read limit": partial(sum_words, words, options.threads),
            **_ours(keeping, options.threads),
            **others,
            "read limit anew": partial(sum_fresh, path, options.threads),
            **{f"{name} anew": work for name, work in _ours(reader, options.threads).items()},
            "torch anew": lambda: torch_nine(load_torch(path), way),
        }
        return interleave({name: timed(work) for name, work in contenders.items()}, options.repeat), ways


def _others(
    path: Path, dtype: str, threads: int
) -> tuple[dict[str, Callable[[], object]], str, tuple[int, int]]:
    """Other libraries' nine statistics, each in the way that is fastest on an eighth of the rows.

    Also those ways in words, and torch's alone."""
    tensor, matrix = load_torch(path), map_matrix(path, dtype)
    few = len(matrix) // 8
    way = fastest(
        [(rows, count) for rows in BLOCKS for count in (1, threads)], partial(torch_nine, tensor[:few])
    )
    rows = fastest(BLOCKS, partial(numpy_nine, matrix[:few]))
    found: dict[str, Callable[[], object]] = {
        "torch": partial(torch_nine, tensor, way),
        "numpy": partial(numpy_nine, matrix, rows),
    }
    if dtype in ML_DTYPES:
        found["ml_dtypes"] = partial(
            ml_dtypes_nine, matrix, fastest(BLOCKS, partial(ml_dtypes_nine, matrix[:few]))
        )
    return found, f"{way[0]} x {way[1]}, {rows}", way


def _ours(reader: RowReader, threads: int) -> dict[str, Callable[[], object]]:
    groups = np.zeros(reader.rows, dtype=np.int8)
    groups[-293:-271], groups[-271:] = 1, 2  # as in a real vocabulary: base, added, unmapped
    vectors = np.random.default_rng(3).standard_normal((3, reader.width))
    plain = partial(scan_rows, reader, threads=threads, engine="numba")
    return {
        "core": plain,
        "all": partial(plain, groups=groups, n_groups=4),
        "dots": partial(project_rows, reader, vectors, threads=threads, engine="numba"),
    }


def _compare(reader: RowReader, others: Mapping[str, NDArray[np.float64]]) -> None:
    """Fail where another library's statistics are not rowscope's: timing different results means nothing."""
    table, _ = scan_rows(reader, engine="numba")
    for name, found in others.items():
        for at, statistic in enumerate(STATISTICS):
            np.testing.assert_allclose(
                getattr(table, statistic),
                found[at],
                rtol=1e-12,
                atol=1e-12 * float(table.l1.max()) if statistic == "sum" else 0.0,
                err_msg=f"{statistic} by {name}",
            )


def _times(
    timings: Mapping[str, Mapping[str, Timing]], sizes: Mapping[str, int], ways: Mapping[str, str]
) -> Table:
    names = ("read limit", "core", "all", "dots", "torch", "numpy", "ml_dtypes")
    rows = [
        (
            dtype,
            f"{sizes[dtype] / 1e6:,.0f}",
            *(milliseconds(found[name].median) if name in found else "-" for name in names),
            f"{found['core'].spread:.0%}",
            ways[dtype],
        )
        for dtype, found in timings.items()
    ]
    header = ("dtype", "MB", *names, "spread of core", "torch block x threads, numpy block")
    return Table("Median times in milliseconds, pages mapped before:", header, rows)


def _times_anew(timings: Mapping[str, Mapping[str, Timing]]) -> Table:
    names = ("read limit", "core", "all", "dots", "torch")
    rows = [
        (
            dtype,
            *(milliseconds(found[f"{name} anew"].median) for name in names),
            f"{found['core anew'].spread:.0%}",
        )
        for dtype, found in timings.items()
    ]
    return Table(
        "Median times in milliseconds, pages mapped anew:", ("dtype", *names, "spread of core"), rows
    )


def _ratios(
    caption: str, end: str, timings: Mapping[str, Mapping[str, Timing]], sizes: Mapping[str, int]
) -> Table:
    """Of the timings whose names have this end."""
    rows = []
    for dtype, found in timings.items():
        limit, core, all_ = (found[name + end].median for name in ("read limit", "core", "all"))
        others = [found.get(name + end) for name in ("torch", "numpy", "ml_dtypes")]
        rows.append(
            (
                dtype,
                f"{sizes[dtype] / limit / 1e9:.1f}",
                f"{sizes[dtype] / core / 1e9:.1f}",
                f"{limit / core:.2f}",
                f"{all_ / core:.2f}",
                *(f"{other.median / core:.1f}" if other else "-" for other in others),
            )
        )
    header = (
        "dtype",
        "read limit GB/s",
        "core GB/s",
        "core / read limit",
        "all, in times of core",
        "faster than torch",
        "than numpy",
        "than ml_dtypes",
    )
    return Table(caption, header, rows)


def _claims(timings: Mapping[str, Mapping[str, Timing]]) -> list[Claim]:
    brain = timings["BF16"]
    claims = []
    for end, words in (("", ""), (" anew", ", pages mapped anew by both")):
        core, torch, all_ = (brain[name + end] for name in ("core", "torch", "all"))
        claims += [
            Claim(f"BF16 scan, times faster than torch{words}", at_least(torch, core), 18, at_least=True),
            Claim(f"BF16, every quantity of the scan, in times of core{words}", at_most(all_, core), 1.7),
        ]
    numpy = at_least(brain["numpy"], brain["core"])
    claims.append(Claim("BF16 scan, times faster than blocked numpy", numpy, 8, at_least=True))
    for dtype, aim in AIMS.items():
        found = timings[dtype]
        share = at_least(found["read limit"], found["core"])
        claims.append(Claim(f"{dtype} scan, share of the read limit (an aim)", share, aim, at_least=True))
    return claims
