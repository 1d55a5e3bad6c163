"""The figures of a study: in a page and as files, drawn from the same numbers; what the original reported."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from rowscope.inspector.render.study import render_study_html, study_files
from rowscope.inspector.study import compose, original

# A random model has no untrained reference: the cloud of rows stands in the study of demo alone.
NAMES = ("norms-both", "gradient", "leak", "policy")


@pytest.fixture(scope="module")
def found(zoo):
    return compose(zoo["qwen2"], steps=1, ask=20, device="cpu", dtype="float32")


def test_figures_in_the_order_of_the_text(found):
    assert [figure.name for figure in found.figures] == list(NAMES)
    assert re.findall(r"^!\[.+\]\((.+)\.svg\)$", found.text, re.M) == list(NAMES)
    assert "![" not in found.without_figures
    assert len(found.without_figures.splitlines()) == len(found.text.splitlines()) - 2 * len(NAMES)


def test_as_files_they_have_a_title_and_a_description(found):
    text, files = study_files(found, "study")
    assert re.findall(r"\]\((study-.+\.svg)\)", text) == list(files)
    for name, drawing in files.items():
        root = ET.fromstring(drawing)
        first, second = list(root)[:2]
        assert (root.tag, first.tag, second.tag) == tuple(
            f"{{http://www.w3.org/2000/svg}}{tag}" for tag in ("svg", "title", "desc")
        )
        own = re.fullmatch(r"study-(.+)-[0-9a-f]{8}\.svg", name)[1]
        assert first.text == next(f.title for f in found.figures if f.name == own)
        assert second.text
        assert "prefers-color-scheme: dark" in drawing
        assert any(element.tag.endswith("path") for element in root.iter())


def test_in_a_page_they_stand_with_their_titles(found):
    page = render_study_html(found)
    assert page.count("<figure>") == len(found.figures) == page.count("<figcaption>")
    assert "![" not in page
    assert "<script" not in page


def test_every_row_s_gradient_is_drawn_and_not_printed(found):
    gradient = found.material.gradient
    part = gradient.find("study").find("all", "both")
    assert part.norms.shape == (288,)
    for row in part.rows:
        assert part.norms[row.id] == row.norm
    whole = gradient.to_dict()["results"]["experiments"][0]["whole"][0]
    assert "norms" not in whole


def test_the_original_is_known_by_its_files_alone(found, monkeypatch):
    assert "Beside the original" not in found.text
    census = found.material.report.census
    own = dataclasses.replace(original.ORIGINAL, hidden=census.hidden_size, rows=census.rows)
    monkeypatch.setattr(original, "ORIGINAL", own)
    assert original.of_its_kind(found.material)
    for change in ({"hidden": 33}, {"rows": 287}, {"architecture": "LlamaForCausalLM"}):
        monkeypatch.setattr(original, "ORIGINAL", dataclasses.replace(own, **change))
        assert not original.of_its_kind(found.material)


@pytest.mark.parametrize("same", [True, False])
def test_its_figures_stand_beside_these(found, monkeypatch, same):
    from rowscope.inspector.study.compose import write
    from rowscope.inspector.study.document import Document
    from rowscope.inspector.study.texts import Texts

    material = found.material
    census, matrix = material.report.census, material.report.matrices[0]
    stats = matrix.groups["unmapped"].stats
    own = dataclasses.replace(
        original.ORIGINAL,
        hidden=census.hidden_size,
        rows=census.rows,
        entries=census.tokenizer.entries,
        unmapped=stats.rows,
        mean=stats.mean,
        std=stats.std if same else 2 * stats.std,
        nonzero=stats.elements,
        used_std=matrix.groups["used"].stats.std,
    )
    monkeypatch.setattr(original, "ORIGINAL", own)
    text = write(Document(Texts("en")), material)
    assert f"| standard deviation over their elements | {own.std:.6f} | {stats.std:.6f} |" in text
    assert f"{stats.elements:,} / {stats.elements:,}" in text
    assert ("these are the rows that it looked at" in text) is same
    assert ("0.50 times as large" in text) is not same


def test_the_model_is_asked(found):
    result = found.material.verify
    assert {token.why for token in result.tokens} == {"given", "control"}
    assert "### Verified by prompting" in found.text
    # A random model knows nothing: nothing is told of it.
    assert "this model cannot be asked" in found.text
    assert "bears the weights out" not in found.text
