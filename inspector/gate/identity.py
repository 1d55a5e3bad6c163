"""What makes a finding the same finding in the next run: its code, what it is about, and its ids."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

import numpy as np

from rowscope.inspector.arrays import union
from rowscope.inspector.checks import Finding
from rowscope.inspector.plain import to_plain
from rowscope.inspector.ranges import Range, to_ranges

# The rows at the end of a location: `model.embed_tokens.weight[3:5]`.
_ROWS: Final = re.compile(r"\[[^\[\]]*\]$")
# Left out of the identity: it is added by the comparison with a baseline.
NEW_KEY: Final = "new_since_baseline"


def subject(finding: Finding) -> str:
    """What the finding is about, without rows or folders: a tensor, a key of a config, a kind of mismatch."""
    kind = finding.evidence.get("kind")
    if isinstance(kind, str):
        return kind
    return _ROWS.sub("", finding.location)


def finding_ids(finding: Finding) -> tuple[Range, ...] | None:
    """The ids of the finding as half-open ranges; None for a finding that is not about ids.

    Beyond 10,000 ids only those that the finding lists are known.
    """
    ids = finding.evidence.get("ids")
    if not isinstance(ids, list):
        return None
    return to_ranges(union(np.array(ids, dtype=np.int64)))


def evidence_digest(finding: Finding) -> str:
    """Digest of the evidence of a finding that is not about ids; 16 hexadecimal digits."""
    kept = {key: value for key, value in finding.evidence.items() if key != NEW_KEY}
    return _digest(to_plain(kept))


def subject_fingerprint(finding: Finding) -> str:
    """Equal for findings of one code about one subject, whatever their ids; 16 hexadecimal digits."""
    return _digest([finding.code, subject(finding)])


def fingerprint(finding: Finding) -> str:
    """Equal for findings of one code, subject and id set (without ids: evidence); 16 hexadecimal digits.

    It depends neither on the folder nor on the time nor on rowscope's wording.
    """
    ids = finding_ids(finding)
    last = evidence_digest(finding) if ids is None else [finding.evidence.get("count"), list(ids)]
    return _digest([finding.code, subject(finding), last])


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
