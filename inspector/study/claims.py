"""Sections 9 and 10: the original study's claims, each confirmed or corrected, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rowscope.inspector.model import PolicyResult
from rowscope.inspector.study.claim_section import learned_values
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.leak_section import at_one, prompt_name, tokens_text
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.original import original_section
from rowscope.inspector.study.policy_section import policy_values
from rowscope.inspector.study.row_claims import Verdict, active, conservative, per_matrix, synchronised
from rowscope.inspector.study.rules import (
    ONE_ROW,
    SAME_WAY,
    free_slots,
    gradient_word,
    input_zero,
    learning,
    mask_needed,
    mass_word,
    near_one,
    one_vector,
    places,
    policy_mask,
    policy_word,
    prompt_mean,
)
from rowscope.inspector.text import cosine, real


def claims_section(doc: Document, material: Material) -> None:
    """A row for each claim, in the original's order."""
    doc.heading("claims")
    original_section(doc, material)
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
    word, kind = gradient_word(material.gradient), doc.texts.say(f"word.{material.kind}")
    if word is None:
        return "open", [doc.texts.say("automatic.open", kind=kind)]
    if word == "zero":
        return "corrected", [doc.texts.say("automatic.zero", kind=kind)]
    study = material.gradient.find("study")
    part = study.find("all", "output") if study else None
    target, others = (part.find("target"), part.find("others")) if part else (None, None)
    assert target is not None
    assert others is not None
    size = others.norm_median / target.norm_total if target.norm_total > 0 else float("nan")
    values = {"kind": kind, "cosine": cosine(others.pairwise_cosine), "ratio": real(size)}
    reasons = [doc.texts.say(f"automatic.{word}", **values)]
    if input_zero(material.gradient):
        reasons.append(doc.texts.say("automatic.input"))
    full = None if isinstance(material.train, str) else material.train.find("full-no-decay")
    moved = full.find("reserved") if full else None
    if moved is not None and moved.changed and moved.common_direction >= SAME_WAY:
        relative = f"{100 * moved.relative:.3g}%"
        reasons.append(
            doc.texts.say("automatic.drift", relative=relative, cosine=cosine(moved.common_direction))
        )
    return ("corrected" if word == "same" else "part"), reasons


def _low(doc: Document, material: Material) -> Verdict:
    result = material.leak
    if isinstance(result, str):
        return _unmeasured(doc, "leak")
    word, near = mass_word(result), at_one(result)
    if word == "part":
        order = sorted(range(len(result.prompts)), key=lambda number: prompt_mean(result, number))
        named = {
            "best": prompt_name(doc, result.prompts[order[0]]),
            "least": real(prompt_mean(result, order[0])),
            "worst": prompt_name(doc, result.prompts[order[-1]]),
            "most": real(prompt_mean(result, order[-1])),
        }
        reasons = [doc.texts.say("low.part", temperature=f"{near.temperature:g}", **named)]
    else:
        reasons = [
            doc.texts.say(
                "low.place",
                where=doc.texts.say(f"where.{place}"),
                temperature=f"{cell.temperature:g}",
                mean=real(cell.mean),
                max=real(cell.max),
            )
            for place, cells in places(result).items()
            if (cell := near_one(cells)) is not None
        ]
    verdict = {"low": "confirmed", "part": "part", "high": "corrected"}[word]
    return verdict, [*reasons, *_fed(doc, material)]


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
    if not mask_needed(material.leak):
        hottest = max(cell.temperature for cell in material.leak.cells)
        reasons = [doc.texts.say("no_mask.confirmed", temperature=f"{hottest:g}")]
        if not isinstance(material.policy, PolicyResult) or not policy_mask(material.policy):
            return "confirmed", reasons
        return "part", [*reasons, _in_learning(doc, material.policy, material.kind)]
    assert advice.from_temperature is not None
    cell = material.leak.find(advice.from_temperature, scope=advice.basis)
    assert cell is not None
    temperature = f"{advice.from_temperature:g}"
    return "corrected", [
        doc.texts.say(
            "no_mask.corrected",
            temperature=temperature,
            tokens=tokens_text(doc, cell),
            where=doc.texts.say(f"where.{advice.basis}"),
        )
    ]


def _in_learning(doc: Document, result: PolicyResult, kind: str) -> str:
    values = policy_values(result, doc.texts.say(f"word.{kind}"))
    return doc.texts.say(f"no_mask.{policy_word(result)}", **values)


def _safe(doc: Document, material: Material) -> Verdict:
    if not free_slots(material):
        return "corrected", [doc.texts.say("safe.no_slot")]
    if isinstance(material.train, str):
        return _unmeasured(doc, "claim")
    found = learning(material.train)
    reason = doc.texts.say(f"safe.{found.word}", **learned_values(doc, found, material.train.steps))
    if found.word == "unlearned":
        return "open", [reason]
    wanted = conditions(doc, material)
    if found.word == "learned" and not wanted:
        return "confirmed", [reason]
    return "part", [reason, *([doc.texts.say("safe.conditions", conditions=wanted)] if wanted else [])]


def conditions(doc: Document, material: Material) -> str:
    """What was measured to be needed for a new token to be safe, as one phrase; empty for nothing."""
    kind = doc.texts.say(f"word.{material.kind}")
    group = material.group("output")
    wanted = []
    if group is not None and one_vector(group.stats):
        wanted.append(doc.texts.say("safe.own_row", kind=kind))
    if not isinstance(material.leak, str) and mask_needed(material.leak):
        wanted.append(doc.texts.say("safe.masked", kind=kind))
    if not isinstance(material.train, str) and learning(material.train).variant.name in ONE_ROW:
        wanted.append(doc.texts.say("safe.row_alone"))
    trap = None if isinstance(material.train, str) else material.train.find("token-only-decay")
    shrunk = trap.find("reserved") if trap else None
    if shrunk is not None and shrunk.changed:
        wanted.append(doc.texts.say("safe.decay"))
    return doc.texts.say("word.semicolon").join(wanted)


CLAIMS: Final[dict[str, Callable[[Document, Material], Verdict]]] = {
    "active": lambda doc, material: per_matrix(doc, material, active),
    "conservative": lambda doc, material: per_matrix(doc, material, conservative),
    "synchronised": synchronised,
    "automatic": _automatic,
    "low": _low,
    "no_mask": _no_mask,
    "safe": _safe,
}
