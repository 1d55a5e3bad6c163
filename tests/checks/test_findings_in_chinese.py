"""Every finding of the suite's checkpoints can be said in Chinese, whole: no English is left within it."""

from __future__ import annotations

import re

import pytest

from rowscope.inspector.checks import RULES
from rowscope.inspector.text import Said, translated

NAMES = (
    "demo",
    "untied",
    "beyond",
    "twice",
    "headless",
    "partial",
    "layered",
    "claimed",
    "adapted",
    "talking",
)

# What stands in a sentence as it is: quoted text, code, names with a point or an underscore, and the words
# that Chinese engineers write in English.
AS_IT_IS = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|[\w$-]+(?:[._/:][\w$-]+)+:?|\bglitch token\b|\beos token\b|\btoken id\b"
)
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
ENGLISH = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,}\b")


def english_left(text):
    return ENGLISH.findall(AS_IT_IS.sub("…", text))


@pytest.mark.parametrize("name", NAMES)
def test_messages_next_steps_and_summaries(reports, name):
    report = reports[name]
    said = [text for finding in report.findings for text in (finding.message, finding.hint)]
    said += [*report.summary, *(matrix.reference_note for matrix in report.matrices)]
    assert said
    for text in said:
        assert isinstance(text, Said), text
        chinese = translated(text, "zh")
        assert chinese is not None, text
        assert english_left(chinese) == [], chinese
        assert sorted(NUMBER.findall(chinese)) == sorted(NUMBER.findall(text)), chinese


def test_the_corpus_holds_every_code_that_an_audit_gives(reports):
    found = {finding.code for report in reports.values() for finding in report.findings}
    # Raised, of another command, and of an audit with --reachability: said by their own tests.
    assert set(RULES) - found == {"FIL001", "FIL003", "FIL004", "DIF501", "TOK303"}
