"""Baselines: findings that are known and accepted, so that only new ones are reported."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.checks import MAX_IDS, SEVERITY_RANK, Finding
from rowscope.inspector.errors import CheckpointError, UsageError
from rowscope.inspector.frozen import record
from rowscope.inspector.gate.identity import NEW_KEY, evidence_digest, finding_ids, fingerprint, subject
from rowscope.inspector.gate.selection import without
from rowscope.inspector.ranges import Range, format_ranges, to_ranges
from rowscope.inspector.storage import local_file, read_json

BASELINE_VERSION: Final = "1"
_LIMIT: Final = 32 << 20
_MOST_ID: Final = 2**62


@record
class Known:
    """What a baseline accepts of one code about one subject.

    Attributes:
        severity: the gravest accepted.
        count: how many ids, 0 for a finding that is not about ids.
        ids: the ids accepted, as ranges; of more than 10,000 only those that the finding listed.
        evidence: digest of the evidence where the finding is not about ids, else None.
    """

    severity: str
    count: int
    ids: tuple[Range, ...]
    evidence: tuple[str, ...]


Baseline = Mapping[tuple[str, str], Known]
"""What is accepted, by code and subject."""


def write_baseline(report: Report) -> str:
    """The report's findings as a baseline: JSON, the same for the same findings wherever they were found."""
    lines = [_entry(finding) for finding in report.findings]
    lines.sort(key=lambda entry: (entry["code"], entry["subject"], entry["fingerprint"]))
    body = {
        "schema_version": BASELINE_VERSION,
        "tool": {"name": "rowscope", "version": rowscope.__version__},
        "findings": lines,
    }
    return json.dumps(body, indent=1) + "\n"


def read_baseline(path: Path) -> Baseline:
    """A baseline from the file that `write_baseline` gave.

    Raises:
        UsageError: the file is missing, no JSON, or no baseline.
    """
    try:
        document = read_json(local_file(path), _LIMIT)
    except CheckpointError as error:
        raise UsageError(f"--baseline: {error.message}", location=str(path)) from error
    if not isinstance(document, dict) or document.get("schema_version") != BASELINE_VERSION:
        raise _no_baseline(path, "the key 'schema_version'")
    entries = document.get("findings")
    if not isinstance(entries, list):
        raise _no_baseline(path, "the key 'findings'")
    found: dict[tuple[str, str], list[Known]] = {}
    for at, entry in enumerate(entries):
        key, known = _read_entry(path, f"findings[{at}]", entry)
        found.setdefault(key, []).append(known)
    return {key: _joined(several) for key, several in found.items()}


def new_findings(findings: Iterable[Finding], baseline: Baseline) -> tuple[Finding, ...]:
    """The findings that the baseline does not cover.

    A known finding is new again where ids have joined it, where its severity rose, or, if it is not about
    ids, where its evidence changed. Its message then says what is new, and `evidence.new_since_baseline`
    has the reason and the ids; its severity is that of the new ids where the evidence tells it per id.
    """
    compared = (_compared(finding, baseline) for finding in findings)
    return tuple(finding for finding in compared if finding is not None)


def apply_baseline(report: Report, baseline: Baseline) -> Report:
    """The report with new findings alone; `coverage.skipped` says how many the baseline covers."""
    compared = [(finding, _compared(finding, baseline)) for finding in report.findings]
    covered = [finding for finding, new in compared if new is None]
    if not covered:
        return report
    new = tuple(finding for _, finding in compared if finding is not None)
    return without(report, covered, new, f"{len(covered):,} are in the baseline", "the baseline")


def _entry(finding: Finding) -> dict[str, Any]:
    ids = finding_ids(finding)
    return {
        "code": finding.code,
        "subject": subject(finding),
        "severity": finding.severity,
        "count": finding.evidence.get("count", 0) if ids is not None else 0,
        "ids": [list(part) for part in ids or ()],
        "evidence": evidence_digest(finding) if ids is None else None,
        "fingerprint": fingerprint(finding),
    }


def _read_entry(path: Path, where: str, entry: object) -> tuple[tuple[str, str], Known]:
    if not isinstance(entry, dict):
        raise _no_baseline(path, where)
    code, about, digest = entry.get("code"), entry.get("subject"), entry.get("evidence")
    severity, count = entry.get("severity"), entry.get("count")
    if (
        not isinstance(code, str)
        or not isinstance(about, str)
        or not isinstance(severity, str)
        or severity not in SEVERITY_RANK
        or not isinstance(count, int)
        or not _is_id(count)
        or not isinstance(digest, str | None)
    ):
        raise _no_baseline(path, where)
    ranges = _read_ranges(path, f"{where}.ids", entry.get("ids"))
    return (code, about), Known(severity, count, ranges, () if digest is None else (digest,))


def _read_ranges(path: Path, where: str, value: object) -> tuple[Range, ...]:
    if not isinstance(value, list):
        raise _no_baseline(path, where)
    ranges = []
    for part in value:
        if not isinstance(part, list) or len(part) != 2 or not all(map(_is_id, part)) or part[0] >= part[1]:
            raise _no_baseline(path, where)
        ranges.append((part[0], part[1]))
    return tuple(ranges)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ID


def _joined(several: Sequence[Known]) -> Known:
    """Several findings of one code and subject, as one id each of VOC105: what they accept together."""
    return Known(
        max((known.severity for known in several), key=lambda level: SEVERITY_RANK[level]),
        sum(known.count for known in several),
        tuple(part for known in several for part in known.ids),
        tuple(digest for known in several for digest in known.evidence),
    )


def _compared(finding: Finding, baseline: Baseline) -> Finding | None:
    """None for a finding that the baseline covers, else the finding, saying what is new about it."""
    known = baseline.get((finding.code, subject(finding)))
    if known is None:
        return finding
    ids = finding_ids(finding)
    if ids is None:
        if evidence_digest(finding) not in known.evidence:
            return _marked(finding, "its numbers differ from those in the baseline", ids_of(()))
    else:
        joined = _outside(ids_of(ids), known.ids)
        total = finding.evidence.get("count", 0)
        # Of a cut list the missing ids may differ without anything being new: only the count tells.
        if joined.size and (max(total, known.count) <= MAX_IDS or total > known.count):
            words = f"{joined.size:,} of these ids: {format_ranges(to_ranges(joined), limit=3)}"
            return _marked(_of_new_ids(finding, joined), words, joined)
    if SEVERITY_RANK[finding.severity] > SEVERITY_RANK[known.severity]:
        return _marked(finding, f"its severity rose from {known.severity}", ids_of(()))
    return None


def ids_of(ranges: Iterable[Range]) -> NDArray[np.int64]:
    """All ids in `ranges`, int64."""
    parts = [np.arange(start, stop, dtype=np.int64) for start, stop in ranges]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _outside(ids: NDArray[np.int64], ranges: tuple[Range, ...]) -> NDArray[np.int64]:
    """Those of `ids` [n] that lie in none of `ranges`, which are never spelt out: a file may hold any."""
    if not ranges:
        return ids
    ordered = np.array(sorted(ranges), dtype=np.int64)
    starts, stops = ordered[:, 0], np.maximum.accumulate(ordered[:, 1])
    at = np.searchsorted(starts, ids, side="right") - 1
    return ids[(at < 0) | (ids >= stops[at])]


def _of_new_ids(finding: Finding, ids: NDArray[np.int64]) -> Finding:
    """The finding with the severity that its new ids alone have, where the evidence gives one per token."""
    tokens = finding.evidence.get("tokens")
    if not isinstance(tokens, list):
        return finding
    wanted = set(ids.tolist())
    levels = [token["severity"] for token in tokens if token["id"] in wanted]
    if not levels:
        return finding
    return dataclasses.replace(finding, severity=max(levels, key=lambda level: SEVERITY_RANK[level]))


def _marked(finding: Finding, what: str, ids: NDArray[np.int64]) -> Finding:
    new = {"why": what, "count": int(ids.size), "ids": ids.tolist()}
    return dataclasses.replace(
        finding,
        message=f"{finding.message} New since the baseline: {what}.",
        evidence={**finding.evidence, NEW_KEY: new},
    )


def _no_baseline(path: Path, where: str) -> UsageError:
    return UsageError(
        f"--baseline: {str(path)!r} is not a baseline of rowscope ({where} is not as it should be); "
        "write one with --write-baseline",
        location=str(path),
    )
