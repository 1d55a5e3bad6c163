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
FOR_BEGINNERS = ["docs/quick-start.md", "docs/reading-the-report.md", "docs/faq.md"]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page):
    return [line for block in blocks(page, "console") for line in block.splitlines()]


def needs_model(words):
    """Whether a line takes the extra `model`, or reads what such a line wrote."""
    return words[1] == "probe" or "--verified" in words


# Figures of other models and versions, which no command on `demo` prints; truth.md is held against below.
OF_OTHERS = {"151,936", "151,851", "151,665", "152,064", "1,065,352", "29,550", "12,890", "47,629", "3,705"}
OF_OTHERS |= {"0.2", "0.5", "1.5", "2.5", "2.6", "6.3", "51"}


def is_printed(figure, printed):
    """As it stands; a fraction, or a number that ends in 000, also where a printed number rounds to it."""
    value = float(figure.replace(",", ""))
    unit = 10.0 ** -len(figure.partition(".")[2]) if "." in figure else 1000 if figure.endswith(",000") else 0
    return re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|,\d)", printed) is not None or any(
        abs(float(number.replace(",", "")) - value) <= unit / 2
        for number in re.findall(r"\d[\d,]*(?:\.\d+)?", printed)
    )


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_run(page, monkeypatch, tmp_path, capfd):
    """And print every figure that the pages for beginners quote of `demo`."""
    monkeypatch.chdir(tmp_path)
    found = commands(page)
    assert found
    printed = ""
    for number, line in enumerate(found):
        words = shlex.split(line)
        assert words[0] == "rowscope", line
        if find_spec("transformers") is None and needs_model(words):
            continue
        # Each page writes its example files once; a later command may name the same folder again.
        if "--out" in words and (tmp_path / words[-1]).exists():
            (tmp_path / words[-1]).rename(tmp_path / f"{words[-1]}-{number}")
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert ended.value.code in (0, None), (line, err)
        printed += out
    if page in FOR_BEGINNERS and find_spec("transformers"):
        shown = re.sub(r"```.*?```|\]\(.*?\)", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
        figures = (
            set(re.findall(r"(?<![\w#.])\d+(?:,\d{3})+|(?<![\w#.])\d+\.\d+|\b\d\d\b", shown)) - OF_OTHERS
        )
        assert sorted(figure for figure in figures if not is_printed(figure, printed)) == []


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


@pytest.mark.parametrize("page", ["docs/faq.md", "docs/zh/faq.md", "docs/verdicts.md", "docs/zh/verdicts.md"])
def test_what_verdicts_got_wrong_is_what_was_measured(page):
    """Rows surely trained, by checkpoint: as the tables of docs/truth.md have them."""
    measured = (ROOT / "docs" / "truth.md").read_text(encoding="utf-8")
    shown = (ROOT / page).read_text(encoding="utf-8")
    for name in ("demo", "minilm", "qwen, by untrained.json"):
        trained, flagged = re.search(
            rf"^\| {name} \| input \|(?: [\d.,]+ \|){{3}} ([\d,]+) \| (\d+) \|", measured, re.MULTILINE
        ).groups()
        assert trained in shown, name
        assert flagged == "0", name


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
