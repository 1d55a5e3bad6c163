"""The pages of diff, rows, study and fleet report in a real browser, in English and Chinese."""

from __future__ import annotations

from pathlib import Path

import pytest

from .browser import Opened, launched

STEPS = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "steps"


@pytest.fixture(scope="module")
def browser():
    with launched() as found:
        yield found


@pytest.mark.parametrize(
    "line",
    [
        "diff demo demo --lang zh",
        "diff demo demo",
        "rows demo --lang zh",
        "rows demo --ids 0:9",
        "audit demo --lang zh",
    ],
)
def test_the_other_pages_work_as_well(browser, run, tmp_path, line):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core (extra test)")
    target = tmp_path / "page.html"
    assert run(*line.split(), "-o", target)[0] == 0
    found = Opened(browser, target, viewport={"width": 400, "height": 800})
    found.page.fill("#rows-search", "0:2")
    assert sorted(cells[0] for cells in found.rows()) == ["0", "1"]
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 400
    violations = axe.Axe().run(found.page).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
    assert found.said == []
    assert found.asked == [target.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("line", ["study demo --no-model --lang zh", f"fleet report {STEPS} --lang zh"])
def test_pages_without_a_script_fit_a_narrow_screen(browser, run, tmp_path, line, scheme):
    if line.startswith("fleet"):
        pytest.importorskip("pyarrow", reason="extra table")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core (extra test)")
    target = tmp_path / "page.html"
    assert run(*line.split(), "-o", target)[0] == 0
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(target.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    violations = axe.Axe().run(page).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
    assert (said, asked) == ([], [target.as_uri()])
