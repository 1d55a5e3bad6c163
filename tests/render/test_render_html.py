"""The HTML report: well-formed, self-contained, nothing that could load, everything that the report holds."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.render.audit.html import render_html
from rowscope.inspector.render.html import prose
from rowscope.inspector.render.html.frame import script, style
from rowscope.inspector.text import told

VOID = {"meta", "line", "path", "input", "br", "hr"}
TAGS = {
    "html", "head", "meta", "title", "style", "script", "body", "main", "nav", "h1", "h2", "h3", "h4",
    "h5", "h6", "a", "b", "p", "span", "strong", "em", "code", "pre", "br", "div", "section", "article",
    "details", "summary",
    "figure", "figcaption", "dl", "dt", "dd", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
    "form", "label", "input", "select", "button", "textarea", "svg", "g", "text", "line", "path",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "tabindex", "viewbox", "role",
    "type", "aria-label", "aria-labelledby", "hidden", "readonly", "placeholder", "autocomplete", "step",
    "scope", "x", "y", "x1", "x2", "y1", "y2", "d", "transform", "text-anchor", "fill", "stroke-width",
    "data-rows", "start",
}  # fmt: skip
EMBEDDING = "model.embed_tokens.weight"
NAMES = ("demo", "untied", "beyond", "twice", "headless", "partial", "claimed")


class Page(HTMLParser):
    """Collects tags, attributes, links, ids and text; fails on a tag that closes another."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.policy = ""
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.add(tag)
        self.attributes |= set(values)
        self.links |= {values["href"]} if "href" in values else set()
        self.ids += [values["id"]] if "id" in values else []
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def shown(self) -> str:
        return " ".join("".join(self.texts).split())


def _page(report, **options) -> Page:
    page = Page(render_html(report, exit_code=report.exit_code(), **options))
    assert page.open == []
    return page


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pages_are_well_formed_and_use_known_tags_alone(reports, name, lang):
    page = _page(reports[name], lang=lang)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert len(set(page.ids)) == len(page.ids)
    inner = {link.removeprefix("#") for link in page.links}
    assert {link for link in inner if not re.fullmatch(r"(id|copies)-\d+", link)} <= set(page.ids)
    assert all(link.startswith("#") for link in page.links)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_and_the_policy_allows_the_own_style_and_script_alone(reports, name):
    text = render_html(reports[name], exit_code=0)
    assert _page(reports[name]).policy == (
        f"default-src 'none'; style-src 'sha256-{_digest(style())}'; "
        f"script-src 'sha256-{_digest(script())}'; base-uri 'none'; form-action 'none'"
    )
    assert re.findall(r"<style>(.*?)</style>", text, re.DOTALL) == [style()]
    assert re.findall(r"<script>(.*?)</script>", text, re.DOTALL) == [script()]
    assert len(re.findall("<script", text)) == 2
    assert not re.search(r"url\(|@import|expression\(", style())
    markup = text.split("<body>")[1].split("<script")[0]
    assert not re.search(r"https?:|//|javascript:|<[^>]+\bon\w+=|<[^>]+\bstyle=", markup)


@pytest.mark.parametrize("name", NAMES)
def test_every_finding_and_paragraph_is_on_the_page(reports, name):
    report = reports[name]
    for lang in ("en", "zh"):
        shown = _page(report, lang=lang).shown
        texts = [*report.summary, *(f.message for f in report.findings), *(f.hint for f in report.findings)]
        for text in texts:
            assert " ".join(told(text, lang).replace("`", "").split()) in shown
    shown = _page(report).shown
    assert ("not a clean verdict" in shown) == (not report.complete)
    assert f"Exit code{report.exit_code()}" in shown.replace(" ", "").replace("Exitcode", "Exit code")
    for file in report.checkpoint.files:
        assert file.header_sha256 in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_of_explain_are_folded_in(reports, name):
    report = reports[name]
    text = render_html(report, exit_code=0)
    codes = {finding.code for finding in report.findings}
    assert text.count("<details><summary>What ") == len(codes)
    for code in codes:
        assert (
            f'<article class="{next(f.severity for f in report.findings if f.code == code)}" id="{code}">'
            in text
        )


def test_the_banner_answers_the_questions(reports):
    report = reports["demo"]
    shown = _page(report).shown
    free = report.capacity.without_resize + report.capacity.placeholders.count
    assert f"How many slots are free for new tokens?{free:,}" in shown.replace("? ", "?")
    assert "Are the reserved rows trained? no" in shown.replace("?no", "? no")
    broken = next(f for f in report.findings if f.code == "TOK301").evidence["ids"]
    assert f"Which special tokens are broken?{len(broken)}" in shown.replace("? ", "?")
    assert "Next step:" in shown
    for id in broken:
        assert f'href="#id-{id}"' in render_html(report, exit_code=0)


def test_the_data_hold_every_row_and_every_token(reports):
    report = reports["demo"]
    text = render_html(report, exit_code=0)
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    (view,) = data["views"]
    (matrix,) = report.matrices
    columns = {column["key"]: column for column in view["columns"]}
    rows = matrix.rows
    assert _integers(columns["verdict"]["values"]).tolist() == rows.verdict.tolist()
    assert _integers(columns["group"]["values"]).tolist() == rows.group.tolist()
    norm = _reals(columns["norm"]["values"])
    scale = columns["norm"]["values"]
    np.testing.assert_allclose(norm, rows.norm, atol=(scale["high"] - scale["low"]) / 65_000)
    texts = _unpacked(data["texts"]).decode().split("\n")
    assert texts == [report.vocabulary.shown(id) for id in range(matrix.shape[0])]
    listed = set(_integers(view["order"]).tolist())
    suspects = set(np.flatnonzero(rows.verdict != 0).tolist())
    assert suspects | {t.id for t in report.special_tokens if t.group != "placeholder" or t.roles} == listed


def _unpacked(text: str) -> bytes:
    import zlib

    return zlib.decompress(base64.b64decode(text))


def _integers(packed) -> np.ndarray:
    planes = np.frombuffer(_unpacked(packed["data"]), dtype=np.uint8).reshape(packed["bytes"], -1)
    return (planes.astype(np.int64) << (8 * np.arange(packed["bytes"])[:, None])).sum(axis=0)


def _reals(packed) -> np.ndarray:
    codes = _integers(packed)
    share = np.where(codes > 0, (codes - 1) / 65_534, np.nan)
    if packed["log"]:
        return packed["low"] * (packed["high"] / packed["low"]) ** share
    return packed["low"] + share * (packed["high"] - packed["low"])


def test_norms_are_drawn_for_each_group_that_has_rows(reports):
    text = render_html(reports["demo"], exit_code=0)
    groups = reports["demo"].matrices[0].groups
    number = r"([\d.e+-]+)"
    drawn = re.findall(rf"<title>(\w+): smallest {number}, median {number}, largest {number}<", text)
    assert {name for name, *_ in drawn} == set(groups) & {"base", "added", "placeholder", "unmapped"}
    for name, *values in drawn:
        norm = groups[name].stats.norm
        assert [float(v) for v in values] == pytest.approx([norm.min, norm.median, norm.max], rel=1e-3)


def test_a_report_without_rows_has_a_page_without_pictures(reports):
    report = reports["demo"]
    bare = dataclasses.replace(
        report, matrices=tuple(dataclasses.replace(matrix, rows=None) for matrix in report.matrices)
    )
    text = render_html(bare, exit_code=0)
    assert "<svg" not in text
    assert "<script" not in text
    assert "script-src" not in text


def test_rows_that_are_no_numbers_are_in_the_table_and_not_in_the_picture(reports):
    rows = reports["untied"].matrices[0].rows
    assert not np.isfinite(rows.norm).all()
    assert "no finite norm or no direction" in render_html(reports["untied"], exit_code=0)


def test_nothing_is_called_good_where_nothing_tells(reports):
    """Without a reference trained rows cannot be told from untrained ones, and no number stands for that."""
    report = reports["partial"]
    assert report.matrices[0].reference is None
    text = render_html(report, exit_code=3)
    shown = Page(text).shown
    assert "How many ordinary tokens look untrained?cannot be told" in shown.replace("? ", "?")
    assert '<div class="answer good">' not in text
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    verdicts = next(c for c in data["views"][0]["columns"] if c["key"] == "verdict")
    assert verdicts["names"][0] == "cannot be told"
    assert "trained (128)" not in shown


def test_titles_and_languages(reports):
    report = reports["demo"]
    assert "<h1>A &lt;b&gt; title</h1>" in render_html(report, exit_code=0, title="A <b> title")
    zh = render_html(report, exit_code=0, lang="zh")
    assert '<html lang="zh">' in zh
    assert "有多少空位可以放新 token？" in zh
    with pytest.raises(UsageError, match="fr"):
        render_html(report, exit_code=0, lang="fr")


def test_pages_without_times_are_the_same(monkeypatch):
    report = dataclasses.replace(rowscope.audit("demo"), timings={})
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert render_html(report, exit_code=0) == render_html(report, exit_code=0)
    assert " UTC" not in render_html(report, exit_code=0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert "1970-01-01 00:00 UTC" in render_html(report, exit_code=0)


def test_our_commands_are_code_and_names_between_backticks_are_not():
    assert prose("Run `rowscope mask`.") == "Run <code>rowscope mask</code>."
    assert prose("The token `<b>` and `x`") == "The token `&lt;b&gt;` and `x`"
    assert "<b>" not in prose("`rowscope <b>`")
