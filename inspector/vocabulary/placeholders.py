"""Token names that say "reserved" or "unused": the `placeholder` group, by name alone."""

from __future__ import annotations

import re
from itertools import pairwise

# Words that mean "nobody uses this" wherever they stand in a bracketed name.
_IDLE = frozenset({"reserved", "unused", "dummy", "placeholder", "spare", "unallocated"})
# Words that say so only as a bare numbered family: <|extra_4|>, <SPECIAL_30>, [control_8].
_NUMBERED = frozenset({"extra", "special", "control", "empty", "filler"})
_FILLERS = frozenset({"token", "tokens", "special", "tok"})

_BRACKETED = re.compile(r"[<\[(][|｜]?(?P<body>[^<>\[\]()|｜]{3,64})[|｜]?[>\])]")
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_FAIRSEQ = re.compile(r"madeupword\d{4,}")
PLACEHOLDER_STARTS = frozenset("<[(m")
"""First characters that a placeholder's name can have: those of the two patterns."""


def is_placeholder(token: str) -> bool:
    """Whether a token's name says that it is reserved or unused.

    T5's sentinels `<extra_id_N>` are used tokens and do not count; nor does a bare word in text, such as
    `reserved`: the name must stand in brackets.
    """
    match = _BRACKETED.fullmatch(token)
    if match is None:
        return _FAIRSEQ.fullmatch(token) is not None
    words = _WORDS.findall(match["body"].lower())
    if any(word in _IDLE for word in words):
        return True
    if any(pair == ("place", "holder") for pair in pairwise(words)):
        return True
    numbers = [word for word in words if word.isdigit()]
    names = [word for word in words if not word.isdigit()]
    return bool(numbers) and bool(names) and names[0] in _NUMBERED and set(names[1:]) <= _FILLERS
