"""How the kernels are compiled: free of the interpreter's lock, kept on disk where a folder can be had."""
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import numba
from numba.core import serialize
from numba.core.caching import FunctionCache

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # Sums may be reordered and fused, which vector code needs. NaN and infinity keep their meaning: with
    # the full set of flags the compiler assumes that there are none and drops every test for them.
    "fastmath": {"reassoc", "contract", "nsz"},
}


def kernel(function: Function) -> Function:
    """Compile an entry point on its first call and keep the machine code for later processes.

    Where no folder can be written (a read-only installation and no home) each process compiles anew.
    """
    compiled: Any = numba.njit(**_OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # numba: "no locator available"
        compiled._cache = KernelCache(function)
    return cast(Function, compiled)


def part(function: Function) -> Function:
    """Compile a piece of the entry points."""
    return cast(Function, numba.njit(**_OPTIONS)(function))


class KernelCache(FunctionCache):
    """numba's cache, in numba's folders (`NUMBA_CACHE_DIR`, beside the source, the user's), with other files.

    numba's own files go stale when a function in another file changes; and processes that compile different
    versions of a kernel at once give their data the same name, so that one can load the other's machine
    code. These carry the whole key in their name. A folder that turns out not to be writable, or a damaged
    file, costs a compilation instead of an exception.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        self._cache_file: Any = KernelFiles(Path(self.cache_path), name)

    def save_overload(self, sig: Any, data: Any) -> None:  # noqa: ANN401 - numba's types
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()


class KernelFiles:
    """One file for each version of a kernel: `<kernel>.<stamp of the sources>.<version>.nbc`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def save(self, key: object, data: object) -> None:
        """Write a version, whole or not at all, and remove those of other sources.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._path(key)
        content = serialize.dumps(data)
        beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            beside.write_bytes(hashlib.sha256(content).digest() + content)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        for old in self._folder.glob(f"{self._name}.*.nbc"):
            if not old.name.startswith(f"{self._name}.{_stamp()}."):
                old.unlink(missing_ok=True)

    def load(self, key: object) -> Any:  # noqa: ANN401 - numba's types
        """The version saved under `key`, or None where there is none or it is damaged."""
        try:
            stored = self._path(key).read_bytes()
        except OSError:
            return None
        digest, content = stored[:32], stored[32:]
        return pickle.loads(content) if hashlib.sha256(content).digest() == digest else None

    def flush(self) -> None:
        """Remove every version."""
        for path in self._folder.glob(f"{self._name}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        version = hashlib.sha256(repr(key).encode()).hexdigest()[:20]
        return self._folder / f"{self._name}.{_stamp()}.{version}.nbc"


@cache
def _stamp() -> str:
    """Hash of what machine code depends on besides the key: all kernel sources, the compilers' versions."""
    state = hashlib.sha256()
    for version in (numba.__version__, llvmlite.__version__, str(sys.implementation.cache_tag)):
        state.update(version.encode() + b"\0")
    for source in sorted(Path(__file__).parent.glob("*.py")):
        state.update(source.name.encode() + b"\0" + source.read_bytes())
    return state.hexdigest()[:16]
