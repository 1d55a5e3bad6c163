"""The checked-in studies of `demo` are what the program writes today, but for rounding and versions."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from rowscope.inspector.render.study import study_files
from rowscope.inspector.storage import named_by_content
from rowscope.inspector.study.compose import write
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.texts import LANGUAGES, Texts

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "studies"
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\+cpu)")
FIGURE = re.compile(r"^!\[.*\]\((.+\.svg)\)$", re.M)
DIGITS = re.compile(r"-[0-9a-f]{8}\.svg")
VERSIONS = re.compile(r"(transformers|torch|rowscope) \d+[\w.+]*")
ROUNDING = 2e-6


def parts(text):
    """What stands between the numbers, and the numbers."""
    plain = DIGITS.sub(".svg", VERSIONS.sub(r"\1", text))
    return NUMBER.split(plain), [float(n.replace(",", "")) for n in NUMBER.findall(plain)]


def close(one, other):
    """Other processors round otherwise: sums of float32, and what is nothing but rounding."""
    return abs(one - other) <= max(0.05 * max(abs(one), abs(other)), ROUNDING)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_copy_is_the_study_of_today(demo_study, lang):
    doc = Document(Texts(lang))
    text = write(doc, demo_study.material)
    now = dataclasses.replace(demo_study, text=text, figures=tuple(doc.figures), texts=doc.texts)
    text, figures = study_files(now, f"demo.{lang}.md")
    kept, numbers = parts((FOLDER / f"demo.{lang}.md").read_text("utf-8"))
    written, measured = parts(text)
    again = "write them again: rowscope study demo --lang en --lang zh --device cpu --dtype float32 "
    again += "--output 'docs/studies/demo.{lang}.md'"
    assert written == kept, again
    off = [pair for pair in zip(numbers, measured, strict=True) if not close(*pair)]
    assert off == [], again
    there = {path.name for path in FOLDER.glob(f"demo.{lang}-*.svg")}
    assert {DIGITS.sub(".svg", name) for name in there} == {DIGITS.sub(".svg", name) for name in figures}, (
        again
    )
    # What is kept is whole: the text names each figure that is there, by its content.
    assert sorted(FIGURE.findall((FOLDER / f"demo.{lang}.md").read_text("utf-8"))) == sorted(there)
    for name in there:
        stem = DIGITS.split(name)[0]
        assert named_by_content(stem, "svg", (FOLDER / name).read_bytes()) == name


def test_a_sentence_or_a_figure_that_changes_is_seen():
    one, other = (parts(f"The mass is {mass} at temperature 1 (torch 2.1+cpu).") for mass in ("0.02", "0.03"))
    assert one[0] == other[0]
    assert not close(one[1][0], other[1][0])
    assert parts("The mass is 0.02 at 1.")[0] != parts("The mass is not 0.02 at 1.")[0]
