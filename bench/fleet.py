"""Section fleet: many checkpoints through `rowscope.fleet`, beside a loop in one process."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.checkpoints import write_qwen_shape
from bench.child import run, script
from bench.report import Claim, Options, Section, Table, megabytes
from bench.timing import Sample, at_least, at_most, interleave

COUNT, ROWS, WIDTH = 100, 22_000, 896
"""Checkpoints, and the shape of each one's table: 40 MB."""

NOTES = """Seconds for all checkpoints, each with a table of bf16 and a tokenizer of as many entries, and the
peak resident memory of the largest process. The files are hard links to one, in the page cache. `loop` is
`rowscope.audit` one after the other in one process, which scans with two threads. `local` starts two workers,
which counts; a Ray of two processors has started before its clock does. Memory of `local` is compared with a
run over a tenth of the checkpoints."""


def fleet(options: Options) -> Section:
    """Measure the ways in turns."""
    count, rows = (10, 2_000) if options.quick else (COUNT, ROWS)
    many = _zoo(options.work / "fleet", count, rows)
    few = _zoo(options.work / "fleet-few", max(2, count // 10), rows)
    ways = ["loop", "local"] + (["ray"] if importlib.util.find_spec("ray") else [])
    timings = interleave(
        {way: _contender(options, way, many) for way in ways},
        1 if options.quick else min(options.repeat, 2),
        warm_up=0,
    )
    small = _contender(options, "local", few)()
    claims = [
        Claim(
            "fleet on two cores, times as fast as a loop",
            at_least(timings["loop"], timings["local"]),
            1.8,
            at_least=True,
        ),
        Claim(
            "fleet, memory of the largest process over that with a tenth of the checkpoints",
            timings["local"].memory / small.memory,
            1.15,
        ),
    ]
    if "ray" in timings:
        claims.append(Claim("fleet on Ray, over local", at_most(timings["ray"], timings["local"]), 1.5))
    rows_ = [
        (way, f"{at.median:.1f}", f"{at.spread:.0%}", megabytes(at.memory)) for way, at in timings.items()
    ]
    table = Table(f"{count} checkpoints", ("way", "s", "spread", "peak MB"), rows_)
    for folder in (many, few):
        options.discard(folder)
    return Section("Fleet", NOTES, (table,), claims)


def _zoo(folder: Path, count: int, rows: int) -> Path:
    """Checkpoints that are one, by hard links."""
    first = folder / "checkpoint-0"
    if not first.exists():
        write_qwen_shape(first, rows=rows, width=WIDTH, entries=rows - 100)
    for at in range(1, count):
        other = folder / f"checkpoint-{at}"
        if not other.exists():
            shutil.copytree(first, other, copy_function=os.link)
    return folder


def _contender(options: Options, way: str, folder: Path) -> Callable[[], Sample]:
    def start() -> Sample:
        store = options.work / "fleet-store"
        shutil.rmtree(store, ignore_errors=True)
        command = script("fleet_way.py", way, str(folder), str(store))
        sample, said = run(command, options.work / "kernels")
        shutil.rmtree(store, ignore_errors=True)
        return Sample(json.loads(said)["seconds"], sample.memory)

    return start
