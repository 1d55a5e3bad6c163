"""Names, tokens, configs and paths that try to be more than text: on every path of output they stay text."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.audit.report import Report
from rowscope.inspector.checkpoint.structure import describe
from rowscope.inspector.checks import explain
from rowscope.inspector.errors import UsageError
from rowscope.inspector.gate import FORMATS
from rowscope.inspector.render.audit import render_report
from rowscope.inspector.render.audit.github import render_github
from rowscope.inspector.render.audit.html import render_html
from rowscope.inspector.render.audit.markdown import render_audit_markdown
from rowscope.inspector.render.audit.sarif import render_sarif
from rowscope.inspector.render.inspect.text import render_inspect
from rowscope.inspector.render.markdown import escape_markdown
from rowscope.inspector.text.escape import visible

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r\n::error::spoofed",
    "a ::stop-commands::x",
    "##[error]spoofed",
    "%0A::error::spoofed",
    "\u202egnp.exe\u202c",
    "\u2066x\u2069\u200b\ufeff",
    "\u2028\u2029\x85\x0b\x0c",
    "[/x]",
    "[bold red]x[/bold red]",
    ":warning:",
    "|a|b|",
    "](https://example.org)",
    "![x](https://example.org/x.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></title></td><svg onload=alert(1)>",
    "<!-- x",
    "&lt;b&gt;&#x3c;",
    "`x`` ```",
    "**x** __y__ ~~z~~",
    "\\*x\\",
    "# x",
    "- x",
    "1. x",
    "$x$ @user #1",
    "\"' onmouseover=x",
    "{0} %s %n {x}",
    "=1+1",
    "\x00\x08\x7f",
)
TEXT: tuple[tuple[str, Callable[[Report], str]], ...] = tuple(
    (name, partial(render_report, format=name, exit_code=0)) for name in FORMATS
)


def _legal(text: str) -> str:
    """What may stand in a file name."""
    return text.replace("/", "∕").replace("\x00", "")


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory, write_checkpoint) -> Path:
    """A checkpoint in which every text that rowscope reads is hostile, and every finding quotes some."""
    folder = tmp_path_factory.mktemp("hostile") / _legal("".join(HOSTILE[:7]))
    random = np.random.default_rng(0)
    rows = random.normal(size=(96, 32)).astype("f4")
    copies = [*range(8), 40, 41, 42, *range(60, 90)]
    rows[copies] = rows[40] + 1e-4 * random.normal(size=(len(copies), 32)).astype("f4")
    rows[9] = np.nan
    rows[10] = 0
    prefix = "".join(HOSTILE)
    tokens = {text: id for id, text in enumerate(HOSTILE)}
    tokens |= {f"[unused{id}] {HOSTILE[id % len(HOSTILE)]}": id for id in range(40, 60)}
    write_checkpoint(
        folder,
        {f"{prefix}.model.embed_tokens.weight": rows},
        {
            "model_type": prefix,
            "architectures": [prefix],
            "vocab_size": 90,
            "eos_token_id": [1, 900],
            "tie_word_embeddings": True,
            "quantization_config": {"quant_method": prefix},
        },
        tokens,
        HOSTILE[:4],
    )
    (folder / "chat_template.jinja").write_text("".join(f"{{{{ {text!r} }}}}" for text in HOSTILE[:3]))
    return folder


@pytest.fixture(scope="module")
def hostile_report(hostile_folder) -> Report:
    report = rowscope.audit(hostile_folder)
    assert {"ROW201", "ROW202", "ROW203", "TOK301", "TOK302", "VOC103", "VOC105"} <= {
        finding.code for finding in report.findings
    }
    assert report.special_tokens
    assert report.matrices[0].notable_rows
    return report


def assert_shows(text: str) -> None:
    """Nothing that a terminal would obey or hide."""
    bad = {character for character in text if character != "\n" and visible(character) != character}
    assert not bad


class Tags(HTMLParser):
    """The tags, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize(("name", "render"), TEXT)
def test_every_format_of_audit_shows_its_text(hostile_report, name, render):
    text = render(hostile_report)
    assert_shows(text)
    text.encode("utf-8")
    # What is left out would be safe as well: the names are there.
    assert "example.org" in text


def test_json_keeps_the_text_and_is_plain_ascii(hostile_folder, run):
    code, out, _ = run("audit", hostile_folder, "--format", "json")
    document = json.loads(out)
    assert code == 1
    assert out.isascii()
    assert_shows(out)
    assert {HOSTILE[0], HOSTILE[3]} <= {token["token"] for token in document["special_tokens"]}
    assert document["checkpoint"]["model_type"] == "".join(HOSTILE)


def test_html_has_the_same_tags_as_that_of_a_harmless_report(hostile_report):
    hostile = Tags(render_html(hostile_report, exit_code=0))
    for text in (HOSTILE[0], HOSTILE[16]):
        assert visible(text)[:8] in "".join(hostile.text)
    plain = Tags(render_html(_harmless(hostile_report), exit_code=0))
    assert hostile.tags == plain.tags


def _harmless(report: Report) -> Report:
    """The same report with every text replaced by a word."""

    def swap(value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            fixed = {"severity", "confidence", "role", "verdict", "group", "code", "name", "path"}
            # The tool's own commands in a sentence stand as code; a name between backticks does not.
            commands = re.findall("`rowscope [a-z][^`<>]*`", value) if key in ("message", "hint") else []
            return value if key in fixed else " ".join(["word", *commands])
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return tuple(swap(item) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = {f.name: swap(getattr(value, f.name), f.name) for f in dataclasses.fields(value)}
            return dataclasses.replace(value, **changed)
        return value

    return swap(report)


def test_markdown_means_nothing_but_its_own_structure(hostile_report):
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    page = markdown.render(render_audit_markdown(hostile_report, exit_code=0))
    allowed = {
        "h1", "h2", "p", "ul", "li", "strong", "br", "code", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert {tag for tag, _ in Tags(page).tags} <= allowed
    text = "".join(Tags(page).text)
    for hostile in HOSTILE[:4]:
        assert visible(hostile)[:10] in text


@given(text=st.one_of(st.text(), st.lists(st.sampled_from(HOSTILE)).map("".join)))
def test_markdown_escapes_are_undone_by_a_markdown_parser(text):
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    page = Tags(markdown.render(f"- **x** {escape_markdown(text)} y"))
    assert {tag for tag, _ in page.tags} == {"ul", "li", "strong"}
    shown = "".join(page.text)
    assert shown.split() == f"x {visible(text)} y".split()


def test_github_lines_are_commands_of_ours_alone(hostile_report):
    lines = render_github(hostile_report, exit_code=1).splitlines()
    assert len(lines) == len(hostile_report.findings) + 1
    command = re.compile(r"::(error|warning|notice) file=[^:,]+,title=[A-Z]{3}\d{3} [a-z-]+::.*")
    assert all(command.fullmatch(line) for line in lines[:-1])
    assert lines[-1].startswith("rowscope: ")
    assert "##[" not in lines[-1]


def test_sarif_messages_hold_no_links(hostile_report):
    run = json.loads(render_sarif(hostile_report, exit_code=1))["runs"][0]
    for result in run["results"]:
        assert "](" not in result["message"]["text"]
        assert_shows(result["message"]["text"])
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri)


def test_inspect_shows_its_text(hostile_folder):
    folder = hostile_folder.parent / "metadata"
    folder.mkdir()
    names = {f"{text}{at}": np.zeros(2, "f4") for at, text in enumerate(HOSTILE)}
    pairs = {text: text for text in HOSTILE}
    save_file({**names, "model.embed_tokens.weight": np.ones((4, 2), "f4")}, folder / "x.safetensors", pairs)
    for show_all in (False, True):
        for checkpoint in (hostile_folder, folder):
            text = render_inspect(describe(rowscope.open_checkpoint(checkpoint)), show_all=show_all)
            assert_shows(text)


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("inspect", "PATH"),
    ("inspect", "PATH", "--all", "--filter", "weight"),
    ("inspect", "PATH", "--filter", HOSTILE[0]),
    ("inspect", "PATH", "--format", "json"),
    ("inspect", "PATH", "--diagnose"),
    ("audit", "PATH"),
    ("audit", "PATH", "--format", "markdown"),
    ("audit", "PATH", "--format", "json"),
    ("rows", "PATH", "--ids", "0:60", "--limit", "0"),
    ("rows", "PATH", "--ids", "0:60", "--format", "json"),
    ("rows", "PATH", "--ids", "0:60", "--format", "jsonl"),
    ("rows", "PATH", "--token", HOSTILE[0]),
    ("rows", "PATH", "--token", f"no{HOSTILE[0]}"),
    ("rows", "PATH", "--ids", HOSTILE[0]),
    ("suspects", "PATH", "--limit", "0"),
    ("suspects", "PATH", "--format", "json"),
    ("audit", "PATH", "--format", HOSTILE[0]),
    ("audit", "PATH", "--fail-on", HOSTILE[4]),
    ("audit", f"PATH{HOSTILE[0]}"),
    ("audit", f"PATH/{HOSTILE[7]}.safetensors"),
    ("inspect", "PATH", "--output", "PATH"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: visible(" ".join(words)))
def test_no_command_prints_what_a_terminal_would_obey(hostile_folder, run, words):
    code, out, err = run(*(word.replace("PATH", str(hostile_folder)) for word in words))
    assert code in {0, 1, 2, 3, 5}
    assert out + err
    assert_shows(out)
    assert_shows(err)


@pytest.mark.parametrize("format", ["csv"])
def test_data_formats_quote_tokens(hostile_folder, run, format):
    import csv
    import io

    _, out, _ = run("rows", hostile_folder, "--ids", "0:4", "--format", format)
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3"]


def test_coloured_output_keeps_names_as_text(hostile_folder):
    """On a terminal the only escape sequences are the colours that rowscope itself sets."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "rowscope", "audit", str(hostile_folder)]
    with subprocess.Popen(words, stdout=follower, env={**os.environ, "TERM": "xterm", "NO_COLOR": ""}):
        os.close(follower)
        shown = b"".join(_parts(leader))
    os.close(leader)
    text = shown.decode().replace("\r\n", "\n")
    assert "\x1b[" in text
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "[/x]" in text
    assert_shows(text)


def _parts(leader: int) -> Iterator[bytes]:
    """What arrives at a pseudo-terminal, until the other side closes."""
    while True:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:
            return
        if not part:
            return
        yield part


def test_a_path_that_is_no_utf8(tmp_path, write_checkpoint, run):
    folder = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\x1b[31m")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    write_checkpoint(Path(folder), {"model.embed_tokens.weight": np.ones((8, 4), "f4")})
    report = rowscope.audit(folder)
    for _, render in TEXT:
        text = render(report)
        assert_shows(text)
        text.encode("utf-8")
    code, out, err = run("audit", folder, "--format", "json")
    assert code == 3
    assert json.loads(out)["complete"] is False
    assert_shows(out + err)


@pytest.mark.parametrize("word", HOSTILE)
def test_an_unknown_code_is_quoted_safely(word):
    with pytest.raises(UsageError) as caught:
        explain(word)
    assert_shows(visible(caught.value.message))
    assert word not in caught.value.message or word.isprintable()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_text_anywhere_in_a_report(hostile_report, data):
    """Texts replaced at random: every format still prints text alone, and the formats stay what they are."""
    word = data.draw(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(HOSTILE)).map("".join)))
    finding = dataclasses.replace(hostile_report.findings[0], message=word, location=f"{word}[1:2]")
    facts = dataclasses.replace(hostile_report.checkpoint, path=word, model_type=word, notes=(word,))
    report = dataclasses.replace(
        hostile_report, findings=(finding,), checkpoint=facts, summary=(word,), complete=False
    )
    for name, render in TEXT:
        text = render(report)
        assert_shows(text)
        if name == "html":
            assert Tags(text).tags
        elif name == "sarif":
            assert json.loads(text)["runs"][0]["results"][0]["ruleId"] == finding.code
        elif name == "github":
            assert len(text.splitlines()) == 2
