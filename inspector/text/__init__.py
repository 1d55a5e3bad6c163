"""How names and numbers are spelled for people: escaped, rounded, grouped; sentences by language.

The ground floor: knows nothing of ours but errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily
from rowscope.inspector.text.escape import visible
from rowscope.inspector.text.numbers import cosine, count, plural, ratio, real
from rowscope.inspector.text.said import Said, joined, say, template

if TYPE_CHECKING:
    from rowscope.inspector.text.languages import told, translated, unbroken
    from rowscope.inspector.text.sentences import LANGUAGES, Texts, check_language

__all__ = [
    "LANGUAGES",
    "Said",
    "Texts",
    "check_language",
    "cosine",
    "count",
    "joined",
    "plural",
    "ratio",
    "real",
    "say",
    "template",
    "told",
    "translated",
    "unbroken",
    "visible",
]

__getattr__ = lazily(
    __name__,
    {
        "LANGUAGES": "sentences",
        "Texts": "sentences",
        "check_language": "sentences",
        "told": "languages",
        "translated": "languages",
        "unbroken": "languages",
    },
)
