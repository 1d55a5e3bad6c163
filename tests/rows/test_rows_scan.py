"""The scan's bookkeeping: chunks, threads, groups, ids, interruption, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rowscope.inspector.errors import UsageError
from rowscope.inspector.header.tensors import TensorRef
from rowscope.inspector.rows import RowTable, project_rows, scan_rows
from rowscope.inspector.rows.blocks import RowReader

from .. import naive

Store = Callable[..., RowReader]


def tables_equal(left: RowTable, right: RowTable) -> None:
    for name in (
        "ids",
        "zeros",
        "nan",
        "pos_inf",
        "neg_inf",
        "sum",
        "sumsq",
        "l1",
        "min",
        "max",
        "m2",
        "fingerprint",
    ):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("before", [0, 3])
def test_the_scan_of_a_file(engine: str, before: int, store: Store, small_chunks: None) -> None:
    values = naive.normal()
    values[4] = 0
    with store("F32", values, before) as reader:
        table, groups = scan_rows(reader, engine=engine)
    values = values.astype(np.float32).astype(np.float64)
    assert groups is None
    assert len(table) == 60
    np.testing.assert_array_equal(table.ids, np.arange(60))
    np.testing.assert_allclose(table.mean, values.mean(axis=1), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(table.std, values.std(axis=1, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(table.norm, np.linalg.norm(values, axis=1), rtol=1e-13)
    np.testing.assert_array_equal(table.absmax, np.abs(values).max(axis=1))
    np.testing.assert_array_equal(table.nonzero, np.count_nonzero(values, axis=1))
    assert table.finite.all()
    assert not table.inf.any()


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_thread_count_changes_no_bit(engine: str, threads: int, store: Store, small_chunks: None) -> None:
    members = np.random.default_rng(1).integers(-1, 3, 60).astype(np.int8)
    with store("BF16", naive.normal()) as reader:
        first, first_groups = scan_rows(reader, groups=members, n_groups=3, threads=1, engine=engine)
        table, groups = scan_rows(reader, groups=members, n_groups=3, threads=threads, engine=engine)
        product, power = project_rows(
            reader, naive.normal(2), threads=threads, engine=engine, accumulate_power=True
        )
        first_product, first_power = project_rows(
            reader, naive.normal(2), threads=1, engine=engine, accumulate_power=True
        )
    tables_equal(first, table)
    for name in ("rows", "mean", "scatter", "unit_rows", "unit_sum"):
        np.testing.assert_array_equal(getattr(first_groups, name), getattr(groups, name))
    np.testing.assert_array_equal(first_product, product)
    np.testing.assert_array_equal(first_power, power)


@pytest.mark.parametrize("ids", [[5, 6, 7, 8], [59, 0, 3, 3], [], list(range(60)), list(range(59, -1, -1))])
def test_chosen_rows_are_those_of_the_whole_scan(ids: list[int], store: Store, small_chunks: None) -> None:
    with store("F16", naive.normal()) as reader:
        whole, _ = scan_rows(reader)
        chosen, _ = scan_rows(reader, ids=np.array(ids, dtype=np.int64))
        tables_equal(chosen, whole.take(np.array(ids, dtype=np.int64)))


def test_groups_follow_the_rows_asked_for(store: Store, small_chunks: None) -> None:
    values = naive.normal().astype(np.float32)
    values[9, 2] = np.nan
    ids = np.random.default_rng(2).permutation(60)[:40]
    members = np.random.default_rng(3).integers(-1, 4, 40).astype(np.int8)
    members[members == 2] = 1
    with store("F32", values) as reader:
        _, groups = scan_rows(reader, ids=ids, groups=members, n_groups=4)
    assert groups is not None
    for group in range(4):
        expected = naive.columns([[float(v) for v in values[row]] for row in ids[members == group]])
        assert (groups.rows[group], groups.unit_rows[group]) == (expected["rows"], expected["unit_rows"])
        assert groups.scatter[group] == pytest.approx(expected["scatter"], rel=1e-12)
        if expected["rows"]:
            np.testing.assert_allclose(groups.mean[group], expected["mean"], rtol=1e-11, atol=1e-14)
            np.testing.assert_allclose(groups.unit_sum[group], expected["unit_sum"], rtol=1e-11, atol=1e-14)
        else:
            assert np.isnan(groups.mean[group]).all()


@pytest.mark.parametrize(
    ("members", "word"), [(np.zeros(59), "59"), (np.full(60, 3), "from 3 to 3"), (np.full(60, -2), "from -2")]
)
def test_groups_that_do_not_fit_are_refused(members: np.ndarray, word: str, store: Store) -> None:
    with store("F32", naive.normal()) as reader, pytest.raises(UsageError, match=word):
        scan_rows(reader, groups=members.astype(np.int8), n_groups=3)


def test_rows_that_are_not_finite_follow_ieee_rules(store: Store) -> None:
    values = naive.normal().astype(np.float32)
    values[1, 0], values[2, 3], values[3, 4], values[4, :2] = np.nan, np.inf, -np.inf, [np.inf, -np.inf]
    with store("F32", values) as reader:
        table, _ = scan_rows(reader, engine="numba")
    assert np.flatnonzero(~table.finite).tolist() == [1, 2, 3, 4]
    assert (table.nan[1], table.pos_inf[2], table.neg_inf[3], table.inf[4]) == (1, 1, 1, 2)
    assert np.isnan([table.sum[1], table.norm[1], table.min[1], table.max[1], table.sum[4]]).all()
    assert (table.sum[2], table.max[2], table.norm[2], table.sum[3]) == (np.inf, np.inf, np.inf, -np.inf)
    assert np.isnan(table.std[1:5]).all()


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_norms_of_doubles_beyond_the_range_of_their_squares(
    engine: str, store: Store, small_chunks: None
) -> None:
    values = naive.normal()
    values[[11, 41]] *= [[1e-200], [1e200]]
    exact = [naive.row(list(row)) for row in values]
    with store("F64", values) as reader:
        table, _ = scan_rows(reader, engine=engine)
    for chosen in (slice(None), np.array([41, 3, 11]), table.norm > 1e3, [41]):
        part = table.take(chosen)
        np.testing.assert_allclose(part.norm, [exact[row]["norm"] for row in part.ids], rtol=1e-12)
        np.testing.assert_allclose(part.std, [exact[row]["std"] for row in part.ids], rtol=1e-12)
    assert len(table.take(table.norm > 1e3)) == 1


def test_one_column_has_no_deviation(store: Store) -> None:
    with store("F32", naive.normal(width=1)) as reader:
        assert np.isnan(scan_rows(reader)[0].std).all()


def test_matrices_without_rows_or_columns(store: Store) -> None:
    with store("BF16", np.empty((0, 8))) as reader:
        table, groups = scan_rows(reader, groups=np.empty(0, np.int8), n_groups=2)
        assert len(table) == 0
        assert groups is not None
        assert groups.rows.tolist() == [0, 0]
        assert project_rows(reader, np.ones((1, 8))).shape == (0, 1)
    with store("BF16", np.empty((3, 0))) as reader:
        assert scan_rows(reader)[0].zeros.tolist() == [0, 0, 0]


def test_progress_counts_every_row_once_in_the_calling_thread(store: Store, small_chunks: None) -> None:
    seen = []
    with store("BF16", naive.normal()) as reader:
        scan_rows(reader, progress=lambda rows: seen.append((rows, threading.get_ident())), threads=3)
    assert sum(rows for rows, _ in seen) == 60
    assert len(seen) > 3
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_an_interrupt_leaves_no_work_behind(store: Store, small_chunks: None) -> None:
    done = []

    def stop(rows: int) -> None:
        done.append(rows)
        raise KeyboardInterrupt

    with store("BF16", naive.normal(2000)) as reader:
        with pytest.raises(KeyboardInterrupt) as caught:
            scan_rows(reader, progress=stop, threads=2, engine="numpy")
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("rowscope")]
        assert len(done) == 1
        assert caught.value is not None


def test_an_interrupt_from_the_keyboard_ends_the_process(
    tmp_path: Path, write: Callable[..., TensorRef]
) -> None:
    """A scan of many chunks is interrupted after its first; the child has to end by itself."""
    ref = write(tmp_path / "a.safetensors", "F32", (4000, 256), bytes(4000 * 1024))
    code = f"""
import sys
from pathlib import Path
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.header import read_header
from rowscope.inspector.rows import chunks, scan_rows
from rowscope.inspector.header.tensors import Shard, TensorRef
from rowscope.inspector.storage.local import local_file
chunks.CHUNK_BYTES = 1024
path = Path({str(ref.shard.path)!r})
shard = Shard(path.name, local_file(path), read_header(local_file(path)))
with RowReader(TensorRef(shard.header.tensors[0], shard)) as reader:
    while True:
        scan_rows(reader, threads=2, progress=lambda rows: print(rows, flush=True))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "1\n"
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert child.returncode == -signal.SIGINT


def test_four_threads_share_a_reader(store: Store, small_chunks: None) -> None:
    with store("BF16", naive.normal(300)) as reader, ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: scan_rows(reader, engine="numba")[0], range(8)))
    for table in tables[1:]:
        tables_equal(tables[0], table)


def test_memory_does_not_grow_with_the_matrix(tmp_path: Path, write: Callable[..., TensorRef]) -> None:
    """A matrix of 800 MB, a hole in its file: the peak of a scan in a process of its own."""
    path = tmp_path / "big.safetensors"
    rows, width = 100_000, 4096
    ref = write(path, "BF16", (1, width), bytes(2 * width))
    header = path.read_bytes()[: ref.offset].replace(b'"shape": [1, 4096]', b'"shape": [100000, 4096]')
    header = header.replace(b"[0, 8192]", f"[0, {2 * rows * width}]".encode())
    text = header[8:].rstrip()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + 2 * rows * width)
    code = f"""
import resource, sys
from pathlib import Path
import numpy as np
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.header import read_header
from rowscope.inspector.rows import scan_rows
from rowscope.inspector.header.tensors import Shard, TensorRef
from rowscope.inspector.storage.local import local_file
import rowscope.kernels.scan
path = Path({str(path)!r})
shard = Shard(path.name, local_file(path), read_header(local_file(path)))
with RowReader(TensorRef(shard.header.tensors[0], shard)) as reader:
    few = np.arange(64)
    scan_rows(reader, ids=few, groups=np.zeros(64, np.int8), n_groups=1, engine="numba")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scan_rows(reader, groups=np.zeros({rows}, np.int8), n_groups=1, engine="numba", threads=2)
    scan_rows(reader, ids=np.arange(0, {rows}, 50), engine="numba")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    assert int(done.stdout) < 120_000  # KiB
