"""PATH as a user gives it -> the folder, file or index that it means. Only a URL touches the network."""

from __future__ import annotations

import os
import re
import shlex
import stat
from pathlib import Path
from typing import Any, Final, Literal

import rowscope
from rowscope.inspector.errors import CheckpointError, UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage import (
    File,
    Folder,
    LocalFolder,
    RemoteOptions,
    hub_cache,
    kind_of,
    read_range,
    reason,
)
from rowscope.inspector.text import say

INDEX_SUFFIX = ".safetensors.index.json"

_CACHED: Final = re.compile(r"models--(?P<name>[\w.-]+)", re.ASCII)
_SHORT: Final = re.compile(r"[0-9a-f]{7,40}")
_REPOSITORY = re.compile(r"(?P<name>[\w][\w.-]*(?:/[\w][\w.-]*)?)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_COMMIT = re.compile(r"[\w.-]+", re.ASCII)
_WHAT_IS_A_PATH = (
    "give a folder, a .safetensors file, a .safetensors.index.json, org/name from the Hugging Face cache, "
    "a URL (hf://org/name, https://...), or demo"
)
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://", re.ASCII | re.IGNORECASE)


@record
class Location:
    """What PATH turned out to be.

    Attributes:
        kind: a folder to look through, one weights file, or an index.
        folder: the folder that holds config and tokenizer files.
        name: the file in it; nothing for a folder.
        notes: what the user should know about the choice.
    """

    kind: Literal["folder", "file", "index"]
    folder: Folder
    name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The folder on the local disk, for rooms that write; RefusedError where it is elsewhere."""
        return self.folder.local()

    @property
    def file(self) -> File:
        """The weights file or index that was named."""
        return File(self.folder, self.name)


def path_text(path: Any) -> str:  # noqa: ANN401 - whatever a caller takes for a path
    """A path as text.

    Raises:
        UsageError: it is none.
    """
    try:
        return os.fsdecode(path)
    except TypeError:
        from rowscope.inspector.ranges import shortened  # loads numpy

        raise UsageError(
            f"{shortened(path)} is no path; give a folder, a file, org/name, a URL or 'demo'", location="path"
        ) from None


def locate(path: str, remote: RemoteOptions | None = None) -> Location:
    """Find what PATH means; a local path wins over the cache and over `demo`.

    Args:
        remote: what the user decided about remote places.

    Raises:
        CheckpointError: nothing there, or nothing that can hold a checkpoint.
        MissingExtraError, RemoteError: a URL whose place cannot be opened.
    """
    scheme = _SCHEME.match(path)
    if scheme is not None:
        if scheme["scheme"].lower() == "file":
            return locate(_of_file_url(path))
        from rowscope.inspector.checkpoint.remote import remote_folder

        folder, name = remote_folder(path, remote or RemoteOptions(), (".safetensors", INDEX_SUFFIX))
        kind: Literal["folder", "file", "index"] = "index" if name.endswith(INDEX_SUFFIX) else "file"
        return Location(kind if name else "folder", folder, name)
    local = Path(path)
    try:
        mode = os.stat(path).st_mode if path else None
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        raise CheckpointError(
            f"cannot open {path!r}: {reason(error)}; check the path and its permissions", location=path
        ) from error
    if mode is None:
        return _elsewhere(path)
    if stat.S_ISDIR(mode):
        return _cache_folder(path, local) or Location("folder", LocalFolder(local))
    if not stat.S_ISREG(mode):
        raise CheckpointError(f"{path!r} is {kind_of(mode)}; {_WHAT_IS_A_PATH}", location=path)
    return _local_file(local)


def _cache_folder(path: str, local: Path) -> Location | None:
    """The snapshot in a repository's folder of a Hugging Face cache, or in a cache that holds but one model.

    Raises:
        CheckpointError: a cache with several models, or a repository without a snapshot to take.
    """
    match = _CACHED.fullmatch(Path(os.path.abspath(local)).name)
    if match is not None and (local / "snapshots").is_dir():
        return _snapshot(path, local, match["name"].replace("--", "/", 1), None)
    if match is not None or any(local.glob("*.safetensors")) or (local / "config.json").exists():
        return None
    homes = sorted(home for home in local.glob("models--*") if (home / "snapshots").is_dir())
    if not homes:
        return None
    if len(homes) == 1:
        return _cache_folder(path, homes[0])
    names = [home.name for home in homes]
    more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
    raise CheckpointError(
        f"{path!r} is a Hugging Face cache with {len(names):,} models; give one of them: "
        f"{', '.join(shlex.quote(os.path.join(path, name)) for name in names[:6])}{more}",
        location=path,
    )


def _of_file_url(url: str) -> str:
    """The path of a `file://` URL (RFC 8089).

    Raises:
        CheckpointError: it names another machine, or no path.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise CheckpointError(
            f"{url!r} names no file of this machine; give file:///path/to/folder, or the path itself",
            location=url,
        )
    return unquote(parts.path)


def _local_file(path: Path) -> Location:
    if path.name.endswith(INDEX_SUFFIX):
        return Location("index", LocalFolder(path.parent), path.name)
    if path.name.endswith(".safetensors"):
        return Location("file", LocalFolder(path.parent), path.name)
    from rowscope.inspector.checkpoint.foreign import conversion, foreign_format

    known = foreign_format([path.name], shlex.quote(str(path.parent)))
    raise CheckpointError(
        f"{str(path)!r} is no safetensors file; {known or conversion(path.suffix) or _WHAT_IS_A_PATH}",
        location=str(path),
    )


def _elsewhere(path: str) -> Location:
    if path == "demo":
        return Location("folder", LocalFolder(Path(rowscope.__file__).parent / "demo"))
    match = _REPOSITORY.fullmatch(path)
    if match is None or ".." in path or os.path.lexists(path):
        why = "is a link that leads nowhere" if path and os.path.lexists(path) else "does not exist"
        raise CheckpointError(f"{path!r} {why}; {_WHAT_IS_A_PATH}", location=path)
    return _cached(path, match["name"], match["revision"])


def _cached(path: str, name: str, revision: str | None) -> Location:
    """The snapshot of a repository: `models--org--name/snapshots/<commit>`."""
    folder = hub_cache() / f"models--{name.replace('/', '--')}"
    if "/" not in name and not folder.is_dir():
        raise CheckpointError(f"{path!r} does not exist; {_WHAT_IS_A_PATH}", location=path)
    download = f"hf download {name}" + (f" --revision {revision}" if revision else "")
    if not folder.is_dir():
        raise CheckpointError(
            f"{path!r} is neither a local path nor in the Hugging Face cache (looked for {str(folder)!r}); "
            f"read it from the hub with hf://{path}, download it with {download!r}, or give a folder",
            location=path,
        )
    return _snapshot(path, folder, name, revision)


def _snapshot(path: str, folder: Path, name: str, revision: str | None) -> Location:
    """A commit of a repository's folder: that of a ref, a whole commit, or the beginning of one."""
    download = f"hf download {name}" + (f" --revision {revision}" if revision else "")
    snapshots = folder / "snapshots"
    commit = _commit(folder, revision or "main")
    if commit is not None and (snapshots / commit).is_dir():
        return Location("folder", LocalFolder(snapshots / commit))
    present = sorted(entry.name for entry in snapshots.iterdir()) if snapshots.is_dir() else []
    begun = [entry for entry in present if revision and entry.startswith(revision)]
    if len(begun) == 1 and _SHORT.fullmatch(revision or ""):
        return Location("folder", LocalFolder(snapshots / begun[0]))
    if revision is None and len(present) == 1:
        note = say(
            "the cache has no ref 'main' for {name!r}; its only snapshot {snapshot!r} was taken",
            name=name,
            snapshot=present[0],
        )
        return Location("folder", LocalFolder(snapshots / present[0]), notes=(note,))
    raise CheckpointError(
        f"the Hugging Face cache holds {name!r} without revision {revision or 'main'!r} "
        f"(snapshots: {', '.join(present) or 'none'}); read it from the hub with hf://"
        f"{name}{'@' + revision if revision else ''}, download it with {download!r}, or give "
        f"{name}@COMMIT or a folder",
        location=path,
    )


def _commit(folder: Path, revision: str) -> str | None:
    """The commit that a branch, tag or commit name stands for; None where the cache does not know it."""
    reference = folder / "refs" / revision
    if reference.is_file():
        text = read_range(reference, 0, 256)[0].decode("ascii", "replace").strip()
        return text if _COMMIT.fullmatch(text) and ".." not in text else None
    return revision if _COMMIT.fullmatch(revision) else None
