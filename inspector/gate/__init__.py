"""What a team makes of a report: selection, baseline, settings file, identity of findings.

Knows reports and findings. Must not measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.gate.baseline import (
        Baseline,
        apply_baseline,
        read_baseline,
        write_baseline,
    )
    from rowscope.inspector.gate.identity import finding_ids, fingerprint, subject, subject_fingerprint
    from rowscope.inspector.gate.selection import apply_selection, check_codes
    from rowscope.inspector.gate.settings import FORMATS, Settings, read_settings

__all__ = [
    "FORMATS",
    "Baseline",
    "Settings",
    "apply_baseline",
    "apply_selection",
    "check_codes",
    "finding_ids",
    "fingerprint",
    "read_baseline",
    "read_settings",
    "subject",
    "subject_fingerprint",
    "write_baseline",
]

__getattr__ = lazily(
    __name__,
    {
        "FORMATS": "settings",
        "Baseline": "baseline",
        "Settings": "settings",
        "apply_baseline": "baseline",
        "apply_selection": "selection",
        "check_codes": "selection",
        "finding_ids": "identity",
        "fingerprint": "identity",
        "read_baseline": "baseline",
        "read_settings": "settings",
        "subject": "identity",
        "subject_fingerprint": "identity",
        "write_baseline": "baseline",
    },
)
