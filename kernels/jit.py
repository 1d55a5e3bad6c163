"""How the kernels are compiled: without the interpreter's lock, cached on disk where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered and fused, which vector code needs. NaN and infinity keep their meaning: with the
# full set of fastmath flags the compiler assumes that there are none and drops every test for them.
_FLAGS = {"reassoc", "contract", "nsz"}


def kernel(function: Function) -> Function:
    """Compile an entry point on its first call; keep the machine code in numba's cache folder.

    numba keys the cache on the file of the entry point alone, so an entry point may call compiled functions
    of its own file only: a change in another file would go unnoticed. Where no cache folder can be written
    (read-only installation and no home), the machine code lives as long as the process.
    """
    try:
        compiled: Any = njit(nogil=True, fastmath=_FLAGS, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba: "no locator available"
        compiled = njit(nogil=True, fastmath=_FLAGS, error_model="numpy")(function)
    return cast(Function, compiled)


def part(function: Function) -> Function:
    """Compile a piece of an entry point of the same file."""
    compiled: Any = njit(nogil=True, fastmath=_FLAGS, error_model="numpy")(function)
    return cast(Function, compiled)
