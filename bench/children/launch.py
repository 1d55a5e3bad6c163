"""Run a command in a new process; write its wall time, peak memory and exit status to a file as JSON.

`python -I -S launch.py RESULT COMMAND ARGUMENT…`. It stands between the benchmark and the command and is as
small as a process of Python can be: Linux counts the memory of the parent at the fork as a peak of the child.
"""

import json
import os
import sys
import time


def main() -> None:
    result, command = sys.argv[1], sys.argv[2:]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    found = {
        "seconds": seconds,
        "memory": usage.ru_maxrss * unit,
        "status": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
