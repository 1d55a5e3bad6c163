"""An audit in Chinese as text, Markdown and JSON: all of it, at the width asked for, and the same numbers."""

from __future__ import annotations

import json
import re

import pytest

import rowscope
from rowscope.inspector.render.audit import render_report
from rowscope.inspector.render.plain import columns_of, wrap

NAMES = ("demo", "untied", "beyond", "headless", "partial", "talking")


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_chinese_and_fits(reports, name):
    shown = render_report(reports[name], "text", exit_code=0, lang="zh")
    assert max(map(columns_of, shown.splitlines())) <= 80
    for heading in ("sizes", "findings", "what this means", "special and added tokens", "worst:"):
        assert heading not in shown
    for heading in ("大小", "发现", "这说明什么", "退出码：0"):
        assert heading in re.sub(r"\n *", "", shown)
    assert ("这不等于没有问题" in shown) == (not reports[name].complete)
    # No line begins with a mark that closes what stands before it.
    assert not re.search(r"^ *[。，、；：）]", shown, flags=re.MULTILINE)


def test_the_numbers_are_those_of_the_english_report(reports):
    english, chinese = (
        render_report(reports["demo"], "markdown", exit_code=0, lang=lang) for lang in ("en", "zh")
    )
    numbers = [sorted(set(re.findall(r"\d[\d,.]*\d", text))) for text in (english, chinese)]
    assert numbers[0] == numbers[1]


def test_json_keeps_its_keys_and_codes_and_says_its_sentences(reports):
    english, chinese = (
        json.loads(render_report(reports["demo"], "json", exit_code=0, lang=lang)) for lang in ("en", "zh")
    )
    assert english["findings"]
    for one, other in zip(english["findings"], chinese["findings"], strict=True):
        assert {key: one[key] for key in one if key not in ("message", "hint", "evidence")} == {
            key: other[key] for key in other if key not in ("message", "hint", "evidence")
        }
        assert re.search("[\u4e00-\u9fff]", other["message"])
        assert re.search("[\u4e00-\u9fff]", other["hint"])
    for key in ("census", "special_tokens", "coverage", "checkpoint"):
        if key != "coverage":
            assert english[key] == chinese[key]


def test_explain_and_its_list(run):
    code, out, _ = run("explain", "TOK301", "--lang", "zh")
    assert code == 0
    assert "含义" in out
    assert "What it means" not in out
    code, out, _ = run("explain", "--lang", "zh")
    assert code == 0
    assert "有特殊 token 或新增 token 从未训练过" in out
    assert max(map(columns_of, out.splitlines())) <= 100


def test_formats_of_other_programs_have_no_language(run):
    code, _, err = run("audit", "demo", "--format", "sarif", "--lang", "zh")
    assert code == 2
    assert "--lang 'zh' is for text, json, markdown, html" in err


def test_lines_of_chinese():
    text = "模型没有学过这些 token。`rowscope suspects` 会按把握大小列出它们（见下），要用就先训练。"
    lines = wrap(text, 30, "", chinese=True)
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")
    assert all(columns_of(line) <= 30 for line in lines)
    assert not any(line.strip()[0] in "。，、）" for line in lines)
    assert not any(line.endswith("（") for line in lines)


def test_a_report_keeps_its_languages_through_pickle():
    import pickle

    report = pickle.loads(pickle.dumps(rowscope.audit("demo")))
    assert "保留行" in render_report(report, "markdown", exit_code=0, lang="zh")
