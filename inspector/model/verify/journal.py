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
from rowscope.inspector.errors import RefusedError, UsageError
from rowscope.inspector.model.loading.load import Loaded
from rowscope.inspector.model.verify.measure import Setting
from rowscope.inspector.model.verify.results import Measured
from rowscope.inspector.storage import write_whole

# Seconds between two writings of the file.
_EVERY: Final = 5.0
# Elements of each parameter that go into the digest of a model.
_ELEMENTS: Final = 4096


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
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _unlike(path, f"cannot be read ({why})") from error
    try:
        head, *lines = [json.loads(line) for line in text.splitlines()] or [None]
        known = {line["id"]: Measured(**{k: v for k, v in line.items() if k != "id"}) for line in lines}
    except (ValueError, TypeError, KeyError) as error:
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


def _unlike(path: str, why: str) -> UsageError:
    return UsageError(
        f"--resume: {path!r} {why}; name the file that such a run wrote, or a new one", location="--resume"
    )
