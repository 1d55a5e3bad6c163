"""The section for a model card: what the badge says, and that hostile names stay text."""

from dataclasses import replace
from urllib.parse import unquote

from markdown_it import MarkdownIt

import rowscope
from rowscope.inspector.render.audit import render_model_card


def badge(text):
    (picture,) = [
        child for token in MarkdownIt().parse(text) for child in token.children or () if child.type == "image"
    ]
    return picture.content, unquote(picture.attrs["src"])


def test_the_badge_counts_what_was_found():
    report = rowscope.audit("demo")
    text = render_model_card(report, exit_code=0)
    assert badge(text) == (
        "vocabulary: 2 warnings",
        "https://img.shields.io/badge/vocabulary-2 warnings-orange",
    )
    assert "4,096 rows, 88 reserved" in text
    assert "ROW203" in text
    assert "TOK301" in text
    assert "VOC101" not in text


def test_without_findings_it_is_green():
    report = replace(rowscope.audit("demo"), findings=())
    assert badge(render_model_card(report, exit_code=0))[1].endswith("no errors, no warnings-brightgreen")


def test_names_from_files_stay_text():
    report = rowscope.audit("demo")
    first = replace(report.findings[0], message="a [link](https://example.org) <script>x</script>")
    text = render_model_card(replace(report, findings=(first,)), exit_code=0)
    made = MarkdownIt().render(text)
    assert "<script" not in made
    assert "<a " not in made
