"""Commands that pages show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def written(page: str) -> Iterator[str]:
    """Lines of code, fenced or set in, that call `rowscope`, up to a comment, a pipe or a redirection.

    What is joined by `&&` comes one by one.
    """
    fenced = False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        found = re.match(r"\$? ?(rowscope [a-z].*)" if fenced else r" {4}(rowscope [a-z].*)", line)
        if found:
            for part in found[1].split(" && "):
                yield re.split(r"\s(?:#|\||>|\|\|)\s", part)[0].strip()
