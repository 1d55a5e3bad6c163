"""Section 8: a new token in a reserved slot."""

from __future__ import annotations

import shlex
from typing import Final

from rowscope.inspector.model import TrainResult, Variant
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import ALIVE, ONE_ROW, SAME_WAY, Learning, free_slots, learning
from rowscope.inspector.study.starts_section import starts_section
from rowscope.inspector.text import cosine, count, real, visible

_MOSTLY: Final = 0.3


def learned_values(doc: Document, found: Learning, steps: int) -> dict[str, object]:
    """The figures of the way of training that decides whether the token was learned."""
    before, after = found.variant.before, found.variant.after
    return {
        "how": doc.texts.say(f"variant.{found.variant.name}"),
        "rate": f"{found.variant.learning_rate:g}",
        "steps": steps,
        "before": real(before.where_due),
        "after": real(after.where_due),
        "elsewhere": real(after.elsewhere),
        "first": f"{100 * after.first_choice:.0f}%",
        "text_before": f"{before.text_loss:.3f}",
        "text_after": f"{after.text_loss:.3f}",
    }


def claim_section(doc: Document, material: Material) -> None:
    """A slot claimed in memory: learned or not, and what else moved."""
    doc.heading("claim")
    if not free_slots(material):
        doc.paragraph("claim.no_slot")
    result = material.train
    if isinstance(result, str):
        doc.unmeasured(result)
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
    doc.paragraph("claim.task", steps=result.steps, batch=result.batch)
    doc.table(doc.texts.cells("head.train"), [_train_cells(doc, variant) for variant in result.variants])
    doc.paragraph("claim.cost")
    doc.table(doc.texts.cells("head.cost"), [_cost_cells(doc, variant) for variant in result.variants])
    for tried in result.tried:
        doc.say(
            "claim.tried",
            how=doc.texts.say(f"variant.{tried.variant}"),
            rate=f"{tried.learning_rate:g}",
            steps=tried.steps,
            loss=f"{tried.text_loss:.3f}",
        )
    _beyond(doc, result)
    doc.stop()
    _learning(doc, result)
    doc.paragraph("claim.drift")
    doc.table(
        doc.texts.cells("head.drift"),
        [cells for variant in result.variants for cells in _drift_cells(doc, material, variant)],
        words=3,
    )
    _moves(doc, result, kind)
    _how(doc, material)
    starts_section(doc, material)


def _train_cells(doc: Document, variant: Variant) -> list[str]:
    return [
        doc.texts.say(f"variant.{variant.name}"),
        f"{variant.learning_rate:g}",
        f"{variant.weight_decay:g}",
        real(variant.before.where_due),
        real(variant.after.where_due),
        f"{100 * variant.after.first_choice:.0f}%",
        real(variant.after.elsewhere),
        real(variant.loss_last),
    ]


def _cost_cells(doc: Document, variant: Variant) -> list[str]:
    losses = (
        getattr(when, name)
        for name in ("text_loss", "prompts_loss")
        for when in (variant.before, variant.after)
    )
    return [
        doc.texts.say(f"variant.{variant.name}"),
        *(f"{loss:.3f}" for loss in losses),
        doc.texts.say("word.yes" if variant.alive else "word.no"),
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


def _beyond(doc: Document, result: TrainResult) -> None:
    """What the word "alive" does not say: the loss on the prompts, most of which are not English."""
    cost = {
        variant.name: (variant.before.prompts_loss, variant.after.prompts_loss)
        for variant in result.variants
        if variant.alive and variant.after.prompts_loss > variant.before.prompts_loss + ALIVE
    }
    if cost:
        worst = max(cost, key=lambda name: cost[name][1])
        doc.say(
            "claim.beyond",
            how=doc.texts.listed(f"“{doc.texts.say(f'variant.{name}')}”" for name in cost),
            before=f"{cost[worst][0]:.3f}",
            after=f"{cost[worst][1]:.3f}",
        )


def _learning(doc: Document, result: TrainResult) -> None:
    found, full = learning(result), result.find("full")
    if all(variant.name in ONE_ROW for variant in result.variants):
        doc.say("claim.not_full")
    doc.say(f"claim.{found.word}", **learned_values(doc, found, result.steps))
    if full is not None and found.variant is not full:
        doc.say(
            "claim.full_alive" if full.alive else "claim.full_dead",
            rate=f"{full.learning_rate:g}",
            after=real(full.after.where_due),
            before=f"{full.before.text_loss:.3f}",
            loss=f"{full.after.text_loss:.3f}",
        )
    frozen = result.find("frozen-embeddings")
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
        key = "claim.together_same" if common >= SAME_WAY else "claim.together_mostly"
    return doc.texts.say(key, cosine=cosine(common))


def _how(doc: Document, material: Material) -> None:
    """The command, and how many slots remain."""
    if not free_slots(material):
        return
    doc.paragraph("claim.how")
    path = shlex.quote(visible(material.checkpoint.path))
    doc.code("sh", f"rowscope claim {path} '<NUM>' --out with-num")
    left = free_slots(material) - 1
    if left > 0:
        doc.paragraph("claim.remains", reserved=count(free_slots(material)), left=count(left))
    else:
        doc.paragraph("claim.remains_none")
