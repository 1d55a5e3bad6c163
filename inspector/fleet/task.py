"""One task is one checkpoint: what a worker is given, what it does, what it gives back."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.audit import audit as run_audit
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.errors import CheckpointError, RefusedError, RowscopeError
from rowscope.inspector.fleet.keys import content_key, footprint
from rowscope.inspector.fleet.options import AuditOptions
from rowscope.inspector.fleet.parts import encode
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.fleet.records import Records, failure_of, records_of
from rowscope.inspector.fleet.store import Entry
from rowscope.inspector.gate import Baseline, apply_baseline, apply_selection, read_baseline
from rowscope.inspector.storage import File, LocalFolder, read_json

_STATE = "trainer_state.json"
_LARGEST_STATE = 256 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """One checkpoint to audit.

    Attributes:
        place: which.
        options: how.
        stated: what of the options counts, taken once for all tasks; rowscope's version is among it.
        known: keys of results that are there: contents of one of them are not audited again.
    """

    place: Place
    options: AuditOptions
    stated: Mapping[str, Any]
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        place: of which checkpoint.
        entry: name of the result; with an empty `part`, of one that is there already.
        part, rows: the files to store.
        code, message: of a failure, or of what makes a result partial.
        host: where it was audited.
        bytes: size of the weights files.
        resident: bytes of memory that the worker holds afterwards; 0 where nobody looked.
    """

    place: Place
    entry: Entry
    part: bytes
    rows: bytes | None = None
    code: str | None = None
    message: str | None = None
    host: str = ""
    bytes: int = 0
    resident: int = 0


def work(task: Task) -> Outcome:
    """Audit one checkpoint. What is wrong with it is an outcome; an exception is a fault of rowscope."""
    start = time.perf_counter()
    if task.stated["version"] != rowscope.__version__:
        return _failed(task, _other_version(task), None, None, start)
    before = footprint(task.place, task.options, task.stated)
    key = None
    try:
        key = content_key(task.place, task.options, task.stated)
        if key in task.known:
            return Outcome(task.place, Entry(task.place.checkpoint, before, key, "audited", None), b"")
        place, records, rows = _audited(task)
        if before != footprint(task.place, task.options, task.stated):
            raise _changed(task.place)
    except RowscopeError as error:
        return _failed(task, error, before, key, start)
    except MemoryError:
        return _failed(task, _too_large(task.place), before, key, start)
    first = records.checkpoint
    entry = Entry(place.checkpoint, before, key, first["status"], first["worst_severity"])
    partial = "; ".join(first["skipped"]) if first["status"] == "partial" else None
    finished = _finished(task, records, key, start)
    return Outcome(
        place,
        entry,
        encode(finished),
        rows,
        code=None if partial is None else "PARTIAL",
        message=partial,
        host=finished.checkpoint["host"],
        bytes=first["bytes"],
    )


def failure(task: Task, error: RowscopeError, seen: str | None) -> Outcome:
    """The outcome of a task that no worker could end; `seen` is the checkpoint's footprint."""
    return _failed(task, error, seen, None, time.perf_counter())


def _audited(task: Task) -> tuple[Place, Records, bytes | None]:
    options = task.options
    checkpoint = open_checkpoint(
        task.place.source, tokenizer=options.tokenizer, base=options.base, remote=options.remote
    )
    place = _with_step(task.place, checkpoint)
    report = _gated(run_audit(checkpoint, reachability=options.reachability), options)
    records = records_of(place, report)
    if not options.rows:
        return place, records, None
    from rowscope.inspector.fleet.rows import encode_rows

    return place, records, encode_rows(place, checkpoint)


def _gated(report: Report, options: AuditOptions) -> Report:
    """The findings that count: those selected, without those of the baseline."""
    report = apply_selection(report, options.select, options.ignore)
    return report if options.baseline is None else apply_baseline(report, _baseline(options.baseline))


@lru_cache(maxsize=1)
def _baseline(path: str) -> Baseline:
    return read_baseline(Path(path))


def _with_step(place: Place, checkpoint: Checkpoint) -> Place:
    """With the step that the trainer noted, where the name gives none."""
    folder = checkpoint.folder
    if place.step is not None or not isinstance(folder, LocalFolder) or folder.kind(_STATE) != "file":
        return place
    try:
        state = read_json(File(folder, _STATE), _LARGEST_STATE)
    except CheckpointError:
        return place
    step = state.get("global_step") if isinstance(state, dict) else None
    return dataclasses.replace(place, step=step) if type(step) is int and 0 <= step < 1 << 62 else place


def _finished(task: Task, records: Records, key: str | None, start: float) -> Records:
    """With when, where and with what."""
    import json

    more = {
        "key": key,
        "options": json.dumps(task.stated, sort_keys=True),
        "host": socket.gethostname(),
        "audited_at": time.time_ns() // 1_000_000,
        "seconds": time.perf_counter() - start,
    }
    return dataclasses.replace(records, checkpoint={**records.checkpoint, **more})


def _failed(task: Task, error: RowscopeError, seen: str | None, key: str | None, start: float) -> Outcome:
    records = _finished(task, failure_of(task.place, error), key, start)
    return Outcome(
        task.place,
        Entry(task.place.checkpoint, seen, key, "failed", None),
        encode(records),
        code=error.code,
        message=error.message,
        host=records.checkpoint["host"],
    )


def _changed(place: Place) -> RowscopeError:
    return CheckpointError(
        f"{place.path!r} changed while it was audited; run again when it is written completely",
        location=place.path,
        code="CHANGED",
    )


def _too_large(place: Place) -> RowscopeError:
    return RefusedError(
        f"{place.path!r} takes more memory than a worker may use; run again with --retry-failed and a larger "
        "--memory, or fewer --workers",
        location=place.path,
        code="MEMORY",
    )


def _other_version(task: Task) -> RowscopeError:
    return RefusedError(
        f"rowscope {rowscope.__version__} on {socket.gethostname()!r} cannot work for a run of rowscope "
        f"{task.stated['version']}; install the same version on all machines",
        location=socket.gethostname(),
        code="VERSION",
    )
