"""Section 4: the studied ids as input."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.model import ForwardResult, GroupForward
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import nonfinite_inputs, outputs_word
from rowscope.inspector.text import cosine, count, real

_LAYERS: Final = 8


def forward_section(doc: Document, material: Material) -> None:
    """Probed ids as input."""
    doc.heading("forward")
    result = material.forward
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    kind = doc.texts.say(f"word.{material.kind}")
    _first(doc, result, kind)
    used = result.find("used", "alone")
    doc.paragraph("forward.table", used=count(used.inputs if used else 0))
    doc.table(
        doc.texts.cells("head.forward", kind=kind),
        [_forward_cells(doc, group) for group in result.groups],
        words=2,
    )
    bad = nonfinite_inputs(result)
    doc.say("forward.some_nonfinite" if bad else "forward.all_finite", count=count(bad))
    _outputs(doc, result, material.kind, kind)
    doc.stop()
    if any(group.layers for group in result.groups):
        _layers(doc, result, material.kind, kind)


def _first(doc: Document, result: ForwardResult, kind: str) -> None:
    first = result.first_five
    ids = ", ".join(map(str, first.ids))
    finite = doc.texts.say("forward.finite" if first.finite else "forward.nonfinite")
    if first.logits is None or first.logits_shape is None:
        doc.paragraph("forward.first_headless", ids=ids, finite=finite)
        return
    doc.paragraph(
        "forward.first",
        ids=ids,
        finite=finite,
        shape="×".join(map(str, first.logits_shape)),
        kind=kind,
        logit=real(first.logits.mean),
        used=real(first.logits.used_mean),
        rank=count(first.logits.best_rank),
        entropy=real(first.entropy),
        most=real(result.max_entropy),
    )


def _fed(doc: Document, group: GroupForward) -> str:
    word = "special" if group.group == "untrained_special" else group.group
    name = doc.texts.say(f"word.{word}")
    return doc.texts.say("word.fed", count=count(group.inputs), group=name)


def _forward_cells(doc: Document, group: GroupForward) -> list[str]:
    stats, apart = group.logits, group.divergence
    return [
        _fed(doc, group),
        doc.texts.say(f"word.{group.frame}"),
        count(group.nonfinite),
        "-" if stats is None else real(stats.mean),
        "-" if stats is None else f"{stats.percentile:.1f}",
        "-" if stats is None else count(stats.best_rank),
        "-" if group.entropy is None else real(group.entropy.mean),
        "-" if apart.js_nats != apart.js_nats else real(apart.effective_outputs),
        cosine(apart.hidden_cosine),
    ]


def _outputs(doc: Document, result: ForwardResult, key: str, kind: str) -> None:
    word = outputs_word(result, key)
    if word is None:
        return
    group, used = result.find(key, "alone"), result.find("used", "alone")
    assert group is not None
    assert used is not None
    if group.divergence.js_nats != group.divergence.js_nats:
        doc.say(
            f"forward.{word}_hidden",
            kind=kind,
            cosine=cosine(group.divergence.hidden_cosine),
            used=cosine(used.divergence.hidden_cosine),
        )
        return
    doc.say(
        "forward.outputs",
        kind=kind,
        inputs=count(group.divergence.inputs),
        outputs=real(group.divergence.effective_outputs),
        used_inputs=count(used.divergence.inputs),
        used_outputs=real(used.divergence.effective_outputs),
    )
    inside, around = result.find(key, "carrier"), result.find("used", "carrier")
    if inside is not None and around is not None:
        doc.say(
            "forward.outputs_carrier",
            outputs=real(inside.divergence.effective_outputs),
            used_outputs=real(around.divergence.effective_outputs),
        )
    doc.say(f"forward.{word}", kind=kind)
    special = result.find("untrained_special", "alone")
    if special is not None and word == outputs_word(result, "untrained_special") == "same":
        apart = special.divergence
        outputs = real(apart.effective_outputs)
        doc.say("forward.special", count=apart.inputs, outputs=outputs, cosine=cosine(apart.hidden_cosine))


def _layers(doc: Document, result: ForwardResult, key: str, kind: str) -> None:
    alone = [group for group in result.groups if group.frame == "alone" and group.layers]
    depth = len(alone[0].layers)
    step = max(1, -(-(depth - 1) // (_LAYERS - 1)))
    shown = sorted({*range(0, depth, step), depth - 1})
    doc.paragraph("forward.layers")
    doc.table(
        [doc.texts.cells("head.layers")[0], *map(str, shown)],
        [[_fed(doc, group), *(real(group.layers[at].mean) for at in shown)] for group in alone],
    )
    group, used = result.find(key, "alone"), result.find("used", "alone")
    if group is not None and used is not None and group.layers and used.layers:
        first, last = (group.layers[at].mean / used.layers[at].mean for at in (0, -1))
        doc.paragraph("forward.norms", kind=kind, ratio=f"{first:.2f}", last=f"{last:.2f}")
