"""PATHs as a user gives them -> the checkpoints of a fleet: folders, steps of runs, lists, globs."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint import locate, path_text
from rowscope.inspector.errors import RowscopeError, UsageError
from rowscope.inspector.fleet.compact import natural
from rowscope.inspector.fleet.places import Place, place_of, step_of
from rowscope.inspector.fleet.store import MARKER
from rowscope.inspector.storage import reason

_WEIGHTS: Final = (".safetensors", ".safetensors.index.json")
_SIGNS: Final = re.compile(
    r"config\.json|adapter_config\.json|params\.json|modules\.json|pytorch_model.*\.bin|.*\.gguf"
    r"|.*\.safetensors\.(incomplete|part|aria2|crdownload|tmp)"
)
"""Names that say that a folder is meant as a checkpoint, though it holds no weights that can be read: it
becomes a failure that says so, and is not passed over."""

_DEEPEST: Final = 8
_SHARD: Final = re.compile(r"(\d{1,9})/([1-9]\d{0,8})", re.ASCII)


def expand(paths: Iterable[str | os.PathLike[str]]) -> list[Place]:
    """Every checkpoint that the paths mean, once, in the natural order of their names.

    A folder with weights is a checkpoint, and so are the steps in it. Any other folder stands for the
    checkpoints in it, at whatever depth: of a zoo, a run, the Hugging Face cache. A path that does not exist
    is a checkpoint too: that it does not is its outcome.

    Raises:
        UsageError: a pattern that matches nothing, what is no path, or no path at all.
    """
    given = [path_text(path) for path in paths]
    if not given:
        raise UsageError("no checkpoint given; give PATHs, or --list FILE with one a line", location="PATH")
    found = {source: None for path in given for source in _sources(path)}
    places = [place_of(source) for source in found]
    return sorted(places, key=lambda place: natural(place.source))


def read_lists(names: Iterable[str]) -> list[str]:
    """The paths in files with one a line, `#` before remarks; `-` is standard input.

    Raises:
        UsageError: a file that cannot be read.
    """
    return [line for name in names for line in _listed(name)]


def _listed(name: str) -> Iterator[str]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(
            f"--list {name!r} cannot be read: {reason(error)}; give a file with one path a line",
            location="--list",
        ) from error
    lines = (line.strip() for line in text.splitlines())
    return iter([line for line in lines if line and not line.startswith("#")])


def _sources(path: str) -> Iterator[str]:
    scheme, mark, _ = path.partition("://")
    if mark and scheme.lower() != "file":
        yield path
        return
    if mark:
        location = locate(path)
        path = str(location.root / location.name)
    path = os.path.expanduser(path)
    if os.path.lexists(path):
        yield from _of_path(os.path.abspath(path))
        return
    if any(sign in path for sign in "*?["):
        matches = sorted(glob.glob(path, recursive=True), key=natural)
        if not matches:
            raise UsageError(f"{path!r} matches nothing; check the pattern", location="PATH")
        for match in matches:
            # Beside the checkpoints a pattern may meet what is none: a log, a README, the store itself.
            if os.path.exists(os.path.join(match, MARKER)):
                continue
            if os.path.isdir(match) or match.endswith(_WEIGHTS):
                yield from _of_path(os.path.abspath(match))
        return
    yield path if _known(path) else os.path.abspath(path)


def _known(path: str) -> bool:
    """Whether a path that is no file means something else: `demo`, a repository in the local cache."""
    try:
        locate(path)
    except RowscopeError:
        return False
    return True


def _of_path(path: str) -> Iterator[str]:
    found = list(_below(path, 0, set())) if os.path.isdir(path) else []
    yield from found or [path]


def _below(folder: str, depth: int, seen: set[tuple[int, int]]) -> Iterator[str]:
    """The checkpoints in a folder, itself among them where it is one."""
    try:
        status = os.stat(folder)
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: natural(entry.name))
    except OSError:
        if depth:
            yield folder  # that it cannot be listed is its outcome
        return
    if (status.st_dev, status.st_ino) in seen or depth > _DEEPEST:
        return
    seen.add((status.st_dev, status.st_ino))
    names = [entry.name for entry in entries]
    inner = [entry for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    if _is_checkpoint(names):
        yield folder
        inner = [entry for entry in inner if step_of(entry.name) is not None]
    elif "model_index.json" in names:  # a diffusers pipeline: its other parts have no vocabulary
        inner = [entry for entry in inner if entry.name.startswith("text_encoder")]
    elif "snapshots" in names and os.path.basename(folder).startswith("models--"):
        inner = [entry for entry in inner if entry.name == "snapshots"]
    for entry in inner:
        steps = list(_below(entry.path, depth + 1, seen))
        yield from steps or ([entry.path] if _is_meant(entry.name, folder) else [])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_checkpoint(names: Sequence[str]) -> bool:
    return any(name.endswith(_WEIGHTS) or _SIGNS.fullmatch(name) for name in names)


def _is_meant(name: str, folder: str) -> bool:
    """Whether a folder that holds nothing is a checkpoint by its place: a step, a snapshot."""
    return step_of(name) is not None or os.path.basename(folder) == "snapshots"


def shard_of(places: Sequence[Place], number: int, count: int) -> list[Place]:
    """Those of one shard. A checkpoint's shard depends on its path alone, so that none is lost where two
    shards list a folder that grows. `number` counts from 1; 0 and `count` are the same shard."""
    return [place for place in places if int(_digest(place), 16) % count == number % count]


def _digest(place: Place) -> str:
    return hashlib.sha256(place.checkpoint.encode()).hexdigest()[:12]


def read_shard(words: str | None, engine: str) -> tuple[int, int] | None:
    """The shard that `--shard 3/64` names, or with the engine `shard` the task of a Slurm array.

    Raises:
        UsageError: no shard, or nothing tells which.
    """
    if words is not None:
        match = _SHARD.fullmatch(words.strip()) if isinstance(words, str) else None
        if match is None or int(match[1]) > int(match[2]):
            raise UsageError(f"--shard {words!r} is no shard; give one such as 3/64", location="--shard")
        return int(match[1]), int(match[2])
    return _slurm() if isinstance(engine, str) and engine == "shard" else None


def _slurm() -> tuple[int, int]:
    names = [f"SLURM_ARRAY_TASK_{name}" for name in ("ID", "COUNT", "MIN", "STEP")]
    task, count, first, step = (os.environ.get(name, "") for name in names)
    if not (task.isdigit() and count.isdigit()):
        raise UsageError(
            "--engine shard needs --shard, such as 3/64, or a Slurm array (SLURM_ARRAY_TASK_ID and "
            "SLURM_ARRAY_TASK_COUNT)",
            location="--shard",
        )
    at, rest = divmod(int(task) - int(first or 0), int(step or 1))
    if rest or not 0 <= at < int(count):
        raise UsageError(
            f"the Slurm array's task {task} of {count} from {first or 0} on is none of even steps; give "
            "--shard yourself",
            location="--shard",
        )
    return at + 1, int(count)
