"""Section 10: what follows from the numbers, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.study.claim_section import free_slots, learned
from rowscope.inspector.study.claims import conditions
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.files import COPIES, special_names
from rowscope.inspector.study.forward_section import same_output
from rowscope.inspector.study.leak_section import tokens_text
from rowscope.inspector.study.material import Material, RowGroup
from rowscope.inspector.study.row_claims import tally
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
            *_forward(doc, material),
            *_gradient(doc, material),
            *_leak(doc, material),
            *_add(doc, material),
            *_missing(doc, material),
        ]
    )


def _caveat(doc: Document, material: Material) -> str:
    notes = [m.reference_note for m in material.report.matrices if m.reference is None]
    return doc.texts.say("conclusion.nothing_caveat", note=plain(notes[0])) if notes else ""


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
            names = special_names(material)
            special = doc.texts.say("conclusion.used_special", tokens=names) if names else ""
            role = doc.texts.say(f"word.{matrix.role}")
            yield doc.texts.say("conclusion.used", count=count(bad), role=role, special=special)


def _state(doc: Document, material: Material, matrix: MatrixReport, group: RowGroup) -> str:
    state, stats = group.state, group.stats
    one_vector = stats.rows > 1 and (stats.distinct_rows == 1 or stats.pairwise_cosine >= COPIES)
    if state in ("collapsed", "trained") and one_vector:
        key = "copies"
    elif state == "trained" and matrix.reference is None:
        key = "unknown"
    else:
        key = {"zero": "vanishing", "collapsed": "collapsed", "fresh": "fresh", "damaged": "damaged"}.get(
            state, state
        )
    empty = group.verdicts["zero"] + group.verdicts["vanishing"]
    number = empty if key == "vanishing" else group.verdicts.get(state, 0)
    return doc.texts.say(
        f"conclusion.{key}",
        rows=count(stats.rows),
        count=count(number),
        kind=doc.texts.say(f"word.{material.kind}"),
        role=doc.texts.say(f"word.{matrix.role}"),
        verdicts=tally(doc, group),
    )


def _forward(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.forward, str):
        return
    kind = doc.texts.say(f"word.{material.kind}")
    if any(group.nonfinite for group in material.forward.groups):
        yield doc.texts.say("conclusion.forward_nonfinite")
    if same_output(material.forward, material.kind):
        yield doc.texts.say("conclusion.forward_same", kind=kind)


def _gradient(doc: Document, material: Material) -> Iterator[str]:
    study = None if isinstance(material.gradient, str) else material.gradient.find("study")
    part = study.find("all", "output") if study else None
    others = part.find("others") if part else None
    if others is None or not others.rows or not (others.all_zero or others.pairwise_cosine >= 0.9):
        return
    kind = doc.texts.say(f"word.{material.kind}")
    yield doc.texts.say("conclusion.gradient_none" if others.all_zero else "conclusion.gradient", kind=kind)


def _leak(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.leak, str):
        return
    kind, advice = doc.texts.say(f"word.{material.kind}"), material.leak.advice
    if advice.from_temperature is None:
        yield doc.texts.say("conclusion.mask_optional", kind=kind)
        return
    cell = material.leak.find(advice.from_temperature, scope=advice.basis)
    assert cell is not None
    yield doc.texts.say(
        "conclusion.mask", kind=kind, tokens=tokens_text(doc, cell), temperature=f"{cell.temperature:g}"
    )


def _add(doc: Document, material: Material) -> Iterator[str]:
    if isinstance(material.train, str) or material.kind != "reserved":
        return
    full = material.train.find("full")
    if full is not None and learned(full):
        wanted = conditions(doc, material)
        after = doc.texts.say("conclusion.add_conditions", conditions=wanted) if wanted else ""
        yield doc.texts.say("conclusion.add", left=count(free_slots(material) - 1), conditions=after)
    else:
        yield doc.texts.say("conclusion.add_unshown", steps=material.train.steps)


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
