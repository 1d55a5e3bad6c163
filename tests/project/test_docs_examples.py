"""The example on the page of a finding is what the command prints."""

from __future__ import annotations

import pytest

from rowscope.inspector.checks import RULES, explain

from .made_for_pages import MADE

FOLDERS = {
    "FIL002": "headless",
    "ROW201": "untied",
    "ROW202": "untied",
    "ROW205": "untied",
    "TIE401": "twice",
    "TIE402": "headless",
    "VOC102": "beyond",
    "VOC103": "untied",
    "VOC104": "untied",
    "VOC105": "untied",
    "VOC107": "untied",
    "VOC108": "layered",
    "VOC109": "layered",
}


def _one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("code", RULES)
def test_the_example_of_a_page_is_printed(code, run, checkpoint_folders, tmp_path, monkeypatch):
    example = _one_line(explain(code).split("## Example")[1].replace("```", " "))
    monkeypatch.chdir(tmp_path)
    words = ["audit", checkpoint_folders[FOLDERS[code]] if code in FOLDERS else "demo"]
    if code in MADE:
        words = MADE[code](tmp_path / "qwen")
    _, out, err = run(*words)
    printed = _one_line(out) + " " + _one_line(err)
    assert example in printed, "\n".join(line for line in (out + err).splitlines())
