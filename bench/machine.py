"""Facts about the machine and the libraries that a reader needs to place the numbers. No names of hosts."""

from __future__ import annotations

import os
import platform
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
    """How busy the machine is, all but the average counted from its start.

    Attributes:
        average: tasks that run or wait, over the last minute.
        total: processor time that there was, in seconds.
        busy: what all processes together took of it.
        own: what this process and its children took of it.
        stolen: what the hypervisor gave to others.
    """

    average: float
    total: float
    busy: float
    own: float
    stolen: float

    @classmethod
    def now(cls) -> Load:
        total, busy, stolen = _processor_seconds()
        return cls(os.getloadavg()[0], total, busy, sum(os.times()[:4]), stolen)

    def others_until(self, later: Load) -> float:
        """Share of the processors' time that other processes took from this moment to a later one."""
        others = (later.busy - self.busy) - (later.own - self.own)
        return max(others, 0.0) / max(later.total - self.total, 1e-9)

    def stolen_until(self, later: Load) -> float:
        """Share of the processors' time that the hypervisor gave to others."""
        return (later.stolen - self.stolen) / max(later.total - self.total, 1e-9)


def facts(before: Load, after: Load, settings: str) -> Table:
    """Machine facts, with the load before and after the measurements."""
    rows = [
        ("processor", f"{_processor()}, {_cores()} cores, {_instructions()}"),
        ("caches", _caches()),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("system", f"{platform.system()} {_release()} {platform.machine()}"),
        ("libraries", f"Python {platform.python_version()}, " + ", ".join(_versions())),
        ("load average", f"{before.average:.2f} before, {after.average:.2f} after (the run itself counts)"),
        ("other processes", f"took {before.others_until(after):.0%} of the processors' time"),
        ("other guests of the host", f"took {before.stolen_until(after):.1%} of it"),
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


def _processor_seconds() -> tuple[float, float, float]:
    """Processor time since the machine started: in all, of all processes, stolen. In seconds."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0, 0.0, 0.0
    fields = [
        int(field) / os.sysconf("SC_CLK_TCK") for field in path.read_text().splitlines()[0].split()[1:9]
    ]
    user, nice, system, idle, waiting, interrupts, soft_interrupts, stolen = fields
    busy = user + nice + system + interrupts + soft_interrupts
    return busy + idle + waiting + stolen, busy, stolen
