"""All findings by family: code, severity, name and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rowscope.inspector.checks import Rule
from rowscope.inspector.render.lines import Line
from rowscope.inspector.render.plain import wrap

FAMILIES: Final = {
    "FIL": "files",
    "VOC": "sizes of the vocabulary",
    "ROW": "rows",
    "TOK": "tokens",
    "TIE": "tying of input and output",
    "DIF": "comparisons",
}


def listed_lines(rules: Iterable[Rule], width: int) -> Iterator[Line]:
    """One entry a rule below the name of its family, in the order of the codes."""
    family = ""
    for rule in sorted(rules, key=_place):
        if rule.code[:3] != family:
            if family:
                yield Line("")
            family = rule.code[:3]
            yield Line(f"{family}  {FAMILIES.get(family, '')}".rstrip(), "heading")
        head = f"{rule.code}  {rule.severity:<7}  {rule.name}"
        yield Line(f"  {head}", rule.severity)
        yield from (Line(line, "dim") for line in wrap(rule.summary, width, "      "))
    yield Line("")
    more = "rowscope explain CODE: what it means, how it is measured, what to do, when it is wrong"
    yield from map(Line, wrap(more, width, ""))


def _place(rule: Rule) -> tuple[int, str]:
    known = list(FAMILIES)
    family = rule.code[:3]
    return known.index(family) if family in known else len(known), rule.code


def listed_markdown(rules: Iterable[Rule]) -> str:
    """The same as one table."""
    rows = [f"| {rule.code} | {rule.name} | {rule.severity} | {rule.summary} |" for rule in rules]
    return (
        "\n".join(["| code | name | severity | what is found |", "| --- | --- | --- | --- |", *rows]) + "\n"
    )
