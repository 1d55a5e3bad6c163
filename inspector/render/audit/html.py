"""An audit as one HTML page that needs nothing else: no font, no picture, no script from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.audit import MatrixReport, Report
from rowscope.inspector.render.audit.html_banner import banner, partial
from rowscope.inspector.render.audit.html_findings import findings
from rowscope.inspector.render.audit.html_pictures import cluster_part, histogram_part, pictures, strip_part
from rowscope.inspector.render.audit.html_rows import matrix_name, texts_of, views
from rowscope.inspector.render.audit.provenance import provenance
from rowscope.inspector.render.audit.tables import (
    notable_cells,
    size_rows,
    special_rows,
    statistic_rows,
    untrained_first,
    whole_matrix,
)
from rowscope.inspector.render.html import (
    Words,
    explorer,
    html_table,
    note,
    page,
    page_data,
    prose,
    section,
    text,
)
from rowscope.inspector.render.spoken import in_language
from rowscope.inspector.text import visible

_SPECIALS: Final = 1000


def render_html(report: Report, *, exit_code: int, title: str | None = None, lang: str = "en") -> str:
    """The whole report as one HTML5 document in UTF-8, readable on a phone, printable, light and dark.

    Args:
        exit_code: what the command exits with.
        title: of the page; by default it names the checkpoint.
        lang: `en` or `zh`; what has no words in it stands in English whole, and says so.

    Raises:
        UsageError: another language.
    """
    words = Words(lang)
    shown = views(report, words)
    heading = title or words.say("page.audit_title", path=visible(report.checkpoint.path))
    body = _body(report, words, heading, exit_code, bool(shown))
    data = page_data(words, shown, texts_of(report)) if shown else None
    return page(body, title=heading, language=words.language, data=data)


def _body(report: Report, words: Words, heading: str, exit_code: int, live: bool) -> Iterator[str]:
    yield f"<h1>{text(heading)}</h1>"
    yield from banner(report, words)
    yield from partial(report, words)
    yield _contents(report, words, live)
    yield from findings(report, words)
    if live:
        yield from section(words.say("part.picture"), pictures(report, words), "picture")
        yield from section(words.say("part.norms"), histogram_part(report, words), "norms")
        yield from section(words.say("part.strip"), strip_part(report, words), "strip")
        yield from section(words.say("part.clusters"), cluster_part(report, words), "clusters")
        table = explorer(words, words.say("part.rows"), _notable(report, words))
        yield from section(words.say("part.rows"), table, "rows-part")
    else:
        yield from section(words.say("part.rows"), _notable(report, words), "rows-part")
    yield from _specials(report, words)
    yield from section(words.say("part.sizes"), _sizes(report, words), "sizes")
    for at, matrix in enumerate(report.matrices):
        yield from section(text(matrix_name(matrix, words)), _matrix(matrix, words), f"matrix-{at}")
    yield from _said(report, words)
    yield from section(words.say("part.provenance"), provenance(report, words, exit_code), "provenance")


def _contents(report: Report, words: Words, live: bool) -> str:
    parts = ["findings", *(["picture", "norms", "strip", "clusters"] if live else []), "rows"]
    parts += ["specials"] if report.special_tokens else []
    parts += ["sizes", "provenance"]
    anchors = {"rows": "rows-part"}
    links = (f'<li><a href="#{anchors.get(p, p)}">{text(words.say(f"part.{p}"))}</a></li>' for p in parts)
    return f'<nav aria-label="{text(words.say("page.contents"))}"><ul>{"".join(links)}</ul></nav>'


def _specials(report: Report, words: Words) -> Iterator[str]:
    tokens = untrained_first(report.special_tokens)
    if not tokens:
        return
    rows = in_language(special_rows(tokens[:_SPECIALS]), words.language)
    body = list(html_table(rows, {0}, words.say("part.specials")))
    body.insert(0, note(words.say("specials.how")))
    if len(tokens) > _SPECIALS:
        body.append(note(words.say("specials.more", shown=_SPECIALS, all=len(tokens))))
    yield from section(words.say("part.specials"), body, "specials")


def _notable(report: Report, words: Words) -> Iterator[str]:
    """The rows that are named without a script, where the table of all cannot be."""
    for matrix in report.matrices:
        if matrix.notable_rows:
            title = matrix_name(matrix, words)
            yield f"<h3>{text(title)}</h3>"
            cells = in_language(notable_cells(matrix.notable_rows), words.language)
            yield from html_table(cells, {0, 4, 5}, title)


def _sizes(report: Report, words: Words) -> Iterator[str]:
    rows = [("", words.say("label.size"), ""), *size_rows(report)]
    return html_table(in_language(rows, words.language), {1}, words.say("part.sizes"))


def _matrix(matrix: MatrixReport, words: Words) -> Iterator[str]:
    cells = statistic_rows(matrix)
    numbers = set(range(1, len(cells[0])))
    yield from html_table(in_language(cells, words.language), numbers, matrix_name(matrix, words))
    yield from (note(words.told(said)) for said in (*whole_matrix(matrix), matrix.reference_note))


def _said(report: Report, words: Words) -> Iterator[str]:
    """Summary, settings, what is hidden, notes: sentences of the tool as they are."""
    body = [f"<p>{prose(words.told(paragraph))}</p>" for paragraph in report.summary]
    if report.settings is not None and report.settings.sentence:
        body.append(note(words.told(report.settings.sentence)))
    body += [note(words.say("page.note", note=visible(words.told(said)))) for said in report.notes]
    yield from section(words.say("part.words"), body, "words")
