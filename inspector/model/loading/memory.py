"""Whether a model fits, asked before any of it is loaded."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.frozen import record

BYTES: Final = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}

# Activations and logits of one batch, which the probes keep below this, and the libraries themselves.
WORKSPACE: Final = 1 << 30

_CGROUP: Final = Path("/sys/fs/cgroup")


@record
class Need:
    """Bytes that a probe needs, by what for.

    `copies` is how many times the parameters are held beside the model itself (gradients, optimiser
    states, a copy to go back to), `matrices` how many times the vocabulary matrices are.
    """

    weights: int
    copies: int
    matrices: int

    @property
    def total(self) -> int:
        return self.weights + self.copies + self.matrices + WORKSPACE


def estimate(
    parameters: int, matrix_elements: int, dtype: str, *, copies: int = 0, matrices: int = 0
) -> Need:
    """Bytes for a model of `parameters` elements in `dtype` under a probe.

    Args:
        matrix_elements: elements of the vocabulary matrices together.
        copies, matrices: see `Need`, as counts.
    """
    size = BYTES[dtype]
    return Need(parameters * size, copies * parameters * size, matrices * matrix_elements * size)


def available(torch: Any, device: str) -> int:  # noqa: ANN401 - the module
    """Bytes that can still be taken on a device: free CUDA memory, or RAM within the control group."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    return min(_ram(), _cgroup_rest())


def _ram() -> int:
    """Available RAM: the kernel's own estimate where it gives one, else what POSIX tells."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                return int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    page = _sysconf("SC_PAGE_SIZE")
    pages = _sysconf("SC_AVPHYS_PAGES") or _sysconf("SC_PHYS_PAGES")
    # A system that tells neither (Windows has no sysconf) cannot be asked: nothing is refused there.
    return page * pages if page and pages else 1 << 62


def _sysconf(name: str) -> int | None:
    if not hasattr(os, "sysconf") or name not in os.sysconf_names:
        return None
    value = os.sysconf(name)
    return value if value > 0 else None


def _cgroup_rest() -> int:
    """What the tightest control group around this process leaves; page cache counts as free."""
    rest = 1 << 62
    for folder in _cgroup_folders():
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit = _number(folder / limit_name)
            used = _number(folder / used_name)
            if limit is not None and used is not None:
                rest = min(rest, max(limit - used + _reclaimable(folder), 0))
    return rest


def _cgroup_folders() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, group = [*line.split(":", 2), "", ""][:3]
        if controllers not in ("", "memory"):
            continue
        base = _CGROUP / "memory" if controllers == "memory" else _CGROUP
        path = base / group.lstrip("/")
        folders += [path, *(p for p in path.parents if p == base or base in p.parents)]
    # In a container the group's own path may not exist below the mount: its limits then stand at the root.
    return [*folders, _CGROUP, _CGROUP / "memory"]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # absent, or "max"
        return None


def _reclaimable(folder: Path) -> int:
    try:
        lines = (folder / "memory.stat").read_text("ascii").splitlines()
    except OSError:
        return 0
    stat = dict(line.split()[:2] for line in lines if len(line.split()) >= 2)
    return int(stat.get("inactive_file", "0"))


def require_fit(need: Need, free: int, *, dtype: str, device: str, path: str, probe: str) -> None:
    """Refuse what cannot fit.

    Raises:
        RefusedError: `need` exceeds `free`.
    """
    if need.total <= free:
        return
    parts = [f"{_gb(need.weights)} weights"]
    if need.matrices:
        parts.append(f"{_gb(need.matrices)} gradients of the vocabulary matrices")
    if need.copies:
        parts.append(f"{_gb(need.copies)} gradients, optimiser states and a copy of the weights")
    parts.append(f"{_gb(WORKSPACE)} workspace")
    smaller = [name for name in ("float32", "bfloat16") if BYTES[name] < BYTES[dtype]]
    advice = f"use --dtype {smaller[-1]}, " if smaller else "use "
    advice += "another --device, or a machine with more memory"
    if probe == "train":
        advice += "; `--variant token-only` trains one row and needs far less"
    raise RefusedError(
        f"{probe} on {path!r} in {dtype} needs about {_gb(need.total)} ({', '.join(parts)}), and "
        f"{device} has {_gb(free)} available; {advice}",
        location="memory",
        code="NO_MEMORY",
    )


def give_back() -> None:
    """Hand freed memory back to the system, which glibc would keep for the process; elsewhere nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
