"""A run, step by step: when tokens became trained, which findings came and went, what got worse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

from rowscope.inspector.checks import SEVERITY_RANK
from rowscope.inspector.fleet.report.model import FindingHistory, Norms, Run, StepLine, TokenHistory
from rowscope.inspector.fleet.report.tokens import lost, token_histories
from rowscope.inspector.text import say, template

Row = Mapping[str, Any]
RISE_ROWS: Final = 10
RISE_SHARE: Final = 0.1
_NEW_ERROR: Final = template("new error {finding}")
_NEW_WARNING: Final = template("new warning {finding}")
_TOLD: Final = SEVERITY_RANK["warning"]


class Tables(NamedTuple):
    """Rows of the store's tables by checkpoint."""

    matrices: Mapping[str, list[Row]]
    findings: Mapping[str, list[Row]]
    special_tokens: Mapping[str, list[Row]]


def run_of(steps: Sequence[Row], tables: Tables) -> Run:
    """The run whose steps are these rows of `checkpoints`, in their order."""
    tokens = token_histories(steps, tables.special_tokens, tables.matrices)
    return Run(
        series=steps[0]["series"],
        model=steps[0]["model"],
        steps=tuple(_step_lines(steps, tables, tokens)),
        tokens=tokens,
        findings=_finding_histories(steps, tables.findings),
    )


def _step_lines(steps: Sequence[Row], tables: Tables, tokens: Sequence[TokenHistory]) -> Iterator[StepLine]:
    then: Mapping[str, Row] | None = None
    untrained: int | None = None
    for at, row in enumerate(steps):
        if row["status"] == "failed":
            yield _step_line(row, ())
            continue
        now = _by_subject(tables.findings.get(row["checkpoint"], ()))
        measured = {"TOK301": tuple(lost(tokens, at)), "ROW203": tuple(_risen(untrained, row))}
        line = _step_line(row, tables.matrices.get(row["checkpoint"], ()))
        yield line if then is None else _compared(line, then, now, measured)
        then = now
        untrained = untrained if row["untrained_used_rows"] is None else row["untrained_used_rows"]


def _step_line(row: Row, matrices: Iterable[Row]) -> StepLine:
    return StepLine(
        step=row["step"],
        path=row["path"],
        status=row["status"],
        untrained_used_rows=row["untrained_used_rows"],
        norms=_norms(matrices),
        errors=row["errors"] or 0,
        warnings=row["warnings"] or 0,
    )


def _compared(
    line: StepLine, then: Mapping[str, Row], now: Mapping[str, Row], measured: Mapping[str, Sequence[str]]
) -> StepLine:
    """A step against the audited one before it.

    Args:
        measured: of the codes that say which rows are untrained, what has got worse in numbers. They come
            and go with what can be told at all, so that a new one alone says nothing.
    """
    new = [now[key] for key in now if key not in then]
    worse = [row for row in new if row["code"] not in measured]
    told = [row for row in worse if SEVERITY_RANK[row["severity"]] >= _TOLD]
    counted = [*worse, *(row for row in now.values() if measured.get(row["code"]))]
    severities = (row["severity"] for row in counted)
    return replace(
        line,
        appeared=tuple(_name(row) for row in new),
        vanished=tuple(_name(then[key]) for key in then if key not in now),
        regressions=(*map(_new, told), *chain(*measured.values())),
        new_severity=max(severities, key=SEVERITY_RANK.__getitem__, default=None),
    )


def _risen(before: int | None, row: Row) -> Iterator[str]:
    """A clear rise of the untrained used rows since the last step that could tell their number.

    A row at the edge may change sides; so a rise counts from ten rows and a tenth on.
    """
    now = row["untrained_used_rows"]
    if before is not None and now is not None and now - before >= max(RISE_ROWS, RISE_SHARE * before):
        yield say("untrained used rows rose from {before} to {now}", before=before, now=now)


def _new(finding: Row) -> str:
    severe = finding["severity"] == "error"
    words = _NEW_ERROR if severe else _NEW_WARNING
    return say(words, finding=_name(finding))


def _norms(matrices: Iterable[Row]) -> tuple[Norms, ...]:
    """Median norms of used and reserved rows, a matrix each."""
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in matrices:
        found.setdefault((row["role"], row["tensor"]), {})[row["group"]] = row["norm_median"]
    return tuple(
        Norms(role, tensor, groups.get("used"), groups.get("reserved"))
        for (role, tensor), groups in found.items()
    )


def _by_subject(findings: Iterable[Row]) -> dict[str, Row]:
    """Findings by what they are about: the same one at two steps may be about other ids."""
    return {row["subject_fingerprint"]: row for row in findings}


def _name(finding: Row) -> str:
    return " ".join(word for word in (finding["code"], finding["subject"]) if word)


def _finding_histories(
    steps: Sequence[Row], findings: Mapping[str, Sequence[Row]]
) -> tuple[FindingHistory, ...]:
    at_steps = [_by_subject(findings.get(row["checkpoint"], ())) for row in steps]
    told = [at for at, row in enumerate(steps) if row["status"] != "failed"]
    latest = {key: row for found in at_steps for key, row in found.items()}
    histories = [
        FindingHistory(
            code=row["code"],
            name=row["name"],
            severity=row["severity"],
            subject=row["subject"] or "",
            present=tuple(key in found for found in at_steps),
            appeared_at=tuple(
                steps[at]["step"]
                for before, at in zip([None, *told], told, strict=False)
                if key in at_steps[at] and (before is None or key not in at_steps[before])
            ),
            vanished_at=tuple(
                steps[at]["step"]
                for before, at in pairwise(told)
                if key in at_steps[before] and key not in at_steps[at]
            ),
        )
        for key, row in latest.items()
    ]
    return tuple(sorted(histories, key=lambda at: (-SEVERITY_RANK[at.severity], at.code, at.subject)))
