"""The pages for readers: their commands run, and the site builds without a warning."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from rowscope import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["docs/quick-start.md", "docs/reading-the-report.md", "docs/faq.md", "docs/comparison.md"]
PAGES += ["README.zh.md", "docs/zh/verdicts.md", "docs/report.md"]
TRANSLATED = ["quick-start.md", "faq.md"]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page):
    return [line for block in blocks(page, "console") for line in block.splitlines()]


def needs_model(words):
    """Whether a line takes the extra `model`, or reads what such a line wrote."""
    return words[1] == "probe" or "--verified" in words


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_run(page, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    found = commands(page)
    assert found
    for number, line in enumerate(found):
        words = shlex.split(line)
        assert words[0] == "rowscope", line
        if words[:3] == ["rowscope", "probe", "leak"] or (
            find_spec("transformers") is None and needs_model(words)
        ):
            continue  # test_docs.py runs `probe leak demo`, tests/model its --rl-steps: they take long
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


@pytest.mark.parametrize("page", TRANSLATED)
def test_the_chinese_page_gives_the_same_commands(page):
    """So what runs there runs here; the code is the same but for its comments."""
    assert commands(f"docs/zh/{page}") == commands(f"docs/{page}")
    english, chinese = ([re.sub(r"#.*", "", code) for code in blocks(at, "python")] for at in pair(page))
    assert chinese == english


@pytest.mark.parametrize("page", TRANSLATED)
def test_the_chinese_page_gives_the_same_figures(page):
    figures = [set(re.findall(r"\d+(?:,\d{3})+|0\.\d+", (ROOT / at).read_text("utf-8"))) for at in pair(page)]
    assert figures[0] == figures[1]


def pair(page):
    return f"docs/{page}", f"docs/zh/{page}"


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_links_of_the_readme_lead_somewhere(readme):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / readme).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


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
