"""Which findings count: `--select` and `--ignore`, by code or by the beginning of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from rowscope.inspector.audit import Hidden, Report, Skipped
from rowscope.inspector.checks import RULES, Finding
from rowscope.inspector.errors import UsageError, guess
from rowscope.inspector.text import joined, say


def select(
    findings: Iterable[Finding], select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """The findings that `select` (all, where it is empty) keeps and `ignore` does not take away.

    Args:
        select, ignore: codes or beginnings of codes: `ROW`, `ROW2`, `ROW204`. Where both name a code the
            longer beginning decides, and of two equal ones `ignore`.

    Raises:
        UsageError: a value that no code begins with.
    """
    chosen, dropped = check_codes(select, "--select"), check_codes(ignore, "--ignore")
    return tuple(finding for finding in findings if _kept(finding.code, chosen, dropped))


def apply_selection(report: Report, chosen: Sequence[str] = (), ignored: Sequence[str] = ()) -> Report:
    """The report with the selected findings alone; `coverage.skipped` says how many were left out.

    Raises:
        UsageError: a value that no code begins with.
    """
    kept = select(report.findings, chosen, ignored)
    left = tuple(finding for finding in report.findings if finding not in kept)
    if not left:
        return report
    codes = ", ".join(sorted({finding.code for finding in left}))
    why = say("{count} left out by --select or --ignore: {codes}", count=len(left), codes=codes)
    return without(report, left, kept, why, joined(" or ", ["--select", "--ignore"]))


def without(report: Report, left: Sequence[Finding], kept: tuple[Finding, ...], why: str, by: str) -> Report:
    """The report with the findings `kept` and a word on those `left` out; `complete` stays.

    Args:
        why: for `coverage.skipped`.
        by: what leaves them out.
    """
    levels = [finding.severity for finding in left]
    counts = {level: levels.count(level) for level in ("error", "warning", "note")}
    hidden = Hidden(by, **counts, codes=tuple(sorted({finding.code for finding in left})))
    skipped = (*report.coverage.skipped, Skipped(say("findings"), why, affects=False))
    return dataclasses.replace(
        report,
        findings=kept,
        coverage=dataclasses.replace(report.coverage, skipped=skipped),
        hidden=(*report.hidden, hidden),
    )


def check_codes(values: Sequence[str], option: str) -> tuple[str, ...]:
    """Beginnings of codes in upper case; a value may hold several, `ROW2,TOK301`.

    Raises:
        UsageError: a value that no code begins with.
    """
    parts = [part.strip().upper() for value in values for part in value.split(",")]
    for part in parts:
        if not part or not any(code.startswith(part) for code in RULES):
            near = guess(part, (*RULES, *sorted({code[:3] for code in RULES})))
            raise UsageError(
                f"{option}: no finding code begins with {part!r}; {near}the codes are {', '.join(RULES)}",
                location=option,
            )
    return tuple(parts)


def _kept(code: str, chosen: tuple[str, ...], dropped: tuple[str, ...]) -> bool:
    taken = max((len(part) for part in chosen if code.startswith(part)), default=-1 if chosen else 0)
    away = max((len(part) for part in dropped if code.startswith(part)), default=-1)
    return taken > away if away >= 0 else taken >= 0
