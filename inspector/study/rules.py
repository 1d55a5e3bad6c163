"""What the figures amount to: one rule for each question, which every section asks.

A sentence that draws a conclusion is chosen by one of these words and by nothing else, so that no two of them
can disagree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.frozen import record
from rowscope.inspector.model import (
    ForwardResult,
    GradientResult,
    LeakCell,
    LeakResult,
    PolicyResult,
    Started,
    TrainResult,
    Variant,
    VerifyResult,
)
from rowscope.inspector.rows import GroupStats
from rowscope.inspector.study.material import Material, RowGroup

COPIES: Final = 0.98
"""Mean pairwise cosine from which rows are called copies of one vector, as in ROW204."""
SAME_WAY: Final = 0.9
"""Mean cosine from which gradients or steps are said to go one way."""
ONE_ROW: Final = ("token-only", "token-only-decay")
"""Ways of training that change the new row alone."""
ALIVE: Final = 0.1
"""Nats a token: what a loss may rise by while the perplexity rises by a tenth."""
RARE: Final = 1e-6
"""Mass below which a logit is called very low."""

UNTRAINED: Final = frozenset(VERDICTS) - {"trained", "damaged"}
"""Verdicts of the weights that call a row untrained."""

_MOST: Final = 0.9
_SAME_OUTPUTS: Final = 0.5
_SAME_COSINE: Final = 0.95
_TIMES: Final = 10.0
_FIRST: Final = 0.5
_STRAY: Final = 0.01  # mean probability where another word follows: one place in a hundred
_TRAP: Final = "token-only-decay"
_PUSH: Final = 1e-6  # nats; less is rounding, as for the probe's own advice


def one_vector(stats: GroupStats) -> bool | None:
    """Whether rows are copies of one vector; None where that cannot be told."""
    if stats.rows < 2:
        return None
    if stats.distinct_rows == 1:
        return True
    cosine = stats.pairwise_cosine
    return cosine >= COPIES if cosine == cosine else None


def rows_word(matrix: MatrixReport, group: RowGroup) -> str:
    """What the studied rows of a matrix are.

    The verdict of nine rows in ten, or "mixed"; "copies" where that is a verdict on single rows (collapsed,
    trained, initial) or none, and together they are one vector; "unknown" for rows that only look trained
    because nothing shows what an untrained one looks like.
    """
    state = group.state
    if state in ("trained", "initial", "collapsed", "mixed") and one_vector(group.stats):
        return "copies"
    if state == "trained" and matrix.reference is None:
        return "unknown"
    return "vanishing" if state == "zero" else state


def outputs_word(result: ForwardResult, name: str) -> str | None:
    """Whether ids are one token to the model: "same", "different", or None for not told.

    Same, alone and inside a sentence where both can be told: their outputs are fewer in effect than half of
    what trained tokens give, and the last hidden states agree to a cosine of 0.95.
    """
    words = {_frame_word(result, name, frame) for frame in ("alone", "carrier")} - {None}
    return "different" if "different" in words else "same" if words else None


def _frame_word(result: ForwardResult, name: str, frame: str) -> str | None:
    group, used = result.find(name, frame), result.find("used", frame)
    if group is None or used is None or group.divergence.inputs < 2:
        return None
    apart, cosine = group.divergence, group.divergence.hidden_cosine
    if cosine != cosine:
        return None
    few = True
    if apart.js_nats == apart.js_nats:
        few = apart.effective_outputs - 1 <= _SAME_OUTPUTS * (used.divergence.effective_outputs - 1)
    return "same" if few and cosine >= _SAME_COSINE else "different"


def nonfinite_inputs(result: ForwardResult) -> int:
    """Sequences that gave NaN or infinities, the first five together among them."""
    return sum(group.nonfinite for group in result.groups) + (not result.first_five.finite)


def gradient_word(result: GradientResult) -> str | None:
    """What the studied rows get that are neither target nor input, through the logits.

    "zero", "same" (one direction), "own", or None where it cannot be told.
    """
    study = result.find("study")
    part = study.find("all", "output") if study else None
    target, others = (part.find("target"), part.find("others")) if part else (None, None)
    if target is None or others is None or not others.rows:
        return None
    if others.all_zero:
        return "zero"
    cosine = others.pairwise_cosine
    if cosine != cosine or not 0 < others.norm_median < float("inf") or not target.norm_total < float("inf"):
        return None
    return "same" if cosine >= SAME_WAY else "own"


def input_zero(result: GradientResult) -> bool:
    """Whether rows that are not read get exactly nothing through the look-up, wherever that was measured."""
    parts = [experiment.find("all", "input") for experiment in result.experiments]
    others = [part.find("others") for part in parts if part]
    return bool(others) and all(found is not None and found.all_zero for found in others)


def near_one(cells: tuple[LeakCell, ...]) -> LeakCell | None:
    """The cell without filter whose temperature is nearest 1; None where there are no cells."""
    plain = [cell for cell in cells if cell.filter == "none"]
    return min(plain, key=lambda cell: abs(cell.temperature - 1.0)) if plain else None


def places(result: LeakResult) -> dict[str, tuple[LeakCell, ...]]:
    """The cells that say what users meet: positions with context, and the model's own text."""
    prompts = "prompts" if result.in_context else "all"
    found = {prompts: result.scope(prompts), "rollouts": result.scope("rollouts")}
    return {name: cells for name, cells in found.items() if cells}


def mass_word(result: LeakResult) -> str:
    """Whether the mass near temperature 1 is "low" at every place, "part" (by prompt) or "high"."""
    cells = [near_one(cells) for cells in places(result).values()]
    if all(cell is not None and cell.max <= RARE for cell in cells):
        return "low"
    means = [prompt_mean(result, number) for number in range(len(result.prompts))]
    return "part" if means and min(means) <= RARE else "high"


def prompt_mean(result: LeakResult, number: int) -> float:
    """Mean mass on one prompt behind its first token, or over all of it where there is no other."""
    prompt = result.prompts[number]
    return prompt.in_context if result.in_context and prompt.in_context == prompt.in_context else prompt.mean


def mask_needed(result: LeakResult) -> bool:
    return result.advice.from_temperature is not None


def policy_word(result: PolicyResult) -> str:
    """What the steps did to ids that nobody sampled, in the model's own text at temperature 1.

    Their own rows' gradient is what the mass differs by from the same steps with the mask in the trainer, on
    the same text.

    "raised": it raises the mass, which is above what it was. "sampled": not so, but some were sampled.
    "outrun": it pushes the mass up, and the steps do more to other ids. "still": it does not push it up.
    """
    advice = result.advice
    pushed = advice.per_step * result.steps > _PUSH
    if pushed and advice.after > advice.before:
        return "raised"
    if result.find("none").sampled:
        return "sampled"
    return "outrun" if pushed else "still"


def policy_mask(result: PolicyResult) -> bool:
    """Whether a run of reinforcement learning needs the mask by what was measured."""
    return policy_word(result) in ("raised", "sampled")


@record
class Compared:
    """The lesson from several initial rows.

    Attributes:
        word: "alike" (all end within a tenth in perplexity) or "apart".
        spread: of the losses at the end, in nats. best, worst: by the loss at the end.
        lowest, highest: by the loss before the first step.
    """

    word: str
    spread: float
    best: Started
    worst: Started
    lowest: Started
    highest: Started


def compared(starts: Sequence[Started]) -> Compared | None:
    """What the choice of the initial row is worth; None for fewer than two or a loss that is not finite."""
    losses = [loss for start in starts for loss in (start.loss_before, start.loss_after)]
    if len(starts) < 2 or not all(math.isfinite(loss) for loss in losses):
        return None
    after = sorted(starts, key=lambda start: start.loss_after)
    before = sorted(starts, key=lambda start: start.loss_before)
    spread = after[-1].loss_after - after[0].loss_after
    word = "alike" if spread <= ALIVE else "apart"
    return Compared(word, spread, after[0], after[-1], before[0], before[-1])


@record
class Learning:
    """What became of the new token.

    Attributes:
        word: "learned", "costly" (learned, but the loss on ordinary text rose too far) or "unlearned".
        variant: the way of training that shows it best.
    """

    word: str
    variant: Variant


def is_learned(variant: Variant) -> bool:
    """Where due ten times likelier than before and mostly the first choice, and rare elsewhere."""
    after = variant.after
    likely = after.where_due > max(_TIMES * variant.before.where_due, after.elsewhere)
    return likely and after.first_choice >= _FIRST and after.elsewhere <= _STRAY


def learning(result: TrainResult) -> Learning:
    """From all ways of training that were measured: one that leaves the model alive counts first.

    Decay of rows that get no gradient is there to show a trap: it counts only where it was measured alone.
    """
    useful = [variant for variant in result.variants if variant.name != _TRAP] or list(result.variants)
    taught = [variant for variant in useful if is_learned(variant)]
    for word, found in (
        ("learned", [variant for variant in taught if variant.alive]),
        ("costly", taught),
        ("unlearned", useful),
    ):
        if found:
            return Learning(word, max(found, key=lambda variant: variant.after.where_due))
    raise ValueError("a training result without a variant")


def free_slots(material: Material) -> int:
    """Reserved ids that a claim could take; 0 where nothing is reserved."""
    if material.subject is None or material.kind != "reserved":
        return 0
    return int(material.subject.free_slots.size)


@record
class Asked:
    """What the model said of the rows that it was asked about.

    Attributes:
        word: "confirmed" (of the rows that the weights call untrained nine in ten are verified, and of the
            controls at most one in ten), "mixed", or None where there is no such row or nothing can be told.
        rows: that the weights call untrained; of them `verified` untrained and `known`.
        controls: trained tokens; `control_verified` of them verified untrained.
    """

    word: str | None
    rows: int
    verified: int
    known: int
    controls: int
    control_verified: int


def asked(result: VerifyResult) -> Asked:
    """Whether the model bears the weights out."""
    rows = [token.state for token in result.tokens if token.why == "given" and token.verdict in UNTRAINED]
    controls = [token.state for token in result.tokens if token.why == "control"]
    wrong, right = controls.count("verified"), rows.count("verified")
    word = None
    if result.ability.decided_by is not None and rows:
        borne_out = right >= _MOST * len(rows) and wrong <= (1 - _MOST) * len(controls)
        word = "confirmed" if borne_out else "mixed"
    return Asked(word, len(rows), right, rows.count("known"), len(controls), wrong)
