"""Run a probe of model mode; print its memory beside the model's size, in bytes, as JSON.

`python probe_memory.py PATH PROBE DTYPE`. The libraries are loaded by the same probe on the built-in `demo`
first, a model of 2 MB, so that what is counted beyond them is the model and what the probe makes of it. Reads
/proc, so Linux alone.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rowscope.inspector import model

TEXT = "The lamp costs <NUM> 12 today, and the chair <NUM> 40."

PROBES: Mapping[str, Callable[..., Any]] = {
    "forward": lambda path, **more: model.forward(path, limit=32, **more),
    "gradient": model.gradient,
    "leak": lambda path, **more: model.leak(path, rollout_tokens=4, **more),
    "leak --rl-steps": lambda path, **more: model.leak(
        path, policy=model.Policy(steps=1), rollout_tokens=4, **more
    ),
    "verify": lambda path, **more: model.verify(path, suspects=64, controls=64, **more),
    "train": lambda path, **more: model.train(path, steps=1, variants=("full",), learning_rate=1e-5, **more),
    "train --variant token-only": lambda path, **more: model.train(
        path, steps=1, variants=("token-only",), learning_rate=1e-3, **more
    ),
    "distil": lambda path, **more: model.distil(path, {"<NUM>": slot(path)}, [TEXT] * 8, steps=2, **more),
}
"""Each on as little as reaches its peak: whole batches, but few of them."""


def slot(path: str) -> int:
    """The id that a claim would take."""
    import rowscope

    return int(rowscope.reserved_ids(path)[0])


class Peak:
    """The largest resident memory since the start, sampled by a thread, in all and of which file pages."""

    def __init__(self) -> None:
        self.most = {"VmRSS": 0, "RssAnon": 0, "RssFile": 0}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.look()

    def look(self) -> None:
        now = status()
        self.most = {key: max(value, now[key]) for key, value in self.most.items()}

    def end(self) -> dict[str, int]:
        self._over.set()
        self._thread.join()
        self.look()
        return self.most


def status() -> dict[str, int]:
    """Lines of /proc/self/status in bytes."""
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key in ("VmRSS", "RssAnon", "RssFile", "VmHWM"):
            found[key] = int(rest.split()[0]) * 1024
    return found


def main(path: str, probe: str, dtype: str) -> None:
    run = PROBES[probe]
    settings: dict[str, Any] = {"device": "cpu", "dtype": dtype}
    run("demo", **settings)
    before, peak = status(), Peak()
    result = run(path, **settings)
    most = peak.end()
    bytes_each = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}[result.settings.dtype]
    print(
        json.dumps(
            {
                "dtype": result.settings.dtype,
                "model": result.settings.parameters * bytes_each,
                "libraries": before["VmRSS"],
                "peak": max(most["VmRSS"], status()["VmHWM"]),
                "anonymous": most["RssAnon"] - before["RssAnon"],
                "file": most["RssFile"] - before["RssFile"],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
