"""All findings by family: code, severity, name and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rowscope.inspector.checks import Rule
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import wrap
from rowscope.inspector.text import say, told

FAMILIES: Final = {
    "FIL": say("files"),
    "VOC": say("sizes of the vocabulary"),
    "ROW": say("rows"),
    "TOK": say("tokens"),
    "TIE": say("tying of input and output"),
    "DIF": say("comparisons"),
}


def listed_lines(rules: Iterable[Rule], width: int, lang: str = "en") -> Iterator[Line]:
    """One entry a rule below the name of its family, in the order of the codes."""
    family = ""
    for rule in sorted(rules, key=_place):
        if rule.code[:3] != family:
            if family:
                yield Line("")
            family = rule.code[:3]
            yield Line(f"{family}  {told(FAMILIES.get(family, ''), lang)}".rstrip(), "heading")
        head = f"{rule.code}  {rule.severity:<7}  {rule.name}"
        yield Line(f"  {head}", rule.severity)
        summary = told(say(rule.summary), lang)
        yield from (Line(line, "dim") for line in wrap(summary, width, "      ", chinese=lang == "zh"))
    yield Line("")
    more = say("rowscope explain CODE: what it means, how it is measured, what to do, when it is wrong")
    yield from map(Line, wrap(told(more, lang), width, "", chinese=lang == "zh"))


def _place(rule: Rule) -> tuple[int, str]:
    known = list(FAMILIES)
    family = rule.code[:3]
    return known.index(family) if family in known else len(known), rule.code


def listed_markdown(rules: Iterable[Rule], lang: str = "en") -> str:
    """The same as one table."""
    rows = [f"| {r.code} | {r.name} | {r.severity} | {told(say(r.summary), lang)} |" for r in rules]
    return (
        "\n".join(["| code | name | severity | what is found |", "| --- | --- | --- | --- |", *rows]) + "\n"
    )
