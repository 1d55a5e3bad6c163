"""What a team makes of a report: selection, baseline, settings file, identity of findings.

Knows reports and findings. Must not measure.
"""

from rowscope.inspector.gate.baseline import apply_baseline, read_baseline, write_baseline
from rowscope.inspector.gate.identity import finding_ids, fingerprint, subject, subject_fingerprint
from rowscope.inspector.gate.selection import apply_selection, check_codes
from rowscope.inspector.gate.settings import FORMATS, Settings, read_settings

__all__ = [
    "FORMATS",
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
