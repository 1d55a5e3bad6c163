"""The compiled kernels as a thing that lives on a disk, in threads, in children and on other processors."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rowscope.kernels import dispatch
from rowscope.kernels.compile import build, machine_code
from rowscope.kernels.formats import FORMATS
from rowscope.kernels.results import RowColumns

SCAN = """
import sys
import numpy as np
from rowscope.kernels import dispatch, formats
from rowscope.kernels.compare import pairs
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


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.o")}


def test_machine_code_is_kept_where_numba_is_told_to_and_loaded_without_numba(tmp_path: Path) -> None:
    ask = """
agree("BF16")
dispatch.project("numba", formats.FORMATS["BF16"], np.ones((4, 96), np.uint8), np.ones((2, 48)))
side = (formats.FORMATS["BF16"], np.ones((4, 96), np.uint8))
pairs.compare("numba", *side, *side, pairs.PairColumns.allocate(4))
print("numba" in sys.modules)
"""
    assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "True"
    first = kept(tmp_path)
    assert {name.rsplit(".", 2)[0] for name in first} == {"scan.bf16", "project.bf16.2", "compare.bf16.bf16"}
    assert run(ask, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "False"
    assert kept(tmp_path) == first


@pytest.mark.parametrize("length", [0, 20, 1000, -1])
def test_damaged_machine_code_is_compiled_anew(
    length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = in_a_folder(tmp_path, monkeypatch)
    call("scan", "BF16")
    (path,) = tmp_path.rglob("*.o")
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    machine_code._loaded.clear()
    call("scan", "BF16")
    assert built == ["scan", "scan"]
    assert path.read_bytes() == whole
    machine_code._loaded.clear()
    call("scan", "BF16")
    assert built == ["scan", "scan"]


def in_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep machine code in a folder and load all of it anew; the list will name what is compiled."""
    built: list[str] = []
    real = functools.cache(build.build)

    def note(name: str, *variant: str) -> bytes:
        built.append(name)
        return real(name, *variant)

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    monkeypatch.setattr(machine_code, "_loaded", {})
    monkeypatch.setattr(build, "build", note)
    return built


def call(*key: str) -> None:
    """Use a kernel on no rows at all."""
    form, nothing = FORMATS[key[1]], np.empty((0, 16), np.uint8)
    if key[0] == "scan":
        dispatch.scan("numba", form, nothing, RowColumns.allocate(0))
    else:
        dispatch.project("numba", form, nothing, np.ones((int(key[2]), form.width(16))))


def test_no_folder_for_machine_code_is_no_fault(tmp_path: Path) -> None:
    """A home and a cache folder that cannot be made, because a file is in the way of both."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    nowhere = str(blocked / "below")
    run("agree('BF16')", NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere)


def test_a_read_only_installation_keeps_machine_code_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(machine_code, "_loaded", {})
    beside, of_the_user = machine_code._folders()
    assert beside == machine_code._SOURCES / "__pycache__"
    monkeypatch.setattr(machine_code, "_folders", lambda: [blocked / "below", of_the_user])
    call("scan", "BF16")
    assert len(kept(tmp_path / "cache" / "rowscope")) == 1


def test_a_folder_that_goes_away_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = in_a_folder(tmp_path / "cache", monkeypatch)
    call("scan", "BF16")
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("in the way")
    call("scan", "BF16")
    call("project", "BF16", "1")
    assert built == ["scan", "project"]


def test_machine_code_of_other_sources_is_not_used_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = in_a_folder(tmp_path, monkeypatch)
    call("scan", "F8_E4M3")
    call("scan", "F8_E4M3FNUZ")
    before = kept(tmp_path)
    assert len(before) == 2
    machine_code._loaded.clear()
    monkeypatch.setattr(machine_code, "_stamp", lambda: "0123456789abcdef")
    call("scan", "F8_E4M3")
    assert built == ["scan"] * 3
    (gone,) = before - kept(tmp_path)
    assert gone.startswith("scan.f8_e4m3.")


def test_the_stamp_covers_every_kernel_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = sorted(path.relative_to(machine_code._SOURCES) for path in machine_code._SOURCES.rglob("*.py"))
    assert Path("compile/machine_code.py") in sources
    shutil.copytree(machine_code._SOURCES, tmp_path / "kernels")
    monkeypatch.setattr(machine_code, "_SOURCES", tmp_path / "kernels")
    stamps = {machine_code._stamp.__wrapped__()}
    for source in sources:
        path = tmp_path / "kernels" / source
        path.write_text(path.read_text() + "#\n")
        stamps.add(machine_code._stamp.__wrapped__())
    assert len(stamps) == len(sources) + 1


@pytest.mark.parametrize("variable", ["NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"])
def test_the_stamp_covers_the_processor(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine_code._stamp.__wrapped__()
    monkeypatch.setenv(variable, "generic")
    assert machine_code._stamp.__wrapped__() != here


def test_a_kernel_is_compiled_when_it_is_wanted_for_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that runs once, as in CI, does not pay for the compiler; another pays once."""
    built = in_a_folder(tmp_path, monkeypatch)
    form, elements = FORMATS["BF16"], machine_code.WORTH_LOADING
    assert dispatch.choose_engine(form, elements - 1) == "numpy"
    assert not list(tmp_path.rglob("*"))
    assert dispatch.choose_engine(form, dispatch.WORTH_COMPILING) == "numba"
    assert [dispatch.choose_engine(form, elements) for _ in range(3)] == ["numpy", "numba", "numba"]
    assert dispatch.choose_engine(form, elements, "project", "3") == "numpy"
    call("scan", "BF16")
    assert built == ["scan"]
    machine_code._loaded.clear()
    assert dispatch.choose_engine(form, elements) == "numba"
    assert dispatch.choose_engine(form, machine_code.WORTH_CALLING) == "numpy"
    call("scan", "BF16")
    assert dispatch.choose_engine(form, machine_code.WORTH_CALLING) == "numba"
    assert built == ["scan"]
    assert len([path for path in tmp_path.rglob("*") if path.suffix == ".wanted"]) == 1


def test_where_nothing_can_be_kept_small_work_is_never_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    in_a_folder(tmp_path / "file", monkeypatch)
    chosen = {dispatch.choose_engine(FORMATS["BF16"], machine_code.WORTH_LOADING) for _ in range(3)}
    assert chosen == {"numpy"}


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
    assert len(kept(tmp_path)) == len(dtypes)


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


PROCESSORS = {
    "16 bytes, no conversion of halves": ("generic", ""),
    "32 bytes": ("haswell", "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt"),
}


@pytest.mark.parametrize("kind", PROCESSORS)
def test_processors_with_other_vectors(kind: str, tmp_path: Path) -> None:
    """numba compiles for a plainer processor of this kind; its machine code runs here too."""
    name, features = PROCESSORS[kind]
    if features and not (platform.machine() == "x86_64" and "avx2" in Path("/proc/cpuinfo").read_text()):
        pytest.skip("needs an x86-64 processor with AVX2")
    code = """
from rowscope.kernels.results import GroupSums
patterns = np.arange(1 << 16, dtype="<u2").view(np.uint8).reshape(-1, 2).copy()
for dtype in ("F16", "BF16", "F8_E5M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ"):
    form = formats.FORMATS[dtype]
    fast, plain = RowColumns.allocate(1 << 16), RowColumns.allocate(1 << 16)
    dispatch.scan("numba", form, patterns, fast)
    dispatch.scan("numpy", form, patterns, plain)
    np.testing.assert_array_equal(fast.sum, plain.sum)
    np.testing.assert_array_equal(fast.max, plain.max)
    wide = np.random.default_rng(0).integers(0, 60, (40, 208), dtype=np.uint8)
    groups, sums = np.arange(40, dtype=np.int8) // 20, [GroupSums.allocate(2, form.width(208)) for _ in "ab"]
    dispatch.scan("numba", form, wide, RowColumns.allocate(40), groups, sums[0])
    dispatch.scan("numpy", form, wide, RowColumns.allocate(40), groups, sums[1])
    for group in (0, 1):
        np.testing.assert_allclose(sums[0].mean(group), sums[1].mean(group), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(sums[0].scatter(group), sums[1].scatter(group), rtol=1e-12)
    np.testing.assert_allclose(sums[0].unit_sum, sums[1].unit_sum, rtol=1e-12, atol=1e-15)
"""
    run(code, NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features, NUMBA_CACHE_DIR=str(tmp_path))


@pytest.mark.parametrize("shift", [1, 2, 7, 8])
@pytest.mark.parametrize("dtype", ["BF16", "F32", "F64", "F8_E5M2"])
def test_rows_at_any_address(dtype: str, shift: int) -> None:
    """Tensors in a file begin where the header ends, whatever that is."""
    raw = np.random.default_rng(0).integers(0, 60, (9, 176), dtype=np.uint8)
    room = np.zeros(raw.size + 16, np.uint8)
    moved = room[shift : shift + raw.size].reshape(raw.shape)
    moved[:] = raw
    there, here = RowColumns.allocate(9), RowColumns.allocate(9)
    dispatch.scan("numba", FORMATS[dtype], moved, there)
    dispatch.scan("numba", FORMATS[dtype], raw, here)
    for name in RowColumns.names():
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))


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
