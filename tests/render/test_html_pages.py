"""The pages of diff, rows and study: well-formed, self-contained, with the numbers of their results."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.render.audit import render_report
from rowscope.inspector.render.diff.html import movements, render_diff_html
from rowscope.inspector.render.rows.html import render_rows_html
from rowscope.inspector.render.study import render_study_html
from rowscope.inspector.text import told

from .test_render_html import ATTRIBUTES, EMBEDDING, TAGS, Page, _integers


@pytest.fixture(scope="module")
def diff(tmp_path_factory, write_checkpoint):
    """Reserved rows drift, ordinary ones move, one becomes NaN, one token is new."""
    root = tmp_path_factory.mktemp("pages")
    random = np.random.default_rng(0)
    rows = random.normal(size=(96, 16)).astype("f4")
    config = {"model_type": "llama", "vocab_size": 96, "tie_word_embeddings": True}
    words = {f"w{id}": id for id in range(64)}
    base = write_checkpoint(root / "base", {EMBEDDING: rows}, config, words)
    tuned = rows.copy()
    tuned[64:] += 0.001 * random.normal(size=(32, 16)).astype("f4")
    tuned[:20] += 1
    tuned[30, 0] = np.nan
    other = write_checkpoint(root / "tuned", {EMBEDDING: tuned}, config, {**words, "<b>new</b>": 64})
    return rowscope.diff(base, other, expect_unchanged="0:10")


def _checked(text: str) -> Page:
    page = Page(text)
    assert page.open == []
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    return page


def _view(text: str):
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    (view,) = data["views"]
    return view, {column["key"]: column for column in view["columns"]}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_diff_has_its_rows_and_what_was_expected(diff, lang):
    text = render_diff_html(diff, lang=lang)
    shown = _checked(text).shown
    (matrix,) = diff.matrices
    view, columns = _view(text)
    assert view["rows"] == 96
    codes = _integers(columns["verdict"]["values"])
    assert codes.tolist() == movements(matrix).tolist()
    assert (codes[20:30] == 0).all()
    assert codes[30] == 3
    assert (codes[:20] == 2).all()
    assert told(diff.findings[0].message, lang) in shown
    assert "<b>new</b>" in shown
    for paragraph in diff.summary:
        assert " ".join(told(paragraph, lang).split()) in shown


def test_movements_are_those_of_the_rows_that_the_result_names(diff):
    (matrix,) = diff.matrices
    names = ("unmoved", "drifted", "moved")
    codes = movements(matrix)
    assert matrix.drifted_reserved
    for row in matrix.drifted_reserved:
        assert names[codes[row.id]] == row.movement


def test_rows_have_those_that_were_asked_for_in_their_order():
    rows = rowscope.row_table("demo", ids=[4090, 3, 115], evidence=True)
    text = render_rows_html(rows, "demo")
    page = _checked(text)
    view, columns = _view(text)
    assert view["rows"] == 3
    assert _integers(columns["id"]["values"]).tolist() == [4090, 3, 115]
    for verdict in rows.verdict:
        assert verdict in page.shown
    bare = rowscope.row_table("demo", ids=range(5))
    assert _view(render_rows_html(bare, "demo", lang="zh"))[0]["picture"] is None


def test_all_rows_of_a_checkpoint_without_a_reference(checkpoint_folders):
    rows = rowscope.row_table(checkpoint_folders["partial"], evidence=True)
    _checked(render_rows_html(rows, "partial"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_study_is_its_markdown_in_the_frame(lang):
    study = rowscope.study("demo", lang, with_model=False)
    text = render_study_html(study, lang=lang)
    page = _checked(text)
    assert "<script" not in text
    assert "style=" not in text.split("<body>")[1]
    headings = re.findall(r"^## (.*)$", study, re.MULTILINE)
    plain = [re.sub(r"[`\\]", "", heading) for heading in headings]
    assert all(" ".join(heading.split()) in page.shown for heading in plain)


def test_hostile_tokens_are_text_on_every_page(diff):
    hostile = "</script><img src=x onerror=alert(1)>\u202e\u2028\ud800"
    rows = rowscope.row_table("demo", ids=range(5), evidence=True)
    names = np.full(5, hostile, dtype=object)
    pages = [render_rows_html(dataclasses.replace(rows, token=names, text=names), hostile)]
    side = dataclasses.replace(diff.base, path=hostile)
    pages.append(render_diff_html(dataclasses.replace(diff, base=side, notes=(hostile,), summary=(hostile,))))
    for text in pages:
        _checked(text)
        assert text.count("<script") == text.count("</script>") == 2
        assert "\u202e" not in text
        text.encode()


def test_hostile_markdown_is_text():
    text = render_study_html("# <b>t</b>\n\n<img src=x onerror=y> ![a](http://b/c) [d](javascript:e)\n")
    assert not re.search(r"<img|<b>|<a |onerror=y>", text.split("<body>")[1].replace("&lt;img", ""))


def test_the_command_line_writes_them(tmp_path, run):
    for line in ("diff demo demo", "rows demo --ids 0:4", "study demo --no-model"):
        words = line.split()
        target = tmp_path / f"{words[0]}.html"
        assert run(*words, "-o", target, "--title", "A <title>")[0] == 0
        assert "<h1>A &lt;title&gt;</h1>" in target.read_text("utf-8")
        code, _, said = run(*words, "--title", "A")
        assert code == 2
        assert "--output FILE.html" in said


def test_unknown_languages_are_refused(diff):
    with pytest.raises(UsageError, match="fr"):
        render_diff_html(diff, lang="fr")


def test_a_page_with_a_wrong_stop_token_does_not_say_that_no_special_token_is_broken(reports):
    report = reports["talking"]
    assert any(finding.code == "TOK305" for finding in report.findings)
    for lang, words in (("en", "Yet files put some of them to a wrong use"), ("zh", "但有的用错了")):
        page = render_report(report, "html", exit_code=1, lang=lang)
        tile = page.split('<dl class="answers">')[2].split("</div></dd></div>")[0]
        assert words in tile
        assert '<a href="#TOK305">TOK305</a>' in tile
        assert "<strong>0</strong>" not in tile
