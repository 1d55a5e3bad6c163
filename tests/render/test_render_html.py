"""The HTML report: well-formed, self-contained, nothing that could run or load."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest

from rowscope.inspector.render.audit.html import render_html
from rowscope.inspector.render.audit.html_style import STYLE

VOID = {"meta", "circle", "line"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "span", "strong", "code",
    "div", "section", "article", "footer", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "svg", "g", "text", "line", "circle",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "tabindex", "viewbox", "width", "height",
    "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "text-anchor",
}  # fmt: skip
NAMES = ("demo", "untied", "beyond", "twice", "headless", "partial", "claimed")


class Page(HTMLParser):
    """Collects tags, attributes and text; fails on a tag that closes another."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.policy = ""
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)


def _page(report) -> Page:
    page = Page(render_html(report, exit_code=report.exit_code()))
    assert page.open == []
    return page


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_well_formed_and_use_known_tags_alone(reports, name):
    page = _page(reports[name])
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_and_the_policy_allows_the_own_style_alone(reports, name):
    text = render_html(reports[name], exit_code=0)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert _page(reports[name]).policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert re.findall(r"<style>(.*?)</style>", text, re.DOTALL) == [STYLE]
    assert not re.search(
        r"https?:|//|url\(|@import|<script|javascript:|\bon\w+=", STYLE + text.split("<body>")[1]
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_finding_and_paragraph_is_on_the_page(reports, name):
    report = reports[name]
    shown = " ".join("".join(_page(report).texts).split())
    for text in [*report.summary, *(f.message for f in report.findings), *(f.hint for f in report.findings)]:
        assert " ".join(text.split()) in shown
    assert ("not a clean verdict" in shown) == (not report.complete)
    assert f"exit code {report.exit_code()}" in shown


def test_norms_are_drawn_for_each_group_that_has_rows(reports):
    text = render_html(reports["demo"], exit_code=0)
    groups = reports["demo"].matrices[0].groups
    assert text.count("<svg ") == 1
    drawn = re.findall(r"<title>(\w+): smallest ([\d.e+-]+), median ([\d.e+-]+), largest ([\d.e+-]+)", text)
    assert {name for name, *_ in drawn} == set(groups)
    for name, *values in drawn:
        norm = groups[name].stats.norm
        assert [float(v) for v in values] == pytest.approx([norm.min, norm.median, norm.max], rel=1e-3)


def test_groups_without_a_finite_norm_are_left_out_of_the_drawing(reports):
    report = reports["demo"]
    (matrix,) = report.matrices
    nan = float("nan")
    stats = matrix.groups["used"].stats
    empty = dataclasses.replace(stats, norm=dataclasses.replace(stats.norm, min=nan, median=nan, max=nan))
    groups = {"used": dataclasses.replace(matrix.groups["used"], stats=empty)}
    bare = dataclasses.replace(report, matrices=(dataclasses.replace(matrix, groups=groups),))
    assert "<svg " not in render_html(bare, exit_code=0)
