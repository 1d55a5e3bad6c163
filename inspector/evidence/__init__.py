"""From the weights alone: which rows were never trained, and the numbers that say so.

Knows rows, groups and the reference. Must not know findings, formats or commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.evidence.candidates import (
        Candidates,
        find_candidates,
        impossible_bytes,
        spare_bytes,
    )
    from rowscope.inspector.evidence.decay import WeightDecay
    from rowscope.inspector.evidence.facts import Facts, MatrixFacts
    from rowscope.inspector.evidence.generating import samples
    from rowscope.inspector.evidence.grade import GRADES, grades
    from rowscope.inspector.evidence.look import sample
    from rowscope.inspector.evidence.markers import SplitMarker, split_markers
    from rowscope.inspector.evidence.measure import judge_some, measure_matrix, verdicts_of
    from rowscope.inspector.evidence.model import (
        COLLAPSED,
        CONFIDENCES,
        DAMAGED,
        FRESH,
        HIGH,
        INITIAL,
        LOW,
        NONFINITE,
        TRAINED,
        VANISHING,
        VERDICTS,
        ZERO,
        MatrixEvidence,
        Recipe,
        Reference,
    )
    from rowscope.inspector.evidence.padding import kept_padding
    from rowscope.inspector.evidence.reachability import unreachable_ids
    from rowscope.inspector.evidence.recorded import recorded_rows
    from rowscope.inspector.evidence.rules_of_others import other_tools
    from rowscope.inspector.evidence.stops import CONFIG, GENERATION, TOKENIZER, Stops, read_stops

__all__ = [
    "COLLAPSED",
    "CONFIDENCES",
    "CONFIG",
    "DAMAGED",
    "FRESH",
    "GENERATION",
    "GRADES",
    "HIGH",
    "INITIAL",
    "LOW",
    "NONFINITE",
    "TOKENIZER",
    "TRAINED",
    "VANISHING",
    "VERDICTS",
    "ZERO",
    "Candidates",
    "Facts",
    "MatrixEvidence",
    "MatrixFacts",
    "Recipe",
    "Reference",
    "SplitMarker",
    "Stops",
    "WeightDecay",
    "find_candidates",
    "grades",
    "impossible_bytes",
    "judge_some",
    "kept_padding",
    "measure_matrix",
    "other_tools",
    "read_stops",
    "recorded_rows",
    "sample",
    "samples",
    "spare_bytes",
    "split_markers",
    "unreachable_ids",
    "verdicts_of",
]

__getattr__ = lazily(
    __name__,
    {
        "COLLAPSED": "model",
        "CONFIDENCES": "model",
        "CONFIG": "stops",
        "DAMAGED": "model",
        "FRESH": "model",
        "GENERATION": "stops",
        "GRADES": "grade",
        "HIGH": "model",
        "INITIAL": "model",
        "LOW": "model",
        "NONFINITE": "model",
        "TOKENIZER": "stops",
        "TRAINED": "model",
        "VANISHING": "model",
        "VERDICTS": "model",
        "ZERO": "model",
        "Candidates": "candidates",
        "Facts": "facts",
        "MatrixEvidence": "model",
        "MatrixFacts": "facts",
        "Recipe": "model",
        "Reference": "model",
        "SplitMarker": "markers",
        "Stops": "stops",
        "WeightDecay": "decay",
        "find_candidates": "candidates",
        "grades": "grade",
        "impossible_bytes": "candidates",
        "judge_some": "measure",
        "kept_padding": "padding",
        "measure_matrix": "measure",
        "other_tools": "rules_of_others",
        "read_stops": "stops",
        "recorded_rows": "recorded",
        "sample": "look",
        "samples": "generating",
        "spare_bytes": "candidates",
        "split_markers": "markers",
        "unreachable_ids": "reachability",
        "verdicts_of": "measure",
    },
)
