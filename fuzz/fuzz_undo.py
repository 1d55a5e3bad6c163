"""atheris target: undo manifests of any bytes in a folder that somebody else made, trusted for once.

Input: byte 0 below 128 puts the rest into the manifest that a claim wrote, see `manifest_of`; else the rest
is the manifest. `undo` must take the claim back or refuse with one RowscopeError; outside the checkpoint
nothing may change, in it nothing but the files of the claim.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    from rowscope.inspector.claim import apply_claim_in_place, plan_claim, undo_claim
    from rowscope.inspector.errors import RowscopeError

import numpy as np
from safetensors.numpy import save_file

_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # fsync costs nothing there
_ROOT = Path(tempfile.mkdtemp(prefix="fuzz-undo-", dir=_MEMORY))
os.environ.setdefault("XDG_STATE_HOME", str(_ROOT / "state"))
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
_CLAIMED, _FOLDER, _HOME = _ROOT / "claimed", _ROOT / "checkpoint", _ROOT / "home"
_MANIFEST = Path(".rowscope-undo/0001/manifest.json")
TABLE, OTHER = "model.embed_tokens.weight", "model.norm.weight"


def write_claimed(folder: Path) -> None:
    """A checkpoint of 40 rows in which a claim was made in place, with a link that leads out of it."""
    folder.mkdir()
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("f4")
    save_file({TABLE: rows, OTHER: np.ones(8, "f4")}, folder / "model.safetensors")
    model = {"type": "WordLevel", "vocab": {f"w{id}": id for id in range(32)}, "unk_token": "w0"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    config = {"vocab_size": 40, "hidden_size": 8, "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "notes.txt").write_text("not the tokenizer's")
    apply_claim_in_place(plan_claim(folder, "<NUM>", values="like:w3"))
    (folder / "assets").symlink_to(_HOME)


def state_of(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder; of a link where it leads."""
    found = {}
    for above, folders, files in os.walk(folder):
        for name in (*files, *folders):
            path = os.path.join(above, name)
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = os.fsencode(os.readlink(path))
            elif name in files:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


_HOME.mkdir()
(_HOME / "known.txt").write_text("a file of known content")
write_claimed(_CLAIMED)
_SEED = (_CLAIMED / _MANIFEST).read_bytes()
_OUTSIDE, _INSIDE = state_of(_HOME), state_of(_CLAIMED)
_MAY_CHANGE = ("tokenizer.json", "model.safetensors", "rowscope-claim.json", ".rowscope-undo/")


def manifest_of(data: bytes) -> bytes:
    """Bytes 1 and 2: where in the claim's own manifest; byte 3: how many bytes go; the rest stands there."""
    if data[:1] >= b"\x80":
        return data[1:]
    at, gone = int.from_bytes(data[1:3], "little") % len(_SEED), data[3] if len(data) > 3 else 0
    return _SEED[:at] + data[4:] + _SEED[at + gone :]


def renew() -> None:
    """The checkpoint as the claim left it."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    shutil.copytree(_CLAIMED, _FOLDER, symlinks=True)


def one_input(data: bytes) -> None:
    """Undo by one manifest; the checkpoint is made again where the last one changed it."""
    raw = manifest_of(data)
    (_FOLDER / _MANIFEST).write_bytes(raw)
    before = _INSIDE | {str(_MANIFEST): raw}
    try:
        undo_claim(_FOLDER, trust_manifest=True)
    except RowscopeError as error:
        if not error.message:
            raise RuntimeError("an error without a message") from error
    after = state_of(_FOLDER)
    if after != before:
        renew()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert all(name.startswith(_MAY_CHANGE) for name in changed), f"changed: {sorted(changed)}"
    assert state_of(_HOME) == _OUTSIDE, "a file outside of the checkpoint changed"


renew()

if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
