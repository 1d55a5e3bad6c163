"""The three claims that are about the rows themselves: active, conservatively initialised, synchronised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material, RowGroup
from rowscope.inspector.study.rules import rows_word
from rowscope.inspector.text import cosine, count, ratio, real

Verdict = tuple[str, list[str]]
"""A key of `verdict_word`, and the sentences that give the reason."""

_LONGER: Final = 1.05


def tally(doc: Document, group: RowGroup) -> str:
    """`80 collapsed, 8 trained`, the verdicts that occur."""
    present = [(group.verdicts[verdict], verdict) for verdict in VERDICTS if group.verdicts[verdict]]
    comma = doc.texts.say("word.comma")
    return comma.join(
        doc.texts.say("word.tally", count=count(number), verdict=doc.texts.say(f"verdict.{verdict}"))
        for number, verdict in present
    )


def per_matrix(
    doc: Document, material: Material, judge: Callable[[Document, Material, MatrixReport, RowGroup], Verdict]
) -> Verdict:
    """A claim about rows, for each matrix; where they disagree it is true in part."""
    words, reasons = [], []
    for matrix in material.report.matrices:
        group = material.groups.get(matrix.role)
        if group is None:
            continue
        role = doc.texts.say(f"word.{matrix.role}")
        word, found = judge(doc, material, matrix, group)
        words.append(word)
        text = doc.texts.say("word.joiner").join(found)
        several = len(material.groups) > 1
        reasons.append(doc.texts.say("word.of_matrix", role=role, text=text) if several else text)
    told = set(words) - {"open"} or set(words)
    return (told.pop() if len(told) == 1 else "part"), reasons


def active(doc: Document, material: Material, matrix: MatrixReport, group: RowGroup) -> Verdict:
    rows, trained = group.stats.rows, group.verdicts["trained"]
    values = {
        "kind": doc.texts.say(f"word.{material.kind}"),
        "rows": count(rows),
        "nonzero": ratio(group.stats.nonzero, group.stats.elements),
        "verdicts": tally(doc, group),
    }
    if rows_word(matrix, group) == "copies":
        return "corrected", [doc.texts.say("active.copies", **values)]
    if trained and matrix.reference is None:
        return "open", [doc.texts.say("active.unknown", note=doc.foreign(matrix.reference_note))]
    if trained:
        word, key = ("confirmed", "trained") if trained == rows else ("part", "part")
        return word, [doc.texts.say(f"active.{key}", count=count(trained), **values)]
    empty = group.verdicts["zero"] + group.verdicts["vanishing"]
    key = "zero" if empty == rows else "untrained"
    return "corrected", [doc.texts.say(f"active.{key}", count=count(rows), **values)]


def conservative(doc: Document, material: Material, matrix: MatrixReport, group: RowGroup) -> Verdict:
    stats, used = group.stats, matrix.groups.get("used")
    used_std = used.stats.std if used else float("nan")
    values = {
        "kind": doc.texts.say(f"word.{material.kind}"),
        "rows": count(stats.rows),
        "std": real(stats.std),
        "used_std": real(used_std),
        "cosine": cosine(stats.pairwise_cosine),
    }
    longer = [doc.texts.say("conservative.longer", **values)] if stats.std > _LONGER * used_std else []
    state = rows_word(matrix, group)
    if state == "initial":
        initial = count(group.verdicts["initial"])
        found = doc.texts.say("conservative.initial", count=initial, **values)
        return ("part" if longer else "confirmed"), [found, *longer]
    if state == "copies":
        return "corrected", [doc.texts.say("conservative.copies", **values), *longer]
    other = doc.texts.say("conservative.other", verdicts=tally(doc, group), **values)
    wrong = longer or state == "vanishing" or group.verdicts["collapsed"]
    return ("corrected" if wrong else "open"), [other, *longer]


def synchronised(doc: Document, material: Material) -> Verdict:
    census = material.report.census
    if census.tied:
        return "confirmed", [doc.texts.say("synchronised.tied")]
    source, target = material.groups.get("input"), material.groups.get("output")
    if source is None or target is None:
        return "open", [doc.texts.say("synchronised.one")]
    kind = doc.texts.say(f"word.{material.kind}")
    return "corrected", [
        doc.texts.say("synchronised.untied", kind=kind, input=tally(doc, source), output=tally(doc, target))
    ]
