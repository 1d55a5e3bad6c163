"""Section slices: a few rows of a large file, against safetensors' own slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

import rowscope
from bench.matrices import NAME
from bench.nine import STATISTICS, numpy_nine, torch_nine
from bench.qwen import checkpoint_of, qwen_shape
from bench.report import Options, Section, Table, milliseconds
from bench.timing import Timing, interleave, timed

NOTES = """The {count} reserved rows of a {rows:,} x {width} BF16 matrix in a file of {size:.2f} GB, and as
many rows spread over it; the file in the page cache, one process that has imported everything.

- **rowscope**: `rowscope.row_table(path, ids=ids)`: norm, mean, std, min, max, counts, fingerprint.
- **torch, numpy**: `safetensors.safe_open` and `get_slice`, then nine statistics of the rows in float64.
- **opened each time** gives all of them the path; **opened before** the open checkpoint or file."""

Ids = NDArray[np.int64]


def slices(options: Options) -> Section:
    """Measure consecutive and scattered rows."""
    shape = qwen_shape(options.quick)
    path = checkpoint_of(options.work, shape, large=True) / "model.safetensors"
    reserved = np.arange(shape.entries, shape.rows)
    spread = np.linspace(0, shape.rows - 1, reserved.size).astype(np.int64)
    timings: dict[str, dict[str, Timing]] = {}
    for name, ids in (("reserved", reserved), ("spread", spread)):
        _compare(path, ids)
        timings[f"{name}, opened each time"] = _opened_each_time(path, ids, options.repeat)
        timings[f"{name}, opened before"] = _opened_before(path, ids, options.repeat)
    size = path.stat().st_size / 1e9
    notes = NOTES.format(count=reserved.size, rows=shape.rows, width=shape.width, size=size)
    return Section("Slices", notes, (_table(timings),))


def _compare(path: Path, ids: Ids) -> None:
    """Fail where the others read other rows."""
    table = rowscope.row_table(path, ids=ids)
    for name, found in (("torch", _torch_from(path, ids).numpy()), ("numpy", _numpy_from(path, ids))):
        least = found[STATISTICS.index("min")]
        np.testing.assert_array_equal(table.min, least, err_msg=f"min by {name}")


def _opened_each_time(path: Path, ids: Ids, repeat: int) -> dict[str, Timing]:
    contenders = {
        "rowscope": partial(rowscope.row_table, path, ids=ids),
        "torch": partial(_torch_from, path, ids),
        "numpy": partial(_numpy_from, path, ids),
    }
    return _interleave(contenders, repeat)


def _opened_before(path: Path, ids: Ids, repeat: int) -> dict[str, Timing]:
    checkpoint = rowscope.open_checkpoint(path)
    with safe_open(path, framework="pt") as tensors, safe_open(path, framework="np") as arrays:
        contenders = {
            "rowscope": partial(rowscope.row_table, checkpoint, ids=ids),
            "torch": partial(_with_torch, tensors, ids),
            "numpy": partial(_with_numpy, arrays, ids),
        }
        return _interleave(contenders, repeat)


def _interleave(contenders: Mapping[str, Callable[[], object]], repeat: int) -> dict[str, Timing]:
    """Runs of a millisecond: three times as many rounds cost nothing."""
    return interleave({name: timed(work) for name, work in contenders.items()}, 3 * repeat)


def _torch_from(path: Path, ids: Ids) -> Any:
    with safe_open(path, framework="pt") as file:
        return _with_torch(file, ids)


def _numpy_from(path: Path, ids: Ids) -> NDArray[np.float64]:
    with safe_open(path, framework="np") as file:
        return _with_numpy(file, ids)


def _with_torch(file: Any, ids: Ids) -> Any:
    import torch

    part = file.get_slice(NAME)
    if _consecutive(ids):
        rows = part[int(ids[0]) : int(ids[-1]) + 1]
    else:
        rows = torch.cat([part[id : id + 1] for id in ids.tolist()])
    return torch_nine(rows, (512, 1))


def _with_numpy(file: Any, ids: Ids) -> NDArray[np.float64]:
    part = file.get_slice(NAME)
    if _consecutive(ids):
        rows = part[int(ids[0]) : int(ids[-1]) + 1]
    else:
        rows = np.concatenate([part[id : id + 1] for id in ids.tolist()])
    return numpy_nine(rows, 512)


def _consecutive(ids: NDArray[np.int64]) -> bool:
    return bool(ids[-1] - ids[0] + 1 == ids.size)


def _table(timings: dict[str, dict[str, Timing]]) -> Table:
    rows = [
        (
            name,
            *(milliseconds(timing.median) for timing in found.values()),
            *(f"{found[other].median / found['rowscope'].median:.1f}" for other in ("torch", "numpy")),
        )
        for name, found in timings.items()
    ]
    header = ("rows", "rowscope ms", "torch ms", "numpy ms", "faster than torch", "than numpy")
    return Table("Medians:", header, rows)
