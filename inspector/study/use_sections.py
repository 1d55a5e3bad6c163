"""Sections 6 to 8: probabilities, the mask, and a new token in a reserved slot."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.model.leak_results import LeakCell, LeakResult
from rowscope.inspector.model.train_results import TrainResult, Variant
from rowscope.inspector.render.numbers import cosine, count, real
from rowscope.inspector.study.document import Document, plain
from rowscope.inspector.study.material import Material

_LEARNED: Final = 10.0  # a token is called learned when its probability where due grew this much
_TOGETHER: Final = 0.9
_SPREAD: Final = 100.0
_HOT: Final = 10.0


def leak_section(doc: Document, material: Material) -> None:
    """Mass on the studied ids by temperature, filter and prompt."""
    doc.heading("leak")
    result = material.leak
    if isinstance(result, str):
        doc.paragraph("method.not_measured", why=plain(result))
        return
    kind = doc.texts.say(f"word.{material.kind}")
    if result.settings.kind == "seq2seq":
        doc.say("leak.encoder_decoder")
    doc.paragraph("leak.intro", kind=kind)
    doc.table(doc.texts.cells("head.leak", **result.filters), _temperatures(doc, result))
    near = at_one(result)
    if near.max == 0:
        doc.paragraph("leak.zero", temperature=f"{near.temperature:g}")
    else:
        _even(doc, result, near, kind)
    doc.paragraph("leak.prompts", kind=kind, temperature=f"{near.temperature:g}")
    doc.table(
        doc.texts.cells("head.prompts"),
        [(plain(p.name), count(p.tokens), real(p.mean), real(p.max)) for p in result.prompts],
    )
    _spread(doc, result, near)
    _filters(doc, result, near)
    doc.stop()


def at_one(result: LeakResult) -> LeakCell:
    """The cell without filter whose temperature is nearest 1."""
    return min((c for c in result.cells if c.filter == "none"), key=lambda c: abs(c.temperature - 1.0))


def tokens_text(doc: Document, cell: LeakCell) -> str:
    """How many tokens until one is expected, in figures."""
    expected = cell.expected_tokens
    if expected == float("inf"):
        return doc.texts.say("word.never")
    return count(round(expected)) if expected < 1e9 else f"{expected:.1e}"


def _temperatures(doc: Document, result: LeakResult) -> list[list[str]]:
    rows = []
    for temperature in dict.fromkeys(cell.temperature for cell in result.cells):
        cells = [result.find(temperature, name) for name in ("none", "top_k", "top_p", "min_p", "mask")]
        assert cells[0] is not None
        masses = ["-" if cell is None else real(cell.mean) for cell in cells]
        rows.append([f"{temperature:g}", *masses, tokens_text(doc, cells[0])])
    return rows


def _even(doc: Document, result: LeakResult, near: LeakCell, kind: str) -> None:
    temperature = f"{near.temperature:g}"
    doc.say(
        "leak.even",
        temperature=temperature,
        mean=real(near.mean),
        max=real(near.max),
        kind=kind,
        tokens=tokens_text(doc, near),
    )
    plain_cells = [cell for cell in result.cells if cell.filter == "none"]
    low, high = plain_cells[0], plain_cells[-1]
    if high.mean > _HOT * low.mean:
        doc.say(
            "leak.hot",
            cold=real(low.mean),
            low=f"{low.temperature:g}",
            warm=real(high.mean),
            high=f"{high.temperature:g}",
        )
    doc.stop()


def _spread(doc: Document, result: LeakResult, near: LeakCell) -> None:
    ordered = sorted(result.prompts, key=lambda prompt: prompt.mean)
    least, most = ordered[0], ordered[-1]
    if most.mean > _SPREAD * least.mean:
        doc.say(
            "leak.spread",
            mean=real(near.mean),
            temperature=f"{near.temperature:g}",
            best=plain(least.name),
            least=real(least.mean),
            worst=plain(most.name),
            most=real(most.mean),
        )


def _filters(doc: Document, result: LeakResult, near: LeakCell) -> None:
    names = ("top_k", "top_p", "min_p")
    left = {name: cell.mean for name in names if (cell := result.find(near.temperature, name))}
    temperature = f"{near.temperature:g}"
    if not any(left.values()):
        if near.mean > 0:
            doc.say("leak.filters_do", temperature=temperature)
        return
    doc.say("leak.filters", temperature=temperature, **{name: real(mean) for name, mean in left.items()})


def mask_section(doc: Document, material: Material) -> None:
    """What the mask does, and how to use it."""
    doc.heading("mask")
    result = material.leak
    if isinstance(result, str):
        doc.paragraph("method.not_measured", why=plain(result))
        return
    kind = doc.texts.say(f"word.{material.kind}")
    advice = result.advice
    hottest = max(cell.temperature for cell in result.cells)
    temperature = f"{advice.from_temperature or hottest:g}"
    doc.paragraph(f"action.{advice.code}", kind=kind, temperature=temperature)
    number = count(result.settings.subject.count)
    doc.say("mask.exact", count=number, kind=kind, error=real(result.mask_ratio_error))
    doc.paragraph("mask.code")
    made = "SuppressReserved.from_checkpoint(path)"
    if material.kind != "reserved":
        made = f"SuppressReserved([{', '.join(map(str, result_ids(material)))}])"
    doc.code(
        "python",
        "from rowscope.inspector.model import SuppressReserved\n\n"
        f"model.generate(**inputs, do_sample=True, logits_processor=[{made}])",
    )


def result_ids(material: Material, most: int = 8) -> list[object]:
    """The first few studied ids, and an ellipsis where there are more."""
    ids: list[object] = [] if material.subject is None else list(material.subject.ids[:most].tolist())
    return [*ids, "..."] if material.subject is not None and material.subject.ids.size > most else ids


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
    moved = full.find("reserved") if full else None
    if moved is not None and moved.rows:
        direction = "together_same" if moved.common_direction >= _TOGETHER else "together_apart"
        common = doc.texts.say(f"claim.{direction}", cosine=cosine(moved.common_direction))
        doc.say(
            "claim.together" if moved.changed else "claim.still",
            rows=count(moved.rows),
            kind=kind,
            relative=f"{100 * moved.relative:.3g}%",
            common=common,
        )
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


def _how(doc: Document, material: Material) -> None:
    """The command, and how many slots remain."""
    if material.kind != "reserved":
        return
    doc.paragraph("claim.how")
    doc.code("sh", f"rowscope claim {material.checkpoint.path} '<NUM>' --out with-num")
    left = free_slots(material) - 1
    if left > 0:
        doc.paragraph("claim.remains", reserved=count(free_slots(material)), left=count(left))
    elif left == 0:
        doc.paragraph("claim.remains_none")


def free_slots(material: Material) -> int:
    """Reserved ids of the census."""
    return material.report.census.reserved.count
