"""The compiled kernels as a thing that lives on a disk, in threads, in children and on other processors."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import FunctionCache

from rowscope.kernels import dispatch, jit
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import RowColumns

SCAN = """
import sys
import numpy as np
from rowscope.kernels import dispatch, formats
from rowscope.kernels.results import RowColumns

def scan(dtype, engine="numba"):
    raw = np.random.default_rng(0).integers(0, 120, (64, 96), dtype=np.uint8)
    out = RowColumns.allocate(64)
    dispatch.scan(engine, formats.FORMATS[dtype], raw, out)
    return out

def agree(dtype):
    fast, plain = scan(dtype), scan(dtype, "numpy")
    np.testing.assert_array_equal(fast.fingerprint, plain.fingerprint)
    np.testing.assert_allclose(fast.sumsq, plain.sumsq, rtol=1e-12)
    np.testing.assert_array_equal(fast.max, plain.max)
"""


DOUBLE = "def double(x):\n    return 2 * x\n"


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCAN + code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def machine_code(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("scan.scan.*.nbc")}


def test_machine_code_is_kept_where_numba_is_told_to_and_found_again(tmp_path: Path) -> None:
    ask = """
from rowscope.kernels.scan import scan as entry
agree("BF16")
print(sum(entry.stats.cache_hits.values()))
"""
    assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "0"
    first = machine_code(tmp_path)
    assert len(first) == 1
    assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "1"
    assert machine_code(tmp_path) == first


@pytest.mark.parametrize("kept", [0, 20, 1000, -1])
def test_damaged_machine_code_is_compiled_anew(
    kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert load(tmp_path, DOUBLE)(4) == 8
    (path,) = tmp_path.rglob("*.nbc")
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    again = load(tmp_path, DOUBLE)
    assert again(4) == 8
    assert not again.stats.cache_hits
    third = load(tmp_path, DOUBLE)
    assert third(4) == 8
    assert third.stats.cache_hits


def test_no_folder_for_machine_code_is_no_fault(tmp_path: Path) -> None:
    """A home and a cache folder that cannot be made, because a file is in the way of both."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    nowhere = str(blocked / "below")
    code = """
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = [kind for kind in CacheImpl._locator_classes if "InTree" not in kind.__name__]
agree('BF16')
from rowscope.kernels.scan import scan as s
print(type(s._cache).__name__)
"""
    found = run(code, NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert found.strip() == "NullCache"


def test_a_folder_that_goes_away_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    double = load(tmp_path, DOUBLE)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir() and path.name != "__pycache__")
    folder.rmdir()
    folder.write_text("in the way")
    assert double(4) == 8
    assert double(1.5) == 3.0


def load(folder: Path, source: str):
    path = folder / "module_of_kernels.py"
    path.write_text("from rowscope.kernels.jit import kernel\n\n@kernel\n" + source)
    spec = importlib.util.spec_from_file_location("module_of_kernels", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.double


def test_machine_code_of_other_sources_is_not_used_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the change is in a file that the kernel's own file imports."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert load(tmp_path, DOUBLE)(4) == 8
    kept = set(tmp_path.rglob("*.nbc"))
    monkeypatch.setattr(jit, "_stamp", lambda: "of other sources")
    changed = load(tmp_path, DOUBLE)
    assert changed(4) == 8
    assert not changed.stats.cache_hits
    assert len(kept) == 1
    assert not kept & set(tmp_path.rglob("*.nbc"))


def test_the_stamp_covers_every_kernel_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(jit.__file__).parent
    for source in folder.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    stamps = set()
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    for source in ["jit.py", *sorted(path.name for path in tmp_path.glob("*.py"))]:
        stamps.add(jit._stamp.__wrapped__())
        (tmp_path / source).write_text((tmp_path / source).read_text() + "#\n")
    assert len(stamps) == len(list(folder.glob("*.py"))) + 1


def test_kernels_use_this_cache() -> None:
    from rowscope.kernels.project import project
    from rowscope.kernels.scan import scan

    for entry in (scan, project):
        assert isinstance(entry._cache, FunctionCache)
        assert isinstance(entry._cache._cache_file, jit.KernelFiles)


def test_processes_that_compile_different_versions_at_once_do_not_mix_them_up(tmp_path: Path) -> None:
    dtypes = ["BF16", "F32", "F64", "F8_E5M2"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", f"{SCAN}\nagree({dtype!r})"],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for dtype in dtypes
    ]
    for process in started:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    run("for dtype in ['BF16', 'F32', 'F64', 'F8_E5M2']: agree(dtype)", NUMBA_CACHE_DIR=str(tmp_path))
    assert len(machine_code(tmp_path)) == len(dtypes)


def test_first_calls_from_four_threads_at_once(tmp_path: Path) -> None:
    code = """
import threading
start, failed = threading.Barrier(4), []
def work(dtype):
    start.wait()
    try:
        agree(dtype)
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=work, args=(dtype,)) for dtype in ("BF16", "F16", "F32", "BF16")]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed
"""
    run(code, NUMBA_CACHE_DIR=str(tmp_path))


def test_a_child_forked_after_a_scan_can_scan(tmp_path: Path) -> None:
    code = """
import os
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    list(pool.map(agree, ["BF16", "BF16"]))
child = os.fork()
if child == 0:
    agree("BF16")
    agree("F32")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    run(code, NUMBA_CACHE_DIR=str(tmp_path))


def test_processors_without_half_precision_conversion(tmp_path: Path) -> None:
    """numba compiles for the plainest processor of this kind; its machine code runs here too."""
    code = """
patterns = np.arange(1 << 16, dtype="<u2").view(np.uint8).reshape(-1, 2).copy()
for dtype in ("F16", "BF16", "F8_E5M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ"):
    form = formats.FORMATS[dtype]
    fast, plain = RowColumns.allocate(1 << 16), RowColumns.allocate(1 << 16)
    dispatch.scan("numba", form, patterns, fast)
    dispatch.scan("numpy", form, patterns, plain)
    np.testing.assert_array_equal(fast.sum, plain.sum)
    np.testing.assert_array_equal(fast.max, plain.max)
"""
    run(code, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path))


def test_small_work_does_not_import_numba() -> None:
    run(
        """
form = formats.FORMATS["BF16"]
engine = dispatch.choose_engine(form, 2000 * 8192)
scan("BF16", engine)
dispatch.project(engine, form, np.zeros((4, 96), np.uint8), np.zeros((1, 48)))
assert not {"numba", "llvmlite"} & set(sys.modules), engine
"""
    )


def test_results_do_not_alias_the_input() -> None:
    raw = np.zeros((8, 16), np.uint8)
    out = RowColumns.allocate(8)
    dispatch.scan("numba", FORMATS["BF16"], raw, out)
    assert not any(np.shares_memory(array, raw) for array in out.arrays().values())
    assert not raw.any()
