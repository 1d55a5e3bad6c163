"""How names and numbers are spelled for people: escaped, rounded, grouped; sentences by language.

The ground floor: knows nothing of ours but errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily
from rowscope.inspector.text.escape import visible
from rowscope.inspector.text.numbers import cosine, count, plural, ratio, real

if TYPE_CHECKING:
    from rowscope.inspector.text.sentences import LANGUAGES, Texts

__all__ = [
    "LANGUAGES",
    "Texts",
    "cosine",
    "count",
    "plural",
    "ratio",
    "real",
    "visible",
]

__getattr__ = lazily(__name__, {"LANGUAGES": "sentences", "Texts": "sentences"})
