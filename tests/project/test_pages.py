"""The pages for readers: their commands run, and the site builds without a warning."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rowscope import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["docs/quick-start.md", "docs/reading-the-report.md", "docs/faq.md", "docs/comparison.md"]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page):
    return [line for block in blocks(page, "console") for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_run(page, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    found = commands(page)
    assert found
    for number, line in enumerate(found):
        words = shlex.split(line)
        assert words[0] == "rowscope", line
        if words[1] == "probe":
            continue  # needs the extra `model`, and seconds: test_docs.py runs each probe on demo
        # Each page writes its example files once; a later command may name the same folder again.
        if "--out" in words and (tmp_path / words[-1]).exists():
            (tmp_path / words[-1]).rename(tmp_path / f"{words[-1]}-{number}")
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in (0, None), (line, capfd.readouterr().err)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_the_python_runs(page):
    for code in blocks(page, "python"):
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("material", reason="extra docs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    done = subprocess.run(
        [*build, "-f", ROOT / "mkdocs.yml", "-d", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(PAGES)
    called = re.compile(
        r"<(?:script|link|img)[^>]*(?:src|href)=\"?https?://[^\">]*\.(?:js|css|woff2?|png|svg)"
    )
    assert not [page for page in pages if called.search(page.read_text(encoding="utf-8"))]
