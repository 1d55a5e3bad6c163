"""Downloads that are under way or were given up, and files that lost the digest they came with (FIL005)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint.problem import Problem
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import File, Folder, local_file
from rowscope.inspector.text import say

# What download tools put behind the name of a file that is not whole yet: aria2, curl and browsers, wget2,
# Hugging Face, Chrome, Firefox and Safari, FileZilla, axel.
UNFINISHED: Final = (
    ".aria2",
    ".part",
    ".partial",
    ".incomplete",
    ".crdownload",
    ".download",
    ".filepart",
    ".st",
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT = re.compile(r"[0-9a-f]{40}")
_LOCAL_RECORDS = Path(".cache") / "huggingface" / "download"  # huggingface_hub, `_local_folder.py`


@record
class Verified:
    """What `inspect --verify` compared: files with the right digest, files whose digest nobody states."""

    right: tuple[str, ...]
    unknown: tuple[str, ...]
    wrong: tuple[Problem, ...]

    def to_dict(self) -> dict[str, list[str]]:
        """JSON: names of files by what was found."""
        wrong = [str(problem.evidence["file"]) for problem in self.wrong]
        return {"right": list(self.right), "unknown": list(self.unknown), "wrong": wrong}


def unfinished_of(name: str, present: Iterable[str]) -> list[str]:
    """Files of `present` that a download tool keeps while it writes the file `name`."""
    there = set(present)
    return [name + suffix for suffix in UNFINISHED if name + suffix in there]


def check_unfinished(names: Sequence[str], present: Sequence[str], folder: Folder) -> Iterator[Problem]:
    """FIL005: a file that is there beside what its unfinished download left."""
    if not any(name.endswith(UNFINISHED) for name in present):
        return
    for name in names:
        left = unfinished_of(name, present)
        if left:
            yield Problem(
                "FIL005",
                say("{left!r} lies beside {file!r}: its download has not finished", left=left[0], file=name),
                folder.spell(name),
                {"kind": "unfinished", "file": name, "beside": left},
                say(
                    "finish or repeat the download of {file!r}; where it is whole, remove {left!r}",
                    file=name,
                    left=left[0],
                ),
                severity="error",
            )


def verify(folder: Folder, names: Sequence[str]) -> Verified:
    """Compare files with the digests that the Hugging Face cache keeps of them.

    In the cache a file is a link to a blob that is named by its digest: sha256 of the content, or git's sha1
    of small files. Beside a `--local-dir` download the digest stands in `.cache/huggingface/download`.
    """
    root = folder.local()
    right, unknown, wrong = [], [], []
    for name in names:
        stated = _stated(root, name)
        if stated is None:
            unknown.append(name)
            continue
        found = _digest(File(folder, name), stated)
        if found == stated:
            right.append(name)
        else:
            wrong.append(
                Problem(
                    "FIL005",
                    say(
                        "the content of {file!r} has the digest {found}, its download had {stated}",
                        file=name,
                        found=found,
                        stated=stated,
                    ),
                    folder.spell(name),
                    {"kind": "digest", "file": name, "stated": stated, "actual": found},
                    say("remove {file!r} and download it again", file=str((root / name).resolve())),
                    severity="error",
                )
            )
    return Verified(tuple(right), tuple(unknown), tuple(wrong))


def _stated(root: Path, name: str) -> str | None:
    blob = (root / name).resolve()
    if blob.parent.name == "blobs" and (_SHA256.fullmatch(blob.name) or _GIT.fullmatch(blob.name)):
        return blob.name
    record = root / _LOCAL_RECORDS / f"{name}.metadata"
    if not record.is_file():
        return None
    lines = local_file(record).head(0, 4096)[0].decode("ascii", "replace").split("\n")
    etag = lines[1].strip() if len(lines) > 1 else ""
    return etag if _SHA256.fullmatch(etag) or _GIT.fullmatch(etag) else None


def _digest(file: File, stated: str) -> str:
    if len(stated) == 64:
        return file.digest("sha256")
    size = file.head(0, 0)[1]
    return file.digest("sha1", b"blob %d\0" % size)  # git hash-object
