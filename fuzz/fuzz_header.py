"""atheris target: the header reader against safetensors itself, on files of any bytes.

Input: byte 0 says how the rest becomes a file; see `file_of`. Both readers must agree, apart from a key
given twice, which only rowscope refuses; no exception but RowscopeError may leave the reader.
"""

from __future__ import annotations

import atexit
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    from rowscope.inspector.checkpoint import diagnose
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.header.read import examine_file, read_header
    from rowscope.inspector.storage.local import local_file

import safetensors

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-header-"))
_FILE = _FOLDER / "x.safetensors"
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

_DATA_BYTES = (8, 0, 4, 16)


def file_of(data: bytes) -> bytes:
    """Byte 0 below 8: a header with its true length and 8, 0, 4 or 16 bytes of data; else the file itself."""
    kind, rest = (data[0], data[1:]) if data else (255, b"")
    if kind < 8:
        return struct.pack("<Q", len(rest)) + rest + bytes(_DATA_BYTES[kind % 4])
    return rest


def safetensors_takes(file: bytes) -> bool:
    """The verdict of the format's own library."""
    try:
        safetensors.deserialize(file)
    except safetensors.SafetensorError:
        return False
    return True


def rowscope_takes(path: Path) -> bool:
    """The verdict under test."""
    try:
        read_header(local_file(path))
    except RowscopeError as error:
        if not error.message:
            raise RuntimeError("an error without a message") from error
        return False
    return True


def one_input(data: bytes) -> None:
    """Compare the two verdicts on one file."""
    file = file_of(data)
    _FILE.write_bytes(file)
    accepted = rowscope_takes(_FILE)
    faults = list(examine_file(local_file(_FILE))[1])
    assert accepted == (not faults), "read_header and examine_file disagree"
    assert accepted == (not diagnose(str(_FILE))), "read_header and diagnose disagree"
    if any(fault.rule == "duplicate-key" for fault in faults):
        return
    assert accepted == safetensors_takes(file), f"rowscope {accepted}, safetensors {not accepted}"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
