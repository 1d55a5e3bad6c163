"""Section 10: what follows from the numbers, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.model import PolicyResult
from rowscope.inspector.study.claims import conditions
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.files import special_names
from rowscope.inspector.study.leak_section import tokens_text
from rowscope.inspector.study.material import Material, RowGroup
from rowscope.inspector.study.policy_section import policy_values
from rowscope.inspector.study.row_claims import tally
from rowscope.inspector.study.rules import (
    asked,
    compared,
    free_slots,
    gradient_word,
    learning,
    nonfinite_inputs,
    outputs_word,
    policy_word,
    rows_word,
)
from rowscope.inspector.study.starts_section import starts_values
from rowscope.inspector.study.verify_section import asked_values
from rowscope.inspector.text import count


def conclusions(doc: Document, material: Material) -> None:
    """A list, from the rows to their use."""
    doc.heading("conclusions")
    if material.subject is None:
        doc.paragraph(
            "conclusion.nothing", rows=count(material.report.census.rows), caveat=_caveat(doc, material)
        )
        return
    doc.bullets(
        [
            *_rows(doc, material),
            *_asked(doc, material),
            *_forward(doc, material),
            *_gradient(doc, material),
            *_leak(doc, material),
            *_policy(doc, material),
            *_add(doc, material),
            *_starts(doc, material),
            *_missing(doc, material),
        ]
    )


def _caveat(doc: Document, material: Material) -> str:
    notes = [m.reference_note for m in material.report.matrices if m.reference is None]
    return doc.texts.say("conclusion.nothing_caveat", note=doc.foreign(notes[0])) if notes else ""


def _rows(doc: Document, material: Material) -> Iterator[str]:
    for matrix in material.report.matrices:
        group = material.groups.get(matrix.role)
        if group is not None:
            yield _state(doc, material, matrix, group)
    if material.kind == "untrained":
        return
    for matrix in material.report.matrices:
        used = matrix.groups.get("used")
        bad = used.stats.rows - used.verdicts["trained"] if used else 0
        if bad:
            names = special_names(doc, material)
            special = doc.texts.say("conclusion.used_special", tokens=names) if names else ""
            role = doc.texts.say(f"word.{matrix.role}")
            yield doc.texts.say("conclusion.used", count=count(bad), role=role, special=special)


def _state(doc: Document, material: Material, matrix: MatrixReport, group: RowGroup) -> str:
    key, stats = rows_word(matrix, group), group.stats
    empty = group.verdicts["zero"] + group.verdicts["vanishing"]
    number = empty if key == "vanishing" else group.verdicts.get(key, 0)
    return doc.texts.say(
        f"conclusion.{key}",
        rows=count(stats.rows),
        count=count(number),
        kind=doc.texts.say(f"word.{material.kind}"),
        role=doc.texts.say(f"word.{matrix.role}"),
        verdicts=tally(doc, group),
    )


def _asked(doc: Document, material: Material) -> Iterator[str]:
    if material.verify is None or isinstance(material.verify, str):
        return
    found = asked(material.verify)
    if found.word is not None:
        yield doc.texts.say(f"conclusion.asked_{found.word}", **asked_values(found))


def _forward(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.forward, str):
        return
    kind = doc.texts.say(f"word.{material.kind}")
    if nonfinite_inputs(material.forward):
        yield doc.texts.say("conclusion.forward_nonfinite")
    if outputs_word(material.forward, material.kind) == "same":
        yield doc.texts.say("conclusion.forward_same", kind=kind)


def _gradient(doc: Document, material: Material) -> Iterator[str]:
    word = None if isinstance(material.gradient, str) else gradient_word(material.gradient)
    if word in ("zero", "same"):
        kind = doc.texts.say(f"word.{material.kind}")
        yield doc.texts.say(
            "conclusion.gradient_none" if word == "zero" else "conclusion.gradient", kind=kind
        )


def _leak(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.leak, str):
        return
    kind, advice = doc.texts.say(f"word.{material.kind}"), material.leak.advice
    if advice.from_temperature is None:
        yield doc.texts.say("conclusion.mask_optional", kind=kind)
        return
    cell = material.leak.find(advice.from_temperature, scope=advice.basis)
    assert cell is not None
    hot = advice.code == "mask-when-hot"
    yield doc.texts.say(
        "conclusion.mask_hot" if hot else "conclusion.mask",
        kind=kind,
        tokens=tokens_text(doc, cell),
        temperature=f"{cell.temperature:g}",
        where=doc.texts.say(f"where.{advice.basis}"),
    )


def _policy(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.policy, PolicyResult):
        values = policy_values(material.policy, doc.texts.say(f"word.{material.kind}"))
        yield doc.texts.say(f"conclusion.policy_{policy_word(material.policy)}", **values)


def _starts(doc: Document, material: Material) -> Iterator[str]:
    starts = material.starts
    found = None if starts is None or isinstance(starts, str) else compared(starts)
    if found is not None and starts and not isinstance(material.train, str):
        values = starts_values(found, material.train.steps, len(starts))
        yield doc.texts.say(f"conclusion.starts_{found.word}", **values)


def _add(doc: Document, material: Material) -> Iterator[str]:
    slots = free_slots(material)
    if isinstance(material.train, str) or not slots:
        return
    found, wanted = learning(material.train), conditions(doc, material)
    after = doc.texts.say("conclusion.add_conditions", conditions=wanted) if wanted else ""
    yield doc.texts.say(
        f"conclusion.{found.word}",
        left=count(slots - 1),
        conditions=after,
        steps=material.train.steps,
        how=doc.texts.say(f"variant.{found.variant.name}"),
    )


def _missing(doc: Document, material: Material) -> Iterator[str]:
    probes = {
        "forward": material.forward,
        "gradient": material.gradient,
        "leak": material.leak,
        "claim": material.train,
    }
    names = [doc.texts.say(f"heading.{name}") for name, found in probes.items() if isinstance(found, str)]
    if len(names) == len(probes):
        yield doc.texts.say("conclusion.missing")
    elif names:
        yield doc.texts.say("conclusion.missing_some", sections=doc.texts.say("word.comma").join(names))
