"""The original study, written again for any checkpoint from measured numbers, in English or Chinese.

Knows reports and, through their door, the probes of model mode. Must not measure by itself.
"""

from rowscope.inspector.study.compose import LANGUAGES, Study, compose, study
from rowscope.inspector.study.document import Figure
from rowscope.inspector.study.material import LeftOut, Starts
from rowscope.inspector.study.texts import Texts

__all__ = [
    "LANGUAGES",
    "Figure",
    "LeftOut",
    "Starts",
    "Study",
    "Texts",
    "compose",
    "study",
]
