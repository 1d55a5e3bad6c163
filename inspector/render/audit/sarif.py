"""An audit as SARIF 2.1.0 (OASIS standard): for code scanning and the tools that read its results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import rowscope
from rowscope.inspector.audit import Report, Skipped
from rowscope.inspector.checks import RULES, Finding, Rule, explain
from rowscope.inspector.gate import finding_ids, fingerprint, subject, subject_fingerprint
from rowscope.inspector.plain import to_plain
from rowscope.inspector.render.audit.places import file_of, uri_of
from rowscope.inspector.text import visible

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

# Priority from 0 to 100, by severity and confidence (SARIF 3.27.25).
_RANK: Final = {"error": 80.0, "warning": 50.0, "note": 20.0}
_SURE: Final = {"high": 10.0, "medium": 5.0, "low": 0.0}
_MOST_RANGES: Final = 100


def render_sarif(report: Report, *, exit_code: int, root: str | None = None) -> str:
    """The findings as one SARIF log with one run.

    Every result has a logical location (tensor and rows) and a physical one (the file), without which
    code scanning on GitHub refuses the log. All rules are listed, also when nothing was found.

    Args:
        exit_code: what the command exits with.
        root: folder that file addresses are relative to; the working directory by default.
    """
    files = _files(report)
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "automationDetails": {"id": f"rowscope/{uri_of(report, '', root)}/"},
                "invocations": [_invocation(report, exit_code)],
                "artifacts": [_artifact(report, name, size, root) for name, size in files.items()],
                "results": _results(report, list(files), root),
                "columnKind": "unicodeCodePoints",
                "properties": {"complete": report.complete, "summary": [visible(t) for t in report.summary]},
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _driver() -> dict[str, Any]:
    return {
        "name": "rowscope",
        "version": rowscope.__version__,
        "semanticVersion": rowscope.__version__,
        "shortDescription": {"text": "What is in the vocabulary rows of a checkpoint."},
        "rules": [_rule(rule) for rule in RULES.values()],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    page = explain(rule.code)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.code[:3]]},
    }


def _invocation(report: Report, exit_code: int) -> dict[str, Any]:
    return {
        "executionSuccessful": exit_code in (0, 1),
        "exitCode": exit_code,
        "toolExecutionNotifications": [
            *(_notification(skip) for skip in report.coverage.skipped),
            *([{"level": "note", "message": {"text": visible(said)}}] if (said := _settings(report)) else []),
            *({"level": "note", "message": {"text": visible(note)}} for note in report.notes),
        ],
    }


def _settings(report: Report) -> str:
    return report.settings.sentence if report.settings is not None else ""


def _notification(skip: Skipped) -> dict[str, Any]:
    text = f"Not audited: {visible(skip.what)}: {visible(skip.why)}"
    return {"level": "error" if skip.affects else "note", "message": {"text": text}}


def _files(report: Report) -> Mapping[str, int | None]:
    """Files that were read or that a finding is about, with their sizes where known."""
    named = {file.name: file.bytes for file in report.checkpoint.files}
    about = {file_of(report, finding): None for finding in report.findings}
    return {**about, **named}


def _artifact(report: Report, name: str, size: int | None, root: str | None) -> dict[str, Any]:
    artifact: dict[str, Any] = {
        "location": {"uri": uri_of(report, name, root)},
        "roles": ["analysisTarget"],
    }
    if size is not None:
        artifact["length"] = size
    return artifact


def _results(report: Report, files: list[str], root: str | None) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    results = []
    for finding in report.findings:
        name = file_of(report, finding)
        same = subject_fingerprint(finding)
        seen[same] += 1
        # GitHub tells alerts apart by this key alone; the count separates equal ones, as its own do.
        line_hash = f"{same}:{seen[same]}"
        place = {"uri": uri_of(report, name, root), "index": files.index(name)}
        results.append(_result(finding, place, line_hash))
    return results


def _result(finding: Finding, place: dict[str, Any], line_hash: str) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": list(RULES).index(finding.code),
        "level": finding.severity,
        "rank": _RANK[finding.severity] + _SURE[finding.confidence],
        "message": {"text": _unlinked(visible(f"{finding.message} {finding.hint}".strip()))},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": place, "region": {"startLine": 1}},
                "logicalLocations": [
                    {
                        "name": visible(subject(finding)),
                        "fullyQualifiedName": visible(_full_name(finding)),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": line_hash,
            "rowscopeFinding/v1": fingerprint(finding),
        },
        "properties": {"confidence": finding.confidence, "evidence": _evidence(finding)},
    }


def _full_name(finding: Finding) -> str:
    """The location; that of a file's fault is a path of this machine, so its subject stands for it."""
    return subject(finding) if finding.code.startswith("FIL") else finding.location


def _unlinked(text: str) -> str:
    """`text` without SARIF's embedded links, `[text](target)`, which a token's name could spell."""
    return text.replace("](", "] (")


def _evidence(finding: Finding) -> dict[str, Any]:
    """The evidence's numbers and words; lists are left out, ids are given as ranges."""
    evidence = to_plain(finding.evidence)
    kept = {k: visible(v) if isinstance(v, str) else v for k, v in evidence.items() if not _is_nested(v)}
    ids = finding_ids(finding)
    if ids is not None:
        kept["ranges"] = [list(part) for part in ids[:_MOST_RANGES]]
    return kept


def _is_nested(value: object) -> bool:
    return isinstance(value, (list, dict))
