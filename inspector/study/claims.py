"""Sections 9 and 10: the original study's claims, each confirmed or corrected, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rowscope.inspector.model import Variant
from rowscope.inspector.study.claim_section import free_slots, learned
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.files import COPIES
from rowscope.inspector.study.leak_section import at_one, prompt_name, tokens_text
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.row_claims import Verdict, active, conservative, per_matrix, synchronised
from rowscope.inspector.text import cosine, count, real

_RARE: Final = 1e-6
_SAME: Final = 0.9


def claims_section(doc: Document, material: Material) -> None:
    """A row for each claim, in the original's order."""
    doc.heading("claims")
    rows = []
    for name, judge in CLAIMS.items():
        word, reasons = judge(doc, material)
        joiner = doc.texts.say("word.joiner")
        rows.append(
            (
                doc.texts.say(f"claim_name.{name}"),
                f"**{doc.texts.say(f'verdict_word.{word}')}**",
                joiner.join(reasons),
            )
        )
    doc.text_table(doc.texts.cells("head.claims"), rows)


def _unmeasured(doc: Document, section: str) -> Verdict:
    return "unmeasured", [doc.texts.say("word.see", section=doc.texts.say(f"heading.{section}"))]


def _automatic(doc: Document, material: Material) -> Verdict:
    if isinstance(material.gradient, str):
        return _unmeasured(doc, "gradient")
    study = material.gradient.find("study")
    part = study.find("all", "output") if study else None
    target, others = (part.find("target"), part.find("others")) if part else (None, None)
    if target is None or others is None or not others.rows:
        return "open", [doc.texts.say("gradient.not_finite")]
    kind = doc.texts.say(f"word.{material.kind}")
    if others.all_zero:
        return "corrected", [doc.texts.say("automatic.zero", kind=kind)]
    if not others.norm_median > 0:
        return "open", [doc.texts.say("gradient.not_finite")]
    size = target.norm_total / others.norm_median
    key = "same" if others.pairwise_cosine >= _SAME else "own"
    reasons = [
        doc.texts.say(f"automatic.{key}", kind=kind, cosine=cosine(others.pairwise_cosine), ratio=real(size))
    ]
    full = None if isinstance(material.train, str) else material.train.find("full-no-decay")
    moved = full.find("reserved") if full else None
    if moved is not None and moved.changed and moved.common_direction >= _SAME:
        relative = f"{100 * moved.relative:.3g}%"
        reasons.append(
            doc.texts.say("automatic.drift", relative=relative, cosine=cosine(moved.common_direction))
        )
    return ("corrected" if key == "same" else "part"), reasons


def _low(doc: Document, material: Material) -> Verdict:
    if isinstance(material.leak, str):
        return _unmeasured(doc, "leak")
    near = at_one(material.leak)
    temperature = f"{near.temperature:g}"
    if near.max <= _RARE:
        positions = count(material.leak.positions)
        return "confirmed", [
            doc.texts.say("low.confirmed", temperature=temperature, max=real(near.max), positions=positions),
            *_fed(doc, material),
        ]
    ordered = sorted(material.leak.prompts, key=lambda prompt: prompt.mean)
    least, most = ordered[0], ordered[-1]
    if least.mean <= _RARE:
        return "part", [
            doc.texts.say(
                "low.part",
                best=prompt_name(doc, least),
                least=real(least.mean),
                worst=prompt_name(doc, most),
                most=real(most.mean),
                temperature=temperature,
            ),
            *_fed(doc, material),
        ]
    return "corrected", [
        doc.texts.say("low.corrected", mean=real(near.mean), max=real(near.max), temperature=temperature),
        *_fed(doc, material),
    ]


def _fed(doc: Document, material: Material) -> Iterator[str]:
    """Where the logits lie that the original study looked at: those of the ids fed by themselves."""
    if isinstance(material.forward, str):
        return
    alone, carrier = (material.forward.find(material.kind, frame) for frame in ("alone", "carrier"))
    if alone is not None and carrier is not None and alone.logits is not None and carrier.logits is not None:
        yield doc.texts.say(
            "low.forward",
            kind=doc.texts.say(f"word.{material.kind}"),
            alone=f"{alone.logits.percentile:.1f}",
            carrier=f"{carrier.logits.percentile:.1f}",
        )


def _no_mask(doc: Document, material: Material) -> Verdict:
    if isinstance(material.leak, str):
        return _unmeasured(doc, "leak")
    advice = material.leak.advice
    if advice.from_temperature is None:
        hottest = max(cell.temperature for cell in material.leak.cells)
        return "confirmed", [doc.texts.say("no_mask.confirmed", temperature=f"{hottest:g}")]
    cell = material.leak.find(advice.from_temperature, scope=advice.basis)
    assert cell is not None
    temperature = f"{advice.from_temperature:g}"
    return "corrected", [
        doc.texts.say("no_mask.corrected", temperature=temperature, tokens=tokens_text(doc, cell))
    ]


def _safe(doc: Document, material: Material) -> Verdict:
    if material.kind != "reserved" or not free_slots(material):
        return "corrected", [doc.texts.say("safe.no_slot")]
    if isinstance(material.train, str):
        return _unmeasured(doc, "claim")
    full = material.train.find("full")
    chosen = full or material.train.variants[0]
    values = _probabilities(chosen, material.train.steps)
    if full is None:
        return ("part" if learned(chosen) else "open"), [doc.texts.say("safe.row_only", **values)]
    if not learned(full):
        return "open", [doc.texts.say("safe.untaught", **values)]
    found = doc.texts.say("safe.confirmed", **values)
    wanted = conditions(doc, material)
    if not wanted:
        return "confirmed", [found]
    return "part", [found, doc.texts.say("safe.conditions", conditions=wanted)]


def conditions(doc: Document, material: Material) -> str:
    """What was measured to be needed for a new token to be safe, as one phrase; empty for nothing."""
    kind = doc.texts.say(f"word.{material.kind}")
    group = material.group("output")
    wanted = []
    if group is not None and group.stats.rows > 1 and group.stats.pairwise_cosine >= COPIES:
        wanted.append(doc.texts.say("safe.own_row", kind=kind))
    if not isinstance(material.leak, str) and material.leak.advice.code != "optional":
        wanted.append(doc.texts.say("safe.masked", kind=kind))
    trap = None if isinstance(material.train, str) else material.train.find("token-only-decay")
    shrunk = trap.find("reserved") if trap else None
    if shrunk is not None and shrunk.changed:
        wanted.append(doc.texts.say("safe.decay"))
    return doc.texts.say("word.semicolon").join(wanted)


def _probabilities(variant: Variant, steps: int) -> dict[str, object]:
    return {
        "before": real(variant.before.where_due),
        "after": real(variant.after.where_due),
        "elsewhere": real(variant.after.elsewhere),
        "steps": steps,
    }


CLAIMS: Final[dict[str, Callable[[Document, Material], Verdict]]] = {
    "active": lambda doc, material: per_matrix(doc, material, active),
    "conservative": lambda doc, material: per_matrix(doc, material, conservative),
    "synchronised": synchronised,
    "automatic": _automatic,
    "low": _low,
    "no_mask": _no_mask,
    "safe": _safe,
}
