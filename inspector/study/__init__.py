"""The original study, written again for any checkpoint from measured numbers, in English or Chinese.

Knows reports and, through their door, the probes of model mode. Must not measure by itself.
"""

from rowscope.inspector.study.compose import LANGUAGES, study

__all__ = [
    "LANGUAGES",
    "study",
]
