"""Counts of token ids in text that lies on this machine: sources, documentation, licences, change logs."""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_PROSE: Final = (".md", ".rst", ".txt")
_CODE: Final = (
    ".py",
    ".pyi",
    ".js",
    ".c",
    ".h",
    ".cpp",
    ".html",
    ".css",
    ".sh",
    ".pl",
    ".xml",
    ".yml",
    ".toml",
)
_LARGEST: Final = 1 << 20
"""Larger files are tables and generated code as a rule."""
_LONGEST_LINE: Final = 2_000
_BATCH: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is read.

    Attributes:
        roots: folders, walked in sorted order.
        english: prose and docstrings alone, and of those the lines that are ASCII.
        limit: characters after which to stop.
    """

    roots: tuple[Path, ...]
    english: bool
    limit: int

    @property
    def key(self) -> str:
        """Name of a cache entry."""
        text = f"{self.roots} {self.english} {self.limit}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each id occurs, and in how many files; int64 [rows]. `characters`, `read` say of how much."""

    times: NDArray[np.int64]
    files: NDArray[np.int64]
    characters: int
    read: int


def usual_roots() -> tuple[Path, ...]:
    """Python's library, the installed packages, the system's documentation."""
    paths = sysconfig.get_paths()
    found = [Path(paths["stdlib"]), Path(paths["purelib"]), Path("/usr/share/doc"), Path("/usr/share/perl")]
    return tuple(dict.fromkeys(path.resolve() for path in found if path.is_dir()))


def count(tokenizer: Any, rows: int, corpus: Corpus) -> Counts:
    """Tokenise the corpus with a tokenizer of the package tokenizers."""
    times, files = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    characters = read = 0
    for batch in _batches(_documents(corpus), corpus.limit):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            ids, counts = np.unique(np.array(encoding.ids, np.int64), return_counts=True)
            inside = ids < rows
            times[ids[inside]] += counts[inside]
            files[ids[inside]] += 1
        characters += sum(map(len, batch))
        read += len(batch)
        print(f"  {characters / 1e6:.0f} M characters", file=sys.stderr, flush=True)
    return Counts(times, files, characters, read)


def _batches(documents: Iterable[str], limit: int) -> Iterator[list[str]]:
    batch: list[str] = []
    size = total = 0
    for document in documents:
        batch.append(document)
        size += len(document)
        if size >= _BATCH:
            yield batch
            total += size
            batch, size = [], 0
            if total >= limit:
                return
    if batch:
        yield batch


def _documents(corpus: Corpus) -> Iterator[str]:
    """Every file once (by content), roots taken in turn so that a limit does not cut one off."""
    seen: set[bytes] = set()
    walks = [iter(sorted(_files(root, corpus.english))) for root in corpus.roots]
    while walks:
        for walk in list(walks):
            path = next(walk, None)
            if path is None:
                walks.remove(walk)
                continue
            text = _read(path, seen)
            if text and corpus.english:
                text = "\n".join(line for line in _prose(path, text).splitlines() if line.isascii())
            if text and text.strip():
                yield text


def _files(root: Path, english: bool) -> Iterator[Path]:
    for path in root.rglob("*"):
        wanted = path.suffix in (*_PROSE, ".py") or (not english and path.suffix in _CODE)
        wanted |= path.name in ("copyright", "changelog", "NEWS", "README", "METADATA")
        if wanted and path.is_file() and path.stat().st_size <= _LARGEST:
            yield path


def _read(path: Path, seen: set[bytes]) -> str:
    """The text, without lines that no one typed; empty for one read already, and for other encodings."""
    data = path.read_bytes()
    mark = hashlib.sha256(data).digest()
    if mark in seen:
        return ""
    seen.add(mark)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "\n".join(line for line in text.splitlines() if len(line) <= _LONGEST_LINE)


def _prose(path: Path, text: str) -> str:
    """Documentation as it is; of a Python file its docstrings."""
    if path.suffix != ".py":
        return text
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return "\n\n".join(doc for doc in found if doc)
