"""What was measured so far, in a file of JSON lines, so that a run can go on where another ended."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import rowscope
from rowscope.inspector.errors import CheckpointError, RefusedError, UsageError
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.verify.measure import Setting
from rowscope.inspector.model.verify.results import Measured
from rowscope.inspector.storage import decode_json, local_file, write_whole

# Seconds between two writings of the file.
_EVERY: Final = 5.0
# Elements of each parameter that go into the digest of a model.
_ELEMENTS: Final = 4096
# Bytes of a file of numbers.
_LONGEST: Final = 256 << 20


class Journal:
    """The file `path`: a line that says of what the numbers are, then one line a token.

    It is written whole or not at all; without a path nothing is kept.

    Raises:
        UsageError: the file cannot be read, or is not such a file.
        RefusedError: (OTHER_RUN) its numbers are of another model, dtype, device or setting.
    """

    def __init__(self, path: str | None, about: dict[str, Any]) -> None:
        self._path = path
        self._about = about
        self._last = time.monotonic()
        self.known: dict[int, Measured] = {} if path is None else _read(path, about)

    def add(self, measured: Iterable[tuple[int, Measured]]) -> None:
        """Take in what was measured; written now and then."""
        self.known |= dict(measured)
        if time.monotonic() - self._last >= _EVERY:
            self.write()

    def write(self) -> None:
        """Put everything that is known into the file.

        Raises:
            UsageError: the system does not let it be written.
        """
        if self._path is None:
            return
        lines = [json.dumps(self._about)]
        lines += [
            json.dumps({"id": id, **dataclasses.asdict(found)}) for id, found in sorted(self.known.items())
        ]
        try:
            write_whole(self._path, ("\n".join(lines) + "\n").encode())
        except OSError as error:
            raise UsageError(
                f"--resume: cannot write {self._path!r}: {error.strerror}; give a file in a folder that you "
                "may write to",
                location="--resume",
            ) from error
        self._last = time.monotonic()


def describe(loaded: Loaded, setting: Setting) -> dict[str, Any]:
    """What the numbers of a run depend on, beside the token itself."""
    forms = {name: dataclasses.astuple(form) for name, form in (setting.prompts | setting.carriers).items()}
    return {
        "rowscope_verify": 1,
        "version": rowscope.__version__,
        "path": os.fspath(loaded.checkpoint.path),
        "model": _model_digest(loaded),
        "device": loaded.device,
        "dtype": loaded.dtype,
        "questions": _digest(json.dumps(forms)),
        "others": _digest(json.dumps(setting.others.tolist())),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _model_digest(loaded: Loaded) -> str:
    """Of the name, shape and first elements of every parameter."""
    found = hashlib.sha256()
    for name, parameter in loaded.network.named_parameters():
        found.update(f"{name} {tuple(parameter.shape)}".encode())
        first = parameter.detach().flatten()[:_ELEMENTS].float().cpu().numpy()
        found.update(first.tobytes())
    return found.hexdigest()[:16]


def _read(path: str, about: dict[str, Any]) -> dict[int, Measured]:
    if not os.path.lexists(path):
        return {}
    try:
        text = local_file(Path(path)).read(_LONGEST, "the numbers of a run").decode("utf-8")
    except CheckpointError as error:
        raise _unlike(path, f"cannot be read ({error.message})") from error
    except UnicodeDecodeError as error:
        raise _unlike(path, "cannot be read (it is not UTF-8)") from error
    try:
        head, *lines = [decode_json(line) for line in text.splitlines()] or [None]
        known = dict(map(_measured, lines))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unlike(path, "holds no numbers of an earlier run") from error
    if not isinstance(head, dict) or "rowscope_verify" not in head:
        raise _unlike(path, "holds no numbers of an earlier run")
    other = [name for name in about if name != "path" and head.get(name) != about[name]]
    if other:
        raise RefusedError(
            f"--resume {path!r} holds numbers of another run: {other[0]} was {head.get(other[0])!r} and is "
            f"{about[other[0]]!r}; name another file, or remove it",
            location="--resume",
            code="OTHER_RUN",
        )
    return known


def _measured(line: dict[str, Any]) -> tuple[int, Measured]:
    """A line of the file.

    Raises:
        TypeError, KeyError: it is none.
    """
    id = line["id"]
    found = Measured(**{name: value for name, value in line.items() if name != "id"})
    columns = (found.p, found.first, found.second, found.standing)
    numbers = all(
        isinstance(column, dict) and all(type(share) in (int, float) for share in column.values())
        for column in columns
    )
    if type(id) is not int or not numbers:
        raise TypeError(f"{id!r} is no id, or its numbers are none")
    return id, found


def _unlike(path: str, why: str) -> UsageError:
    return UsageError(
        f"--resume: {path!r} {why}; name the file that such a run wrote, or a new one", location="--resume"
    )
