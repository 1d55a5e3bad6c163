"""The frame of every HTML page: one file that needs nothing else and may do nothing else.

Its policy allows the style sheet and the script that stand in it, by their digests: markup in a name could
load or run nothing, even if it got through.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.render.html.markup import text

_ASSETS: Final = Path(__file__).parent / "assets"
_STYLES: Final = ("uplot/uPlot.min.css", "style.css")
_SCRIPTS: Final = ("uplot/uPlot.iife.min.js", "data.js", "table.js", "picture.js", "main.js")


def page(
    body: Iterable[str], *, title: str, language: str = "en", data: Mapping[str, Any] | None = None
) -> str:
    """One HTML5 document in UTF-8, readable on a phone, printable, light and dark.

    Args:
        body: markup of what stands in `main`, its `h1` included.
        title: plain text, for the window.
        data: JSON for the script, as `explorer` packs it; a page without data has no script.
    """
    parts = [
        "<!doctype html>",
        f'<html lang="{language}"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(data is not None)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{text(title)}</title>",
        f"<style>{style()}</style></head>",
        "<body><main>",
        *body,
        "</main>",
    ]
    if data is not None:
        parts.append(f'<script type="application/json" id="data">{_inert_json(data)}</script>')
        parts.append(f"<script>{script()}</script>")
    parts.append("</body></html>")
    return "\n".join(parts) + "\n"


def policy(with_script: bool) -> str:
    """The Content-Security-Policy of a page."""
    allowed = [f"style-src 'sha256-{_digest(style())}'"]
    if with_script:
        allowed.append(f"script-src 'sha256-{_digest(script())}'")
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


@cache
def style() -> str:
    """The style sheet as it stands in the page."""
    return _joined(_STYLES)


@cache
def script() -> str:
    """The script as it stands in the page: the drawing library, then ours."""
    return _joined(_SCRIPTS)


def _joined(names: Iterable[str]) -> str:
    return "\n" + "\n".join((_ASSETS / name).read_text("utf-8").strip() for name in names) + "\n"


def _digest(inline: str) -> str:
    return base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()


def _inert_json(data: Mapping[str, Any]) -> str:
    """JSON in ASCII in which nothing ends the element that it stands in."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
