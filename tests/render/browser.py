"""A real browser without a window: Debian's chromium, or another one that is on the path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str:
    """Path of a browser; skips the test where there is none, or nothing that drives it."""
    pytest.importorskip("playwright", reason="playwright drives the browser (extra test)")
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    return found


@contextmanager
def launched() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = executable()
    # The sandbox of chromium refuses to run as root.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=root)
        yield browser
        browser.close()


class Opened:
    """A page that was opened from a file, and all that it said and asked for meanwhile."""

    def __init__(self, browser: Any, file: Path, anchor: str = "", **options: Any) -> None:
        context = browser.new_context(**options)
        self.page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{file.as_uri()}{anchor}")
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]", timeout=30_000)

    def rows(self) -> list[list[str]]:
        """The cells of the table's rows that are shown."""
        return self.page.evaluate(
            "[...document.querySelectorAll('#rows-body tr')].map((row) => "
            "[...row.cells].map((cell) => cell.textContent))"
        )

    def status(self) -> str:
        return self.page.inner_text("#rows-status")
