"""Sizes side by side and every row id in its group: who owns which row.

Knows a checkpoint and its vocabulary. Must not read tensor data, nor judge.
"""

from rowscope.inspector.census.capacity import Capacity, next_ids, padded, take_capacity
from rowscope.inspector.census.census import (
    ADDED,
    BASE,
    GROUP_MEMBERS,
    GROUPS,
    PLACEHOLDER,
    RESERVED,
    UNMAPPED,
    USED,
    Census,
    IdSet,
    group_codes,
    take_census,
)
from rowscope.inspector.census.roles import MODAL_KEYS, RoledToken, roled_tokens
from rowscope.inspector.census.rounding import Rounding

__all__ = [
    "ADDED",
    "BASE",
    "GROUPS",
    "GROUP_MEMBERS",
    "MODAL_KEYS",
    "PLACEHOLDER",
    "RESERVED",
    "UNMAPPED",
    "USED",
    "Capacity",
    "Census",
    "IdSet",
    "RoledToken",
    "Rounding",
    "group_codes",
    "next_ids",
    "padded",
    "roled_tokens",
    "take_capacity",
    "take_census",
]
