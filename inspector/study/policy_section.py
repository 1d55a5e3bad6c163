"""Section 7, second part: what steps of reinforcement learning do to ids that are never sampled."""

from __future__ import annotations

from rowscope.inspector.model import PolicyResult, PolicyVariant
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import Material
from rowscope.inspector.study.rules import policy_word
from rowscope.inspector.text import count, real


def policy_section(doc: Document, material: Material) -> None:
    """The steps with the mask in rollout, trainer, both or neither."""
    result = material.policy
    if result is None:
        return
    doc.subheading("policy.heading")
    if isinstance(result, str):
        doc.unmeasured(result)
        return
    kind = doc.texts.say(f"word.{material.kind}")
    doc.paragraph(
        "policy.setting",
        steps=result.steps,
        optimizer=doc.texts.say(f"optimizer.{result.optimizer}"),
        rate=f"{result.learning_rate:g}",
        advantage=f"{result.advantage:g}",
        kind=kind,
    )
    doc.table(doc.texts.cells("head.policy", kind=kind), [_cells(doc, result, v) for v in result.variants])
    doc.figure("policy", kind=kind)
    doc.say(f"policy.{policy_word(result)}", **policy_values(result, kind))
    apart = max(variant.mismatch for variant in result.variants)
    if 0 < apart < float("inf"):
        doc.say("policy.mismatch", mismatch=real(apart))
    doc.say("policy.scope")
    doc.stop()


def policy_values(result: PolicyResult, kind: str) -> dict[str, object]:
    """The figures of the sentences on these steps."""
    advice, none = result.advice, result.find("none")
    trainer = result.find("trainer").find(result.steps, _near(result))
    assert trainer is not None
    tenfold = advice.tenfold_steps
    return {
        "kind": kind,
        "steps": result.steps,
        "before": real(advice.before),
        "after": real(advice.after),
        "trainer": real(trainer.mean),
        "push": real(advice.per_step),
        "tenfold": count(round(tenfold)) if tenfold < 1e9 else f"{tenfold:.1e}",
        "sampled": count(none.sampled),
        "tokens": count(none.tokens),
    }


def _near(result: PolicyResult) -> float:
    return min((cell.temperature for cell in result.variants[0].cells), key=lambda t: abs(t - 1.0))


def _cells(doc: Document, result: PolicyResult, variant: PolicyVariant) -> list[str]:
    near = _near(result)
    before, after = variant.find(0, near), variant.find(result.steps, near)
    move = variant.move(result.steps)
    assert before is not None
    assert after is not None
    assert move is not None
    mismatch = variant.mismatch
    return [
        doc.texts.say(f"masked.{variant.mask}"),
        count(variant.tokens),
        count(variant.sampled),
        f"{before.mean:.6g}",
        f"{after.mean:.6g}",
        f"{after.predicted:.6g}",
        real(move.measured),
        real(move.predicted),
        doc.texts.say("word.infinite") if mismatch == float("inf") else real(mismatch),
    ]
