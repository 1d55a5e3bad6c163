"""What each sentence of the study claims, in propositions that hold or do not.

A proposition may depend on a value of the sentence ({role}). Written by hand from the texts, apart from the
code that chooses them. A sentence that claims nothing which another one could deny stands in `NEUTRAL`.
"""

from __future__ import annotations

STANCES = {
    # rows
    "weights.copies": {"copies {role}": True},
    "weights.identical": {"copies {role}": True},
    "weights.apart": {"copies {role}": False},
    "weights.told_one_by_one": {"copies {role}": True},
    "active.copies": {"copies {role}": True, "some trained {role}": False},
    "active.trained": {"some trained {role}": True, "all trained {role}": True},
    "active.part": {"some trained {role}": True, "all trained {role}": False},
    "active.untrained": {"some trained {role}": False},
    "active.zero": {"some trained {role}": False},
    "weights.trained": {"some trained {role}": True},
    "conservative.initial": {"random start {role}": True, "copies {role}": False},
    "conservative.copies": {"random start {role}": False, "copies {role}": True},
    "conclusion.copies": {"copies {role}": True, "some trained {role}": False},
    "conclusion.initial": {"random start {role}": True, "copies {role}": False},
    "conclusion.trained": {"some trained {role}": True, "copies {role}": False},
    "conclusion.unknown": {"known {role}": False},
    "weights.trained_unknown": {"known {role}": False},
    "active.unknown": {"known {role}": False},
    # inputs
    "forward.same": {"told apart": False},
    "forward.same_hidden": {"told apart": False},
    "forward.different": {"told apart": True},
    "forward.special": {"told apart": False},
    "conclusion.forward_same": {"told apart": False},
    "verify.by_prompts": {"can be asked": True},
    "verify.by_carriers": {"can be asked": True},
    "verify.untold": {"can be asked": False},
    "verify.confirmed": {"can be asked": True, "borne out": True},
    "verify.mixed": {"can be asked": True, "borne out": False},
    "conclusion.asked_confirmed": {"can be asked": True, "borne out": True},
    "conclusion.asked_mixed": {"can be asked": True, "borne out": False},
    "original.same": {"the original's rows": True},
    "original.differs": {"the original's rows": False},
    "forward.all_finite": {"inputs finite": True},
    "forward.some_nonfinite": {"inputs finite": False},
    "forward.nonfinite": {"inputs finite": False},
    "conclusion.forward_nonfinite": {"inputs finite": False},
    # gradients
    "gradient.output_same": {"pushed together": True, "pushed at all": True},
    "gradient.output_own": {"pushed together": False, "pushed at all": True},
    "gradient.output_zero": {"pushed at all": False},
    "automatic.same": {"pushed together": True, "pushed at all": True},
    "automatic.own": {"pushed together": False, "pushed at all": True},
    "automatic.zero": {"pushed at all": False},
    "conclusion.gradient": {"pushed together": True, "pushed at all": True},
    "conclusion.gradient_none": {"pushed at all": False},
    # probabilities
    "action.mask": {"mask needed": True, "only when hot": False},
    "action.mask-when-hot": {"mask needed": True, "only when hot": True},
    "action.optional": {"mask needed": False},
    "no_mask.confirmed": {"mask needed": False},
    "no_mask.corrected": {"mask needed": True},
    "safe.masked": {"mask needed": True},
    "conclusion.mask": {"mask needed": True},
    "conclusion.mask_optional": {"mask needed": False},
    # a new token
    "claim.learned": {"learned": True, "harmless": True},
    "claim.costly": {"learned": True, "harmless": False},
    "claim.unlearned": {"learned": False},
    "safe.learned": {"learned": True, "harmless": True},
    "safe.costly": {"learned": True, "harmless": False},
    "safe.unlearned": {"learned": False},
    "conclusion.learned": {"learned": True, "harmless": True},
    "conclusion.costly": {"learned": True, "harmless": False},
    "conclusion.unlearned": {"learned": False},
    "claim.no_slot": {"slot": False},
    "safe.no_slot": {"slot": False},
    "claim.how": {"slot": True},
    "claim.remains": {"slot": True, "more slots": True},
    "claim.remains_none": {"slot": True, "more slots": False},
    "claim.full_alive": {"whole model alive": True},
    "claim.full_dead": {"whole model alive": False},
    "claim.not_full": {"whole model trained": False},
    "claim.together": {"whole model trained": True},
    "claim.still": {"whole model trained": True},
    "claim.frozen": {"whole model trained": True},
    "synchronised.tied": {"tied": True},
    "synchronised.untied": {"tied": False},
    "background.tied": {"tied": True},
    "background.untied": {"tied": False},
}

VERDICTS = {
    # What the word in section 9 says of a claim.
    ("safe", "confirmed"): {"learned": True, "harmless": True},
    ("no_mask", "confirmed"): {"mask needed": False},
    ("no_mask", "corrected"): {"mask needed": True},
    ("automatic", "corrected"): {"own gradients": False},
}

NEUTRAL_SECTIONS = frozenset(
    {
        "word", "where", "verdict", "title", "heading", "head", "size", "method", "why", "verdict_word",
        "variant", "claim_name", "prompt", "source", "mask", "low",
        "confidence", "grade", "state", "figure",
    }
)  # fmt: skip
"""Names, headings, methods; and figures with their place, which are checked as figures."""

NEUTRAL = frozenset(
    {
        "verify.heading", "verify.asked", "verify.agree", "verify.disagree", "original.heading",
        "original.kind",
        "original.mean", "original.std", "original.nonzero", "original.used_std",
        "original.gradient_std",
        "original.gradient", "background.unmapped", "background.placeholder", "background.padded",
        "background.none",
        "background.none_untrained", "background.no_tokenizer", "background.no_head", "background.input_only",
        "weights.matrix", "weights.nonzero_all", "weights.nonzero_some", "weights.flat", "weights.collapsed",
        "weights.initial", "weights.vanishing", "weights.zero", "weights.nonfinite", "weights.fresh",
        "weights.damaged", "weights.used_untrained", "weights.used_special", "weights.used_fine",
        "weights.used_unknown", "forward.first", "forward.first_headless", "forward.finite", "forward.table",
        "forward.different_hidden", "forward.layers", "forward.norms", "gradient.study", "gradient.setting",
        "gradient.shifted", "gradient.unshifted", "gradient.whole", "gradient.std_target",
        "gradient.std_spread", "gradient.formula", "gradient.decomposition", "gradient.example",
        "gradient.carrier", "gradient.closure", "gradient.input_zero", "gradient.input_guest",
        "gradient.not_finite", "leak.prompts", "leak.all", "leak.rollouts", "leak.chat", "leak.continued",
        "leak.by_prompt", "leak.first_share", "leak.first", "leak.even", "leak.spread", "leak.zero",
        "leak.hot", "leak.filters", "leak.filters_do", "leak.encoder_decoder", "claim.mean", "claim.slot",
        "claim.unclaimed", "claim.task", "claim.cost", "claim.tried", "claim.drift", "claim.adam",
        "claim.together_same", "claim.together_mostly", "claim.together_apart", "claim.hook", "claim.trap",
        "conservative.longer", "conservative.other", "synchronised.one", "automatic.open", "automatic.input",
        "automatic.drift", "safe.conditions", "safe.own_row", "safe.decay", "safe.row_alone",
        "conclusion.collapsed", "conclusion.nothing", "conclusion.nothing_caveat", "conclusion.vanishing",
        "conclusion.nonfinite", "conclusion.fresh", "conclusion.damaged", "conclusion.mixed",
        "conclusion.used", "conclusion.used_special", "conclusion.add_conditions", "conclusion.missing",
        "conclusion.missing_some",
    }
)  # fmt: skip
