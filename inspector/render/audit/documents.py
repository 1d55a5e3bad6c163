"""The audit as a document of a given format: the formats by their names on the command line."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Final

from rowscope.inspector.audit import Report
from rowscope.inspector.errors import UsageError
from rowscope.inspector.plain import json_pieces

# Where each is made; a run writes one or two of them and waits for no other.
_MAKERS: Final[Mapping[str, tuple[str, str]]] = {
    "github": ("github", "render_github"),
    "html": ("html", "render_html"),
    "markdown": ("markdown", "render_audit_markdown"),
    "model-card": ("model_card", "render_model_card"),
    "sarif": ("sarif", "render_sarif"),
    "text": ("text", "render_audit"),
}


def render_report(
    report: Report, format: str, *, exit_code: int, title: str | None = None, lang: str = "en"
) -> str:
    """The report as `json`, `html`, `markdown`, `model-card`, `sarif`, `github` or `text` of 80 columns.

    `title` is for an HTML page; `lang` (`en` or `zh`) for all formats but those that other programs show:
    `model-card`, `sarif` and `github`.

    Raises:
        UsageError: no such format.
    """
    if format == "json":
        return "".join(json_pieces(report.document(exit_code=exit_code), lang))
    if format not in _MAKERS:
        raise UsageError(
            f"no report is written as {format!r}; use json, {', '.join(_MAKERS)}", location=format
        )
    module, name = _MAKERS[format]
    make: Callable[..., str] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    if format == "html":
        return make(report, exit_code=exit_code, title=title, lang=lang)
    if format in ("text", "markdown"):
        return make(report, exit_code=exit_code, lang=lang)
    return make(report, exit_code=exit_code)
