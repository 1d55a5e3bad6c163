"""Write hostile folders one after the other, run commands on each, and print what it cost.

    python fuzz/hostile.py [--audit] [NAME ...]

Each is a small sound checkpoint in which one thing is out of all proportion. No command may take more than
10 s of processor time or 500 MB of memory on it, print more than a megabyte of text, end in a traceback or
with an exit code that says nothing of the folder; the script exits 1 where one does. --audit runs that alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from hostile_checkpoints import FOLDERS as CHECKPOINTS
from hostile_given import FOLDERS as GIVEN
from hostile_given import FURTHER
from hostile_tokenizers import FOLDERS as TOKENIZERS
from hostile_tokenizers import sound

SECONDS, MEGABYTES, PRINTED = 10, 500, 1.0
CAP = 60
"""Seconds of processor time after which a command is killed."""

FOLDERS = {**TOKENIZERS, **CHECKPOINTS, **GIVEN}
COMMANDS: dict[str, list[str]] = {
    "audit": ["audit", "PATH"],
    "audit --format html": ["audit", "PATH", "--format", "html"],
    "audit --format json": ["audit", "PATH", "--format", "json"],
    "inspect": ["inspect", "PATH"],
    "rows": ["rows", "PATH", "--ids", "0:8"],
    "suspects": ["suspects", "PATH"],
    "mask": ["mask", "PATH"],
    "diff": ["diff", "PATH", "PATH"],
    "claim --dry-run": ["claim", "PATH", "<|new|>", "--dry-run"],
    "undo": ["undo", "PATH"],
}
WHOLE = ("html", "json")
"""Formats that may hold all of a list."""


class Cost(NamedTuple):
    """What one command took: seconds of processor time, megabytes of memory and of output; what is wrong."""

    seconds: float
    memory: float
    printed: float
    code: int
    wrong: str


def cost(name: str, folder: Path) -> Cost:
    """One command in a process of its own."""
    import resource

    words = COMMANDS[name] if name in COMMANDS else FURTHER[name][1]
    words = [word.replace("PATH", str(folder)) for word in words]
    with tempfile.TemporaryFile("w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rowscope", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CAP, CAP)),
        )
        _, status, used = os.wait4(process.pid, 0)
        output.seek(0)
        text = output.read()
    code, printed = os.waitstatus_to_exitcode(status), len(text) / 1e6
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    faults = {
        "time": seconds > SECONDS,
        "memory": memory > MEGABYTES,
        "text": printed > PRINTED and not name.endswith(WHOLE),
        "traceback": b"Traceback" in text,
        "exit code": code not in ((0, 1, 3, 5) if name in COMMANDS else (0, 1, 2, 3, 5)),
    }
    return Cost(seconds, memory, printed, code, ", ".join(fault for fault, is_so in faults.items() if is_so))


def write(name: str, folder: Path) -> None:
    """The folder, by a process of its own: what this one holds counts as memory of those that it starts."""
    process = os.fork()
    if process == 0:
        try:
            sound(folder)
            FOLDERS[name]()(folder)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(process, 0)[1]:
        raise RuntimeError(f"{name}: the folder could not be written")


def main(words: list[str]) -> int:
    """Print a line for each folder and command; 1 where one costs too much."""
    wanted = [word for word in words if word != "--audit"] or list(FOLDERS)
    commands = ["audit"] if "--audit" in words else list(COMMANDS)
    failures = 0
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="hostile-") as root:
            folder = Path(root) / "checkpoint"
            folder.mkdir()
            write(name, folder)
            further = [name for name, (needed, _) in FURTHER.items() if (folder / needed).exists()]
            for command in [*commands, *further]:
                took = cost(command, folder)
                failures += bool(took.wrong)
                print(
                    f"{took.seconds:5.1f} s {took.memory:5.0f} MB {took.printed:7.3f} MB printed  exit "
                    f"{took.code}  {command:19} {name}{took.wrong and f'  BAD: {took.wrong}'}",
                    flush=True,
                )
            shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
