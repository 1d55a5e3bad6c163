"""The compiled kernels as functions: from a file where an earlier process left them, else compiled and kept.

Loading takes llvmlite alone, milliseconds where numba takes a third of a second; a process that finds all the
kernels it wants never imports numba.
"""
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from rowscope.kernels.arguments import ENTRY, flat
from rowscope.kernels.compile import kept
from rowscope.kernels.private import CHECKED

Kernel = Callable[..., None]

Engine = Literal["numba", "numpy"]

WORTH_LOADING = 20_000_000
"""Elements from which the compiled kernels win where an earlier process has left them on the disk."""

WORTH_CALLING = 50_000
"""Elements from which they win once they are there."""

_WANTED = ".wanted"
_SOURCES = Path(__file__).parent.parent

_lock = threading.Lock()
_loaded: dict[tuple[str, ...], Kernel] = {}


def kernel(name: str, *variant: str) -> Kernel:
    """A kernel by its name and the formats it is made for; see `rowscope.kernels.compile.build`.

    Its arguments are the named tuples of `rowscope.kernels.arguments`. It runs without Python's global lock.
    """
    key = (name, *variant)
    found = _loaded.get(key)
    if found is None:
        with _lock:  # one thread compiles, others wait
            found = _loaded.get(key) or _loaded.setdefault(key, _load(key))
    return found


def choose_engine(elements: int, worth_compiling: int, name: str, *variant: str) -> Engine:
    """Whether numpy or a compiled kernel is faster on so many elements.

    A kernel that would have to be compiled is, from `worth_compiling` elements on, and when it is wanted for
    the second time with the same cache: a machine that is used once, as in CI, never pays for it, another one
    pays once.
    """
    key = (name, *variant)
    if elements >= WORTH_CALLING and key in _loaded:
        return "numba"
    if elements < WORTH_LOADING:
        return "numpy"
    if elements >= worth_compiling or kept.has(_folders(), _name(key)) or _wanted_before(key):
        return "numba"
    return "numpy"


def _wanted_before(key: tuple[str, ...]) -> bool:
    """Whether this cache has been asked for the kernel before; it has from now on."""
    return kept.marked_before(_folders(), f"{_name(key)}{_WANTED}")


def _load(key: tuple[str, ...]) -> Kernel:
    name = _name(key)
    code = kept.read(_folders(), name)
    if code is not None:
        return _link(code)
    from rowscope.kernels.compile.build import build

    code = build(*key)
    folder = kept.write(_folders(), name, code)
    if folder is not None:
        _clean(folder, name)
    return _link(code)


def _clean(folder: Path, name: str) -> None:
    """Remove the mark of the kernel, and its machine code and marks of other sources."""
    import re

    stem = name.removesuffix(f"{_stamp()}.o")
    old = re.compile(rf"{re.escape(stem)}[0-9a-f]{{16}}\.o({re.escape(_WANTED)})?")
    kept.remove(folder, lambda other: other != name and old.fullmatch(other) is not None)


def _link(code: bytes) -> Kernel:
    """Machine code as a function of this process, for as long as it runs."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)

    function = ctypes.CFUNCTYPE(ctypes.c_int32)(address)

    def call(*groups: NamedTuple) -> None:
        room = ctypes.c_int64()  # for a result and an exception, which there never are
        place = ctypes.addressof(room)
        status = function(*map(ctypes.c_int64, (place, place, *flat(groups))))
        assert status == 0
        assert engine is not None  # it holds the kernel's memory

    return call


def _name(key: tuple[str, ...]) -> str:
    """What the file of a kernel is called."""
    return ".".join((*key, _stamp(), "o")).lower()


def _folders() -> list[Path]:
    """Where machine code may lie, best place first: the folder that the environment names for numba, or else
    one beside the sources and the user's. Where owners cannot be checked, the user's alone."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named and CHECKED:
        return [Path(named) / "rowscope"]
    found = [_SOURCES / "__pycache__"] if CHECKED else []
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(home):
        found.append(Path(home) / "rowscope")
    return found


@cache
def _stamp() -> str:
    """Hash of what machine code depends on: the kernels' sources, the compilers, the processor."""
    # Modules that small work can do without are imported where they are needed.
    import hashlib
    import platform

    import llvmlite
    import llvmlite.binding as llvm

    state = hashlib.sha256()
    numba = find_spec("numba")
    features = os.environ.get("NUMBA_CPU_FEATURES", llvm.get_host_cpu_features().flatten())
    processor = os.environ.get("NUMBA_CPU_NAME", llvm.get_host_cpu_name())
    version = _numba_version(numba.origin if numba else None)
    for fact in (
        version,
        llvmlite.__version__,
        sys.implementation.cache_tag,
        platform.machine(),
        processor,
        features,
    ):
        state.update(str(fact).encode() + b"\0")
    for source in sorted(_SOURCES.rglob("*.py")):
        name = source.relative_to(_SOURCES).as_posix()
        state.update(name.encode() + b"\0" + source.read_bytes())
    return state.hexdigest()[:16]


def _numba_version(origin: str | None) -> bytes:
    """What tells one installed numba from another, without importing it."""
    if origin is None:
        return b""
    try:
        return Path(origin).with_name("_version.py").read_bytes()
    except OSError:
        return Path(origin).read_bytes()
