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
        source: what is opened: an absolute path, `org/name` of the local cache, a URL, `demo`.
        path: how results spell it: the source without what may be a secret in a URL.
        checkpoint: identifier of the source: 16 hexadecimal digits.
        series: path of the run or repository that the checkpoint is a step of, else its own path.
        model: short name of the series.
        step: training step that the name gives, None for none.
        revision: commit, branch or tag, None where there is none.
    """

    source: str
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
    def remote(self) -> bool:
        """Whether a network is in between."""
        return "://" in self.source

    @property
    def pinned(self) -> bool:
        """Whether the path names a commit of the hub, which nothing can change."""
        return self.remote and self.revision is not None and bool(_COMMIT.fullmatch(self.revision))


@dataclass(frozen=True, slots=True)
class _Named:
    """What stands in a path: the fields of `Place` of the same names."""

    series: str
    model: str
    step: int | None = None
    revision: str | None = None


def place_of(source: str) -> Place:
    """What a path names; nothing is read."""
    checkpoint = hashlib.sha256(os.fsencode(source)).hexdigest()[:16]
    path, named = _named(source)
    return Place(source, path, checkpoint, named.series, named.model, named.step, named.revision)


def _named(source: str) -> tuple[str, _Named]:
    """How to spell a path, and what stands in it."""
    scheme, mark, _ = source.partition("://")
    if mark and scheme.lower() == "hf":
        return source, _hub(source)
    if mark:
        try:
            address = urlsplit(source)
        except ValueError:  # whoever opens it says what is wrong with it
            return f"{scheme}://{source.rpartition('@')[2].rpartition('://')[2]}", _Named(scheme, scheme)
        path = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        return path, _of_parts(path)
    snapshot = _SNAPSHOT.fullmatch(source)
    if snapshot is not None:
        name = snapshot["name"].replace("--", "/")
        return source, _Named(snapshot["home"], name, None, snapshot["commit"])
    if os.path.isabs(source):
        return source, _of_parts(source)
    name, _, revision = source.partition("@")
    return source, _Named(name, name, step_of(revision), revision or None)


def step_of(name: str) -> int | None:
    """The training step that a name gives: 500 for `checkpoint-500`, `step_500`, `global_step500`."""
    match = _STEP.fullmatch(name)
    return None if match is None else int(match["step"])


def _hub(path: str) -> _Named:
    words = path.partition("://")[2].strip("/").removeprefix("models/")
    match = _REPOSITORY.fullmatch(words)
    if match is None:
        return _Named(path, words)
    below = (match["below"] or "").strip("/")
    step = step_of(match["revision"] or "")
    step = step_of(below.rpartition("/")[2]) if step is None else step
    return _Named(f"hf://{match['name']}", match["name"], step, match["revision"])


def _of_parts(path: str) -> _Named:
    """By the last two parts of a path: a step's series is the folder above it."""
    folder = path.rstrip("/")
    above, _, last = folder.rpartition("/")
    if last.endswith((".safetensors", ".safetensors.index.json")) and above:
        file, folder = last, above
        above, _, last = folder.rpartition("/")
        if step_of(last) is None:  # one file of several in a folder: the file is what is audited
            return _Named(path, f"{last}/{file}")
    step = step_of(last)
    if step is None or not above:
        return _Named(folder or path, last or path)
    return _Named(above, above.rpartition("/")[2] or above, step)
