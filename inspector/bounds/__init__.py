"""How large a vocabulary is, and up to which id it may be used: a few integers, without numpy.

Knows headers and tokenizer files. Must not know rows, groups or anything that computes.
"""

from rowscope.inspector.bounds.vocabulary import VocabularyBounds, vocabulary_bounds

__all__ = [
    "VocabularyBounds",
    "vocabulary_bounds",
]
