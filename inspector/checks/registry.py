"""The explicit list of checks; the order is the order of the report within a severity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rowscope.inspector.checks import (
    adapters,
    comparison,
    fresh,
    inserted,
    markers,
    rows,
    shifted,
    sizes,
    stops,
    structure,
    tokens,
    tying,
    vocabulary,
)
from rowscope.inspector.checks.finding import SEVERITY_RANK, Finding, Rule
from rowscope.inspector.evidence import Facts

Check = Callable[[Facts], Iterable[Finding]]

CHECKS: Final[tuple[tuple[Rule, Check], ...]] = (
    (structure.FIL002, structure.index_mismatch),
    (structure.FIL005, structure.damaged_download),
    (structure.FIL006, structure.unloadable_names),
    (structure.FIL007, structure.empty_tensors),
    (vocabulary.VOC101, vocabulary.unmapped_rows),
    (vocabulary.VOC102, vocabulary.token_without_row),
    (sizes.VOC103, sizes.vocab_size_mismatch),
    (sizes.VOC104, sizes.row_count_mismatch),
    (vocabulary.VOC105, vocabulary.bad_special_id),
    (vocabulary.VOC106, vocabulary.placeholder_tokens),
    (vocabulary.VOC107, vocabulary.vocabulary_holes),
    (sizes.VOC108, sizes.no_vocab_size),
    (sizes.VOC109, sizes.short_side_table),
    (rows.ROW201, rows.non_finite_rows),
    (rows.ROW202, rows.empty_used_rows),
    (rows.ROW203, rows.collapsed_used_rows),
    (rows.ROW204, rows.reserved_rows_are_copies),
    (rows.ROW205, rows.trained_reserved_row),
    (tokens.TOK301, tokens.untrained_special_token),
    (tokens.TOK302, tokens.untrained_ordinary_tokens),
    (tokens.TOK303, tokens.unreachable_tokens),
    (fresh.TOK304, fresh.fresh_token),
    (stops.TOK305, stops.stop_tokens_disagree),
    (markers.TOK306, markers.marker_without_token),
    (inserted.TOK307, inserted.wrong_inserted_id),
    (shifted.TOK308, shifted.shifted_ids),
    (adapters.TOK309, adapters.unmoved_rows),
    (tying.TIE401, tying.tied_but_different),
    (tying.TIE402, tying.missing_output_matrix),
)

# Rules whose breach stops the reader: they are raised, not reported.
RAISED: Final[tuple[Rule, ...]] = (structure.FIL001, structure.FIL003, structure.FIL004)

# Rules of other commands.
ELSEWHERE: Final[tuple[Rule, ...]] = (comparison.DIF501,)

RULES: Final[Mapping[str, Rule]] = {
    rule.code: rule
    for rule in sorted((*RAISED, *ELSEWHERE, *(rule for rule, _ in CHECKS)), key=lambda rule: rule.code)
}


def run_checks(facts: Facts) -> tuple[Finding, ...]:
    """All findings, errors first; within a severity in the order of `CHECKS`."""
    found = [finding for _, check in CHECKS for finding in check(facts)]
    return tuple(sorted(found, key=lambda finding: -SEVERITY_RANK[finding.severity]))
