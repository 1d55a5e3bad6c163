"""Results that can be written as documents, and which format the name of a file says.

A result knows by name who renders it, and asks there when a document is wanted: the one call upwards in the
house, so that a report in a notebook can be shown and saved. Nothing is imported before that.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Final

from rowscope.inspector.errors import RefusedError, UsageError

SUFFIXES: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".htm": "html",
    ".html": "html",
    ".json": "json",
    ".jsonl": "jsonl",
    ".markdown": "markdown",
    ".md": "markdown",
    ".ndjson": "jsonl",
    ".npy": "numpy",
    ".parquet": "parquet",
    ".py": "python",
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".txt": "text",
}
"""Ends of file names that say a format. Other names go with any."""

_RENDERER: Final = "rowscope.inspector.render.audit"


def format_of(file: str) -> str | None:
    """The format that a file's name says; None where it says none."""
    name = file.lower()
    ends = (end for end in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(end))
    return next((SUFFIXES[end] for end in ends), None)


class Documented:
    """Base of a report: its documents as text, and a file of any of them."""

    __slots__ = ()

    def to_html(self) -> str:
        """One page that needs nothing else."""
        return self._document("html")

    def to_markdown(self) -> str:
        """CommonMark with tables."""
        return self._document("markdown")

    def to_sarif(self) -> str:
        """SARIF 2.1.0, as JSON."""
        return self._document("sarif")

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the report to a file, whole or not at all.

        Args:
            path: its name says the format: `.html`, `.md`, `.sarif`, `.json`, `.txt`.
            format: html, markdown, sarif, json, text, github or model-card, where the name says none.

        Raises:
            UsageError: neither says a format, or one that reports do not have.
            RefusedError: the file cannot be written.
        """
        file = os.fsdecode(path)
        wanted = format or format_of(file)
        if wanted is None:
            raise UsageError(
                f"{file!r} does not say a format; call it .html, .md, .sarif, .json or .txt, or give format=",
                location=file,
            )
        write = importlib.import_module("rowscope.inspector.storage").write_output
        try:
            write(file, self._document(wanted).encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise RefusedError(
                f"cannot write {file!r}: {error.strerror}; give another path", location=file
            ) from error

    def _document(self, format: str) -> str:
        render = importlib.import_module(_RENDERER)
        text: str = render.render_report(self, format, exit_code=getattr(self, "exit_code")())  # noqa: B009
        return text

    def _repr_html_(self) -> str:
        text: str = importlib.import_module(_RENDERER).notebook_html(self)
        return text
