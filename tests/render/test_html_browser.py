"""The HTML report in a real browser: it asks for nothing, table and picture work, hostile names stay text."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import rowscope
from rowscope.inspector.render.audit import render_html

from .browser import Opened, launched

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<img src=http://127.0.0.1:9/x>",
    "\u202egnp.exe\u202c",
    "\u2028\u2029\n",
    "\ud800",
    "]]>--><svg onload=alert(1)>",
    "javascript:alert(1)",
    "</title></style><b>`",
)
COPY = """Object.defineProperty(navigator, "clipboard",
    {value: {writeText: async (text) => { window.kept = text; }}})"""


@pytest.fixture(scope="module")
def browser():
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def report():
    return rowscope.audit("demo")


@pytest.fixture(scope="module")
def file(report, tmp_path_factory):
    target = tmp_path_factory.mktemp("page") / "audit.html"
    target.write_text(render_html(report, exit_code=0), "utf-8")
    return target


@pytest.fixture(scope="module")
def opened(browser, file):
    found = Opened(browser, file)
    yield found
    assert found.said == []
    assert found.asked == [file.as_uri()]


@pytest.fixture
def page(opened):
    opened.page.click("#rows-clear")
    return opened.page


def test_the_table_begins_with_suspects_and_special_tokens(opened, page, report):
    rows = report.matrices[0].rows
    specials = {t.id for t in report.special_tokens if t.group != "placeholder" or t.roles}
    suspects = set(np.flatnonzero(rows.verdict != 0).tolist())
    assert opened.status() == f"{len(suspects | specials)} of 4,096 rows."
    broken = next(f for f in report.findings if f.code == "TOK301").evidence["ids"]
    assert [int(cells[0]) for cells in opened.rows()[: len(broken)]] == sorted(broken)


def test_search_finds_texts_ids_ranges_and_copies(opened, page, report):
    page.fill("#rows-search", "FIM_PREFIX")
    assert [cells[0] for cells in opened.rows()] == ["4003"]
    page.fill("#rows-search", "0:3,4003")
    assert [cells[0] for cells in opened.rows()] == ["4003", "0", "1", "2"]
    page.fill("#rows-search", "nothing is called this")
    assert opened.rows() == []
    assert opened.status() == "0 of 4,096 rows."
    assert page.is_disabled("#rows-copy")
    page.fill("#rows-search", "=5")
    assert "5" in [cells[0] for cells in opened.rows()]


def test_numbers_are_those_of_the_audit(opened, page, report):
    rows = report.matrices[0].rows
    heads = page.evaluate("[...document.querySelectorAll('#rows-head th')].map((cell) => cell.dataset.key)")
    for cells in opened.rows():
        line = dict(zip(heads, cells, strict=True))
        assert float(line["norm"]) == pytest.approx(rows.norm[int(line["id"])], rel=2e-4, abs=1e-4)
        shown = float(line["cosine"].strip("<>"))
        assert shown == pytest.approx(rows.cosine[int(line["id"])], abs=2e-4)


def test_columns_sort_both_ways(opened, page):
    page.click("#rows-head th[data-key=norm] button")
    heads = page.query_selector("#rows-head th[data-key=norm]")
    assert heads.get_attribute("aria-sort") == "ascending"
    norms = [float(cells[4]) for cells in opened.rows()]
    assert norms == sorted(norms)
    page.click("#rows-head th[data-key=norm] button")
    norms = [float(cells[4]) for cells in opened.rows()]
    assert norms == sorted(norms, reverse=True)
    page.click("#rows-clear")
    assert page.query_selector("#rows-head th[aria-sort]") is None


def test_filters_by_verdict_and_group(opened, page, report):
    counts = report.matrices[0].groups
    page.select_option("#rows-by", label=f"collapsed ({(report.matrices[0].rows.verdict == 2).sum()})")
    assert opened.status() == f"{(report.matrices[0].rows.verdict == 2).sum()} of 4,096 rows."
    page.select_option("#rows-group", label="unmapped (80)")
    assert opened.status() == f"{counts['unmapped'].verdicts['collapsed']} of 4,096 rows."
    page.select_option("#rows-by", "")
    page.select_option("#rows-show", "0")
    assert opened.status() == "80 of 4,096 rows."


def test_pages_turn(opened, page):
    first = opened.rows()
    assert page.is_disabled("#rows-before")
    page.click("#rows-after")
    assert opened.rows()[0] not in first
    page.click("#rows-before")
    assert opened.rows() == first


def test_a_region_of_the_picture_lists_its_rows(opened, page, report):
    page.click("#plot-whole")
    box = page.locator("#plot .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.4, steps=4)
    page.mouse.up()
    assert opened.status().endswith("In the selected region.")
    ids = [int(cells[0]) for cells in opened.rows()]
    rows = report.matrices[0].rows
    assert ids
    assert (rows.norm[ids] > 0.5 * np.nanmax(rows.norm)).all()
    assert (rows.cosine[ids] > np.median(rows.cosine)).all()


def test_a_region_by_numbers_is_exact(opened, page, report):
    page.click("summary:has-text('region of the picture')")
    page.fill("#rows-x-from", "2.7")
    page.fill("#rows-y-from", "0.95")
    page.press("#rows-y-from", "Enter")
    rows = report.matrices[0].rows
    inside = int(((rows.norm >= 2.7) & (rows.cosine >= 0.95)).sum())
    assert opened.status() == f"{inside:,} of 4,096 rows. In the selected region."
    page.click("summary:has-text('region of the picture')")


def test_ids_are_copied_whole(opened, page):
    page.evaluate(COPY)
    page.fill("#rows-search", "4000:4096")
    page.click("#rows-copy")
    page.wait_for_function("() => window.kept !== undefined")
    assert sorted(json.loads(page.evaluate("window.kept"))) == list(range(4000, 4096))
    assert opened.status() == "96 ids copied."


def test_findings_unfold(opened, page):
    text = page.locator("#TOK301 details h4").first
    assert not text.is_visible()
    page.click("#TOK301 summary")
    assert text.is_visible()
    page.click("#TOK301 summary")


def test_an_address_opens_a_row(browser, file):
    found = Opened(browser, file, "#id-4003")
    assert [cells[0] for cells in found.rows()] == ["4003"]
    assert found.said == []


def test_two_matrices_take_turns(browser, reports, tmp_path):
    report = reports["untied"]
    target = tmp_path / "untied.html"
    target.write_text(render_html(report, exit_code=1), "utf-8")
    found = Opened(browser, target)
    for at, matrix in enumerate(report.matrices):
        found.page.select_option("#rows-view", str(at))
        found.page.fill("#rows-search", "30:33")
        shown = {int(cells[0]): cells[2] for cells in found.rows()}
        assert shown == {30: "zero", 31: "nonfinite", 32: "nonfinite"}
        assert found.status() == f"3 of {matrix.shape[0]} rows."
        found.page.click("#rows-clear")
    assert found.said == []


def test_what_is_hidden_on_the_screen_is_printed(browser, file):
    page = Opened(browser, file).page
    assert not page.locator(".still svg").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator(".still svg").first.is_visible()
    assert page.locator(".cut table").first.is_visible()
    assert not page.locator("#rows-search").is_visible()


def test_without_a_script_the_page_is_complete(browser, file):
    page = Opened(browser, file, java_script_enabled=False).page
    assert page.locator(".still svg").first.is_visible()
    assert page.locator("#specials table").is_visible()
    assert not page.locator("#rows-search").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_it_is_accessible_and_fits(browser, file, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core (extra test)")
    found = Opened(browser, file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(found.page).response["violations"]
    grave = [v for v in violations if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in grave] == []


def test_it_is_worked_from_the_keyboard(browser, file):
    page = Opened(browser, file).page
    page.focus("#rows-search")
    page.keyboard.type("4003")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert seen[:4] == ["rows-show", "rows-by", "rows-group", "rows-clear"]
    assert {"rows-copy", "rows", "id"} <= set(seen)


def test_hostile_names_stay_text(browser, report, tmp_path):
    tokens = {id: HOSTILE[id % len(HOSTILE)] for id in report.vocabulary.tokens}
    added = {id: dataclasses.replace(t, content=tokens[id]) for id, t in report.vocabulary.added.items()}
    specials = tuple(
        dataclasses.replace(token, token=tokens[token.id], text=tokens[token.id], roles=HOSTILE[:2])
        for token in report.special_tokens
    )
    everything = " ".join(HOSTILE)
    findings = tuple(
        dataclasses.replace(finding, message=everything, hint=everything, location=everything)
        for finding in report.findings
    )
    matrices = tuple(dataclasses.replace(matrix, tensor=everything) for matrix in report.matrices)
    hostile = dataclasses.replace(
        report,
        vocabulary=dataclasses.replace(report.vocabulary, tokens=tokens, added=added),
        checkpoint=dataclasses.replace(report.checkpoint, path=everything),
        special_tokens=specials,
        findings=findings,
        matrices=matrices,
        notes=HOSTILE,
        summary=HOSTILE,
    )
    target = tmp_path / "hostile.html"
    target.write_text(render_html(hostile, exit_code=1, title=everything), "utf-8")
    found = Opened(browser, target)
    for query in ("", "owned", "onload", "0:64"):
        found.page.fill("#rows-search", query)
        assert found.rows()
    shown = {cells[1] for cells in found.rows()}
    assert "<img␣src=http://127.0.0.1:9/x>" in shown
    assert "\\ud800" in shown
    assert "\\u202egnp.exe\\u202c" in shown
    assert found.asked == [target.as_uri()]
    assert found.said == []
    assert found.page.evaluate("document.title").startswith("</script><script>document.title")
    assert (
        found.page.locator("img, script[src], link, iframe, object, embed, [onload], [onerror]").count() == 0
    )
    assert found.page.locator("script").count() == 2
