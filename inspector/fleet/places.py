"""What a path says about its checkpoint: an identifier, the run that it belongs to, its training step."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_STEP: Final = re.compile(
    r"(?:checkpoint|ckpt|global[_-]?steps?|steps?|iter(?:ation)?)[_-]?(?P<step>\d{1,15})"
    r"(?:[_-](?:tokens?\d+\w*|unsharded|hf))?",
    re.IGNORECASE | re.ASCII,
)
_SNAPSHOT: Final = re.compile(r"(?P<home>.*/models--(?P<name>[^/]+))/snapshots/(?P<commit>[^/]+)")
_REPOSITORY: Final = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./%-]+?))?(?P<below>/.*)?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """A checkpoint of a fleet, as its path names it.

    Attributes:
        path: as it is opened: an absolute path, `org/name` of the local cache, a URL, `demo`.
        checkpoint: identifier of the path: 16 hexadecimal digits.
        series: path of the run or repository that the checkpoint is a step of, else its own path.
        model: short name of the series.
        step: training step that the name gives, None for none.
        revision: commit, branch or tag, None where there is none.
    """

    path: str
    checkpoint: str
    series: str
    model: str
    step: int | None = None
    revision: str | None = None

    def record(self) -> dict[str, Any]:
        """The columns with which every row of every table begins."""
        return {
            "checkpoint": self.checkpoint,
            "path": self.path,
            "series": self.series,
            "model": self.model,
            "step": self.step,
        }

    @property
    def pinned(self) -> bool:
        """Whether the path names a commit of the hub, which nothing can change."""
        return "://" in self.path and self.revision is not None and bool(_COMMIT.fullmatch(self.revision))


def place_of(path: str) -> Place:
    """What a path names; nothing is read."""
    checkpoint = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    scheme, mark, _ = path.partition("://")
    if mark and scheme.lower() == "hf":
        return _hub(path, checkpoint)
    if mark:
        address = urlsplit(path)
        return _of_parts(path, checkpoint, f"{address.scheme}://{address.netloc}{address.path}")
    snapshot = _SNAPSHOT.fullmatch(path)
    if snapshot is not None:
        name = snapshot["name"].replace("--", "/")
        return Place(path, checkpoint, snapshot["home"], name, None, snapshot["commit"])
    if os.path.isabs(path):
        return _of_parts(path, checkpoint, path)
    name, _, revision = path.partition("@")
    return Place(path, checkpoint, name, name, step_of(revision), revision or None)


def step_of(name: str) -> int | None:
    """The training step that a name gives: 500 for `checkpoint-500`, `step_500`, `global_step500`."""
    match = _STEP.fullmatch(name)
    return None if match is None else int(match["step"])


def _hub(path: str, checkpoint: str) -> Place:
    words = path.partition("://")[2].strip("/").removeprefix("models/")
    match = _REPOSITORY.fullmatch(words)
    if match is None:
        return Place(path, checkpoint, path, words)
    below = (match["below"] or "").strip("/")
    last = below.rpartition("/")[2]
    step = step_of(match["revision"] or "")
    step = step_of(last) if step is None else step
    return Place(path, checkpoint, f"hf://{match['name']}", match["name"], step, match["revision"])


def _of_parts(path: str, checkpoint: str, whole: str) -> Place:
    """By the last two parts of a path: a step's series is the folder above it."""
    trimmed = whole.rstrip("/")
    above, _, last = trimmed.rpartition("/")
    if last.endswith((".safetensors", ".safetensors.index.json")) and above:
        inner, trimmed = last, above
        above, _, last = trimmed.rpartition("/")
        if step_of(last) is None:  # one file of several in a folder: the file is what is audited
            return Place(path, checkpoint, whole, f"{last}/{inner}")
    step = step_of(last)
    if step is None or not above:
        return Place(path, checkpoint, trimmed or whole, last or whole)
    return Place(path, checkpoint, above, above.rpartition("/")[2] or above, step)
