"""A report, or a failure, as rows of the store's tables: plain values under the names of the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

import rowscope
from rowscope.inspector.audit import MatrixReport, Report
from rowscope.inspector.checks import SEVERITY_RANK, Finding
from rowscope.inspector.errors import RowscopeError
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.frozen import fields_of, record
from rowscope.inspector.gate import fingerprint, subject, subject_fingerprint
from rowscope.inspector.plain import to_plain

Record = dict[str, Any]

_KNOWN: Final = ("trained", "damaged")


@record
class Records:
    """What one checkpoint adds to the tables; of a failure the first table alone."""

    checkpoint: Record
    matrices: list[Record] = field(default_factory=list)
    findings: list[Record] = field(default_factory=list)
    special_tokens: list[Record] = field(default_factory=list)


def records_of(place: Place, report: Report) -> Records:
    """The rows that a report gives."""
    begin = place.record()
    return Records(
        _checkpoint(place, report),
        [{**begin, **record} for matrix in report.matrices for record in _matrix(matrix)],
        [{**begin, **_finding(at, finding)} for at, finding in enumerate(report.findings)],
        [
            {**begin, **_chosen(token, _TOKEN), **{f"verdict_{at}": token.verdict.get(at) for at in _SIDES}}
            for token in report.special_tokens
        ],
    )


def failure_of(place: Place, error: RowscopeError) -> Records:
    """The row of a checkpoint that could not be audited."""
    record = {
        **place.record(),
        "revision": place.revision,
        "status": "failed",
        "error_code": error.code,
        "error_message": error.message,
        "error_location": error.location,
        "rowscope_version": rowscope.__version__,
    }
    return Records(record)


_SIDES: Final = ("input", "output")
_TOKEN: Final = ("id", "token", "text", "group", "roles", "sources", "special", "flags", "uses")
_CENSUS: Final = (
    "config_vocab_size",
    "hidden_size",
    "input_rows",
    "output_rows",
    "tied",
    "tie_source",
    "rows",
)
_TOKENIZER: Final = ("kind", "entries", "base_size", "max_id")
_FILES: Final = ("bytes", "tensors", "parameters", "model_type", "architectures", "quantization")
_COVERAGE: Final = ("rows_scanned", "bytes_read", "requests", "bytes_fetched")


def _chosen(value: object, names: tuple[str, ...]) -> Record:
    return {name: getattr(value, name) for name in names}


def _checkpoint(place: Place, report: Report) -> Record:
    census, capacity = report.census, report.capacity
    worst = max(report.findings, key=lambda found: SEVERITY_RANK[found.severity], default=None)
    return {
        **place.record(),
        "revision": place.revision,
        "status": "audited" if report.complete else "partial",
        "worst_severity": None if worst is None else worst.severity,
        "worst_code": None if worst is None else worst.code,
        **{f"{level}s": sum(at.severity == level for at in report.findings) for level in SEVERITY_RANK},
        "files": len(report.checkpoint.files),
        **_chosen(report.checkpoint, _FILES),
        **_chosen(census, _CENSUS),
        **({} if census.tokenizer is None else _tokenizer(census.tokenizer)),
        "reserved": census.reserved.count,
        "used": census.used.count,
        "holes": census.holes.count,
        **{name: group.count for name, group in census.groups.items()},
        "free_slots": capacity.without_resize + capacity.placeholders.count,
        "untrained_used_rows": _untrained_used(report),
        "untrained_tokens_in_use": _untrained_in_use(report),
        **_chosen(report.coverage, _COVERAGE),
        "skipped": [f"{skip.what}: {skip.why}" for skip in report.coverage.skipped],
        "messages": list(report.notes),
        "summary": list(report.summary),
        "rowscope_version": rowscope.__version__,
    }


def _tokenizer(facts: object) -> Record:
    return {f"tokenizer_{name}": value for name, value in _chosen(facts, _TOKENIZER).items()}


def _untrained_used(report: Report) -> int | None:
    """Of the matrix with the most; None where nothing tells how untrained rows of any matrix look."""
    groups = [matrix.groups["used"] for matrix in report.matrices if "used" in matrix.groups]
    most = max((_untrained(group.verdicts) for group in groups), default=0)
    told = any(matrix.reference is not None for matrix in report.matrices)
    return most if most or told else None


def _untrained(verdicts: Mapping[str, int]) -> int:
    return sum(count for verdict, count in verdicts.items() if verdict not in _KNOWN)


def _untrained_in_use(report: Report) -> int:
    """Special tokens that somebody meets and that some matrix holds untrained."""
    return sum(
        bool(token.uses) and any(at is not None and at not in _KNOWN for at in token.verdict.values())
        for token in report.special_tokens
    )


def _matrix(matrix: MatrixReport) -> list[Record]:
    reference = matrix.reference
    shared = {
        **_chosen(matrix, ("role", "tensor", "file", "dtype", "found_by", "mean_shift")),
        "matrix_rows": matrix.shape[0],
        "width": matrix.shape[1],
        "storage": None if matrix.storage is None else matrix.storage.label,
    }
    if reference is not None:
        shared |= {f"reference_{name}": value for name, value in fields_of(reference).items()}
    found = []
    for name, group in matrix.groups.items():
        stats = fields_of(group.stats)
        norms = fields_of(stats.pop("norm"))
        found.append(
            to_plain(
                {
                    **shared,
                    "group": name,
                    **stats,
                    **{f"norm_{key}": value for key, value in norms.items()},
                    **{f"verdict_{verdict}": group.verdicts.get(verdict, 0) for verdict in VERDICTS},
                    "untrained": _untrained(group.verdicts),
                }
            )
        )
    return found


def _finding(at: int, finding: Finding) -> Record:
    evidence = {key: value for key, value in to_plain(finding.evidence).items() if key != "ids"}
    ids = finding.evidence.get("ids")
    count = finding.evidence.get("count")
    return {
        "position": at,
        **_chosen(finding, ("code", "name", "severity", "confidence", "message", "location", "hint")),
        "subject": subject(finding),
        "count": count if isinstance(count, int) else None,
        "ids": to_plain(ids) if isinstance(ids, list) else None,
        "evidence": json.dumps(evidence, sort_keys=True),
        "fingerprint": fingerprint(finding),
        "subject_fingerprint": subject_fingerprint(finding),
    }
