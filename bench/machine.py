"""Facts about the machine and the libraries that a reader needs to place the numbers. No names of hosts."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.report import Table

LIBRARIES = (
    "rowscope",
    "numpy",
    "numba",
    "safetensors",
    "torch",
    "transformers",
    "tokenizers",
    "ml_dtypes",
)
INSTRUCTIONS = ("avx2", "avx512f", "avx512bw", "f16c", "asimd", "sve")


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine is: tasks that run or wait (one-minute average), and clock ticks so far."""

    average: float
    stolen: int
    ticks: int

    @classmethod
    def now(cls) -> Load:
        stolen, ticks = _ticks()
        return cls(os.getloadavg()[0], stolen, ticks)


def facts(before: Load, after: Load, settings: str) -> Table:
    """Machine facts, with the load before and after the measurements."""
    stolen = (after.stolen - before.stolen) / max(after.ticks - before.ticks, 1)
    rows = [
        ("processor", f"{_processor()}, {_cores()} cores, {_instructions()}"),
        ("caches", _caches()),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("system", f"{platform.system()} {_release()} {platform.machine()}"),
        ("libraries", f"Python {platform.python_version()}, " + ", ".join(_versions())),
        ("load average", f"{before.average:.2f} before, {after.average:.2f} after (the run itself counts)"),
        ("time taken by other guests", f"{stolen:.1%} of the processors' time"),
        ("run", settings),
    ]
    return Table("", ("", "value"), rows)


def _release() -> str:
    """Version of the kernel, without what its builders append."""
    return platform.release().partition("-")[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _instructions() -> str:
    known = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return " ".join(name for name in INSTRUCTIONS if name in known) or "instruction sets unknown"


def _caches() -> str:
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} absent")
    return found


def _ticks() -> tuple[int, int]:
    """Ticks stolen by the hypervisor, and all ticks, since the machine started."""
    path = Path("/proc/stat")
    if sys.platform != "linux" or not path.exists():
        return 0, 0
    fields = [int(field) for field in path.read_text().splitlines()[0].split()[1:9]]
    return fields[7], sum(fields)
