"""Section 8, second part: the same lesson from several initial rows."""

from __future__ import annotations

from rowscope.inspector.model import Started
from rowscope.inspector.study.document import Document, code
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import Compared, compared
from rowscope.inspector.text import count, real


def starts_section(doc: Document, material: Material) -> None:
    """What a claimed row is filled with, and what that is worth after the lesson."""
    starts = material.starts
    if starts is None:
        return
    doc.subheading("starts.heading")
    if isinstance(starts, str):
        doc.unmeasured(starts)
        return
    for left in material.left_out:
        doc.say("starts.left", values=code(left.values), why=doc.reason(left.why))
    doc.stop()
    if not starts:
        return
    steps = 0 if isinstance(material.train, str) else material.train.steps
    doc.paragraph(
        "starts.setting",
        count=count(len(starts)),
        how=doc.texts.say(f"variant.{starts[0].variant}"),
        rate=f"{starts[0].learning_rate:g}",
    )
    doc.table(doc.texts.cells("head.starts", steps=steps), [_cells(doc, start) for start in starts])
    found = compared(starts)
    if found is not None:
        doc.say(f"starts.{found.word}", **starts_values(found, steps, len(starts)))
    doc.stop()


def starts_values(found: Compared, steps: int, number: int) -> dict[str, object]:
    """The figures of the sentences on these rows."""
    return {
        "steps": steps,
        "count": count(number),
        "spread": _nats(found.spread),
        "best": code(found.best.values),
        "low": _nats(found.best.loss_after),
        "worst": code(found.worst.values),
        "high": _nats(found.worst.loss_after),
        "lowest": code(found.lowest.values),
        "start_low": _nats(found.lowest.loss_before),
        "highest": code(found.highest.values),
        "start_high": _nats(found.highest.loss_before),
    }


def _nats(loss: float) -> str:
    return f"{loss:.3f}"


def _cells(doc: Document, start: Started) -> list[str]:
    return [
        code(start.values),
        _nats(start.loss_before),
        _nats(start.loss_after),
        real(start.before.where_due),
        real(start.after.where_due),
        real(start.after.elsewhere),
        _nats(start.after.text_loss),
        doc.texts.say("word.yes" if start.alive else "word.no"),
    ]
