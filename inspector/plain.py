"""Results as JSON values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rowscope.inspector.frozen import fields_of
from rowscope.inspector.text import Said, told


def to_plain(value: Any, lang: str = "en") -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Dataclasses, mappings, sequences and numpy scalars as JSON values; NaN and infinities as None.

    Sentences are said in `lang`; keys stay as they are.
    """
    if lang != "en" and isinstance(value, Said):
        return told(value, lang)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_plain(fields_of(value), lang)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, lang) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, lang) for item in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
