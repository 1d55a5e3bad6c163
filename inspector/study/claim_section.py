"""Section 8: a new token in a reserved slot."""

from __future__ import annotations

import shlex
from typing import Final

from rowscope.inspector.model import TrainResult, Variant
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.material import Material
from rowscope.inspector.text import cosine, count, real, visible

_LEARNED: Final = 10.0  # a token is called learned when its probability where due grew this much
_TOGETHER: Final = 0.9  # mean cosine between steps that go one way
_MOSTLY: Final = 0.3


def learned(variant: Variant) -> bool:
    """Whether the token's probability grew where it is due, and more than elsewhere."""
    return variant.after.where_due > max(_LEARNED * variant.before.where_due, variant.after.elsewhere)


def claim_section(doc: Document, material: Material) -> None:
    """A slot claimed in memory: learned or not, and what else moved."""
    doc.heading("claim")
    if material.kind != "reserved":
        doc.paragraph("claim.no_slot")
    result = material.train
    if isinstance(result, str):
        doc.paragraph("method.not_measured", why=plain(result))
        _how(doc, material)
        return
    kind = doc.texts.say(f"word.{material.kind}")
    group = material.group("output")
    state = "mixed" if group is None else group.state
    state = doc.texts.say(f"verdict.{state}") if state != "mixed" else doc.texts.say("word.unknown")
    started = doc.texts.say("claim.mean", rows=count(result.started_rows))
    doc.say("claim.slot", id=result.id, started=started, state=state)
    first = result.variants[0]
    doc.say(
        "claim.unclaimed",
        as_stored=real(result.unclaimed.where_due),
        before=real(first.before.where_due),
    )
    doc.paragraph("claim.task", steps=result.steps, batch=result.batch, rate=f"{result.learning_rate:g}")
    doc.table(doc.texts.cells("head.train"), [_train_cells(doc, variant) for variant in result.variants])
    _learning(doc, result)
    doc.paragraph("claim.drift")
    doc.table(
        doc.texts.cells("head.drift"),
        [cells for variant in result.variants for cells in _drift_cells(doc, material, variant)],
    )
    _moves(doc, result, kind)
    _how(doc, material)


def _train_cells(doc: Document, variant: Variant) -> list[str]:
    return [
        doc.texts.say(f"variant.{variant.name}"),
        f"{variant.weight_decay:g}",
        real(variant.before.where_due),
        real(variant.after.where_due),
        real(variant.after.elsewhere),
        real(variant.loss_last),
    ]


def _drift_cells(doc: Document, material: Material, variant: Variant) -> list[list[str]]:
    names = {"new": "word.new", "reserved": f"word.other_{material.kind}", "used": "word.used"}
    return [
        [
            doc.texts.say(f"variant.{variant.name}"),
            doc.texts.say("word.tied" if drift.matrix == "both" else f"word.{drift.matrix}"),
            doc.texts.say(names[drift.group]),
            f"{drift.changed:,} / {drift.rows:,}",
            real(drift.relative),
            f"{drift.norm_ratio:.5f}",
            cosine(drift.cosine),
            cosine(drift.common_direction),
        ]
        for drift in variant.drift
    ]


def _learning(doc: Document, result: TrainResult) -> None:
    full, row, frozen = (result.find(name) for name in ("full", "token-only", "frozen-embeddings"))
    if full is None:
        doc.say("claim.not_full")
    else:
        doc.say(
            "claim.learned" if learned(full) else "claim.not_learned",
            before=real(full.before.where_due),
            after=real(full.after.where_due),
            elsewhere=real(full.after.elsewhere),
            steps=result.steps,
        )
    if row is not None:
        doc.say("claim.only_row", after=real(row.after.where_due), elsewhere=real(row.after.elsewhere))
    if frozen is not None:
        doc.say("claim.frozen", after=real(frozen.after.where_due))
    doc.stop()


def _moves(doc: Document, result: TrainResult, kind: str) -> None:
    full, row, trap = (result.find(name) for name in ("full-no-decay", "token-only", "token-only-decay"))
    moves = [drift for drift in full.drift if drift.group == "reserved" and drift.rows] if full else []
    for moved in moves:
        doc.say(
            "claim.together" if moved.changed else "claim.still",
            rows=count(moved.rows),
            kind=kind,
            role=doc.texts.say(f"word.{moved.matrix}"),
            relative=f"{100 * moved.relative:.3g}%",
            common=_direction(doc, moved.common_direction),
        )
    if any(moved.changed for moved in moves):
        doc.say("claim.adam")
    kept = row.find("reserved") if row else None
    if kept is not None and kept.rows:
        doc.say("claim.hook", changed=count(kept.changed), rows=count(kept.rows), kind=kind)
    shrunk = trap.find("reserved") if trap else None
    if trap is not None and shrunk is not None and shrunk.changed:
        doc.say(
            "claim.trap",
            decay=f"{trap.weight_decay:g}",
            changed=count(shrunk.changed),
            factor=f"{trap.decay_factor:.6f}",
            measured=f"{shrunk.norm_ratio:.6f}",
        )
    doc.stop()


def _direction(doc: Document, common: float) -> str:
    key = "claim.together_apart"
    if common >= _MOSTLY:
        key = "claim.together_same" if common >= _TOGETHER else "claim.together_mostly"
    return doc.texts.say(key, cosine=cosine(common))


def _how(doc: Document, material: Material) -> None:
    """The command, and how many slots remain."""
    if material.kind != "reserved":
        return
    doc.paragraph("claim.how")
    path = shlex.quote(visible(material.checkpoint.path))
    doc.code("sh", f"rowscope claim {path} '<NUM>' --out with-num")
    left = free_slots(material) - 1
    if left > 0:
        doc.paragraph("claim.remains", reserved=count(free_slots(material)), left=count(left))
    elif left == 0:
        doc.paragraph("claim.remains_none")


def free_slots(material: Material) -> int:
    """Reserved ids that a claim could take."""
    return 0 if material.subject is None else int(material.subject.free_slots.size)
