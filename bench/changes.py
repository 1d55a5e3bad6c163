"""Section changes: comparing two checkpoints, and claiming a slot in one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

import rowscope
from bench.child import Command, run, script
from bench.matrices import open_reader
from bench.qwen import Shape, checkpoint_of, qwen_shape
from bench.report import Claim, Options, Section, Table, megabytes, milliseconds
from bench.timing import Sample, Timing, at_least, at_most, interleave, timed
from rowscope.inspector.diff.measure import compare_rows
from rowscope.inspector.rows import scan_rows

NOTES = """- **two scans**: the core scan of both matrices, {rows:,} x {width} BF16 each, one after the other.
- **compare, few** and **compare, all**: what `rowscope diff` computes for every pair of rows, where one row
  in a hundred differs and where all do.
- **diff, few**: `rowscope.diff`, which also reads both tokenizers; these four within one process.
- **claim**: a script that plans and applies a claim of one token with `like:` values in one call
  (`rowscope.claim_into`, which copies while it plans), from start to exit,
  into a new folder on the same disk, every byte copied and flushed; **cp and sync** copies and flushes the
  same {size:.2f} GB."""


def changes(options: Options) -> Section:
    """Measure the comparison, then the claim."""
    shape = qwen_shape(options.quick)
    base, large = checkpoint_of(options.work, shape), checkpoint_of(options.work, shape, large=True)
    compared = _compare(base, shape, options)
    claimed = _claim(large, options)
    notes = NOTES.format(rows=shape.rows, width=shape.width, size=shape.large / 1e9)
    rows = [
        (
            name,
            milliseconds(timing.median),
            f"{timing.spread:.0%}",
            megabytes(timing.memory) if name in claimed else "-",
        )
        for name, timing in (compared | claimed).items()
    ]
    table = Table("Medians:", ("", "ms", "spread", "peak MB of the process"), rows)
    return Section("Comparing and claiming", notes, (table,), _claims(compared, claimed))


def _compare(base: Path, shape: Shape, options: Options) -> dict[str, Timing]:
    few = _changed_copy(base, options.work / "few-changed", shape, every=100)
    all_ = _changed_copy(base, options.work / "all-changed", shape, every=1)
    weights = "model.safetensors"
    with (
        open_reader(base / weights) as left,
        open_reader(few / weights) as some,
        open_reader(all_ / weights) as other,
    ):
        work: dict[str, Callable[[], object]] = {
            "two scans": lambda: [scan_rows(reader, engine="numba") for reader in (left, some)],
            "compare, few": partial(compare_rows, left, some),
            "compare, all": partial(compare_rows, left, other),
            "diff, few": partial(rowscope.diff, base, few),
        }
        timings = interleave({name: timed(part) for name, part in work.items()}, options.repeat)
    options.discard(few)
    options.discard(all_)
    return timings


def _changed_copy(base: Path, folder: Path, shape: Shape, every: int) -> Path:
    """A copy of the checkpoint in which every n-th row has another sign bit in its first element."""
    if not folder.exists():
        shutil.copytree(base, folder)
        path = folder / "model.safetensors"
        offset = rowscope.open_checkpoint(path).matrices[0].ref.offset
        rows = np.memmap(path, "<u2", "r+", offset, (shape.rows, shape.width))
        rows[::every, 0] ^= 0x8000
        rows.flush()
    return folder


def _claim(source: Path, options: Options) -> dict[str, Timing]:
    target = options.work / "claimed"
    kernels = options.work / "kernels"
    copy: Command = ("/bin/sh", "-c", f'cp -r "{source}" "{target}" && sync')
    work = {
        "claim": partial(_written, script("claim_slot.py", str(source), str(target)), target, kernels),
        "cp and sync": partial(_written, copy, target, kernels),
    }
    return interleave(work, options.repeat)


def _written(command: Command, target: Path, kernels: Path) -> Sample:
    """One run on a disk that has nothing left to write, its target removed afterwards."""
    os.sync()
    sample, _ = run(command, kernels)
    shutil.rmtree(target)
    return sample


def _claims(compared: Mapping[str, Timing], claimed: Mapping[str, Timing]) -> list[Claim]:
    scans = compared["two scans"]
    return [
        Claim(f"{name}: speed over two scans", at_least(scans, compared[name]), 0.5, at_least=True)
        for name in ("compare, few", "compare, all")
    ] + [Claim("claim, in times of `cp` and `sync`", at_most(claimed["claim"], claimed["cp and sync"]), 1.3)]
