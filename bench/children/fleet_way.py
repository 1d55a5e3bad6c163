"""Audit all checkpoints of a folder in one of several ways; print the seconds that it took, as JSON.

`python fleet_way.py WAY FOLDER STORE`, WAY is `loop` (one after the other, in this process), `local`, `ray`.
What starts before the clock does: the imports, and a Ray of two processors.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import rowscope


def main(way: str, folder: str, store: str) -> None:
    paths = sorted(Path(folder).iterdir())
    if way == "ray":
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    rowscope.audit("demo")  # the imports
    start = time.perf_counter()
    if way == "loop":
        done = sum(rowscope.audit(path).complete for path in paths)
    else:
        done = rowscope.fleet(paths, store, way, workers=2).audited
    seconds = time.perf_counter() - start
    assert done == len(paths), done
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
