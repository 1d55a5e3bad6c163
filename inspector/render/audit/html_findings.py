"""The findings of an audit's page, each with its page of documentation folded in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from rowscope.inspector.audit import Report
from rowscope.inspector.checks import RULES, SEVERITY_RANK, Finding, explain
from rowscope.inspector.render.html import Words, markdown_html, prose, section, text


def findings(report: Report, words: Words) -> Iterator[str]:
    """All findings, the worst first."""
    ordered = sorted(report.findings, key=lambda finding: -SEVERITY_RANK[finding.severity])
    codes = {finding.code for finding in ordered}
    seen: set[str] = set()
    body = [f"<p>{text(words.say('findings.none'))}</p>"] if not ordered else []
    for finding in ordered:
        body += _finding(finding, words, codes, first=finding.code not in seen)
        seen.add(finding.code)
    yield from section(words.say("findings.count", count=len(ordered)), body, "findings")


def _finding(finding: Finding, words: Words, codes: set[str], *, first: bool) -> Iterator[str]:
    anchor = f' id="{finding.code}"' if first else ""
    yield f'<article class="{finding.severity}"{anchor}>'
    level = words.say(f"severity.{finding.severity}")
    sure = words.say("findings.confidence", confidence=words.say(f"confidence.{finding.confidence}"))
    yield (
        f"<h3>{text(level)} {text(finding.code)} {text(finding.name)} "
        f'<span class="dim">{text(sure)}</span></h3>'
    )
    yield f"<p>{prose(words.told(finding.message))}</p>"
    yield f'<p class="next">{prose(words.told(finding.hint))}</p>'
    yield f"<p><code>{text(finding.location)}</code></p>"
    if first and finding.code in RULES:
        yield f"<details><summary>{text(words.say('findings.explain', code=finding.code))}</summary>"
        yield f"{_page(finding.code, frozenset(codes), words.language)}</details>"
    yield "</article>"


def _page(code: str, codes: frozenset[str], language: str) -> str:
    """The page of `explain` without its title."""
    source = explain(code, language).partition("\n")[2]
    return markdown_html(source, deeper=2, link=partial(_link, codes=codes))


def _link(target: str, codes: frozenset[str]) -> str | None:
    """Other findings of this page; the page stands alone, so that nothing else is linked to."""
    meant = re.fullmatch(r"([A-Z]{3}\d{3})\.md", target)
    return f"#{meant[1]}" if meant and meant[1] in codes else None
