"""Where a finding lives: the file that a person would open, and its address relative to a root."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import quote

from rowscope.inspector.audit import Report
from rowscope.inspector.checks import Finding

# `config.json: eos_token_id`: the form in which checks name a key of a file.
_FILE_KEY: Final = re.compile(r"(?P<file>[^:;/\\\[\]]+\.(?:json|jinja)): ")
_INDEX: Final = "model.safetensors.index.json"


def file_of(report: Report, finding: Finding) -> str:
    """The file that a finding is about, relative to the checkpoint's folder."""
    for matrix in report.matrices:
        if finding.location == matrix.tensor or finding.location.startswith(
            (f"{matrix.tensor}[", f"{matrix.tensor},")
        ):
            return matrix.file
    keyed = _FILE_KEY.match(finding.location)
    if keyed:
        return keyed["file"]
    if finding.code.startswith("FIL"):
        name = os.path.basename(finding.location)
        return name if name.endswith(".json") else _INDEX
    tokenizer = report.census.tokenizer
    if finding.location.startswith("tokenizer") and tokenizer is not None and tokenizer.files:
        return tokenizer.files[-1]
    return report.checkpoint.files[0].name if report.checkpoint.files else "."


def path_of(report: Report, file: str, root: str | None = None) -> str:
    """The path of a checkpoint's file relative to `root` (the working directory), with forward slashes.

    A checkpoint outside `root` is addressed by the name of its folder: neither an absolute path nor `..`
    would mean anything on the machine that reads the report.
    """
    folder = _folder(report)
    joined = os.path.join(folder, file)
    relative = os.path.relpath(joined, root or os.getcwd()) if os.path.isabs(joined) else joined
    relative = os.path.normpath(relative)
    if relative.split(os.sep)[0] == os.pardir:
        relative = os.path.join(os.path.basename(os.path.abspath(folder)), file)
    return relative.replace(os.sep, "/")


def uri_of(report: Report, file: str, root: str | None = None) -> str:
    """`path_of` as a relative URI reference, percent-encoded (RFC 3986)."""
    return quote(os.fsencode(path_of(report, file, root)), safe="/")


def _folder(report: Report) -> str:
    path = report.checkpoint.path
    names = {file.name for file in report.checkpoint.files}
    is_file = os.path.basename(path) in names or path.endswith(".index.json")
    return os.path.dirname(path) if is_file else path
