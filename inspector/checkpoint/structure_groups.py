"""Numbered tensors together: `24x model.layers.[N].mlp.up_proj.weight`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rowscope.inspector.header import TensorRef

_NUMBER = re.compile(r"(?:(?<=^)|(?<=[._]))[0-9]+(?=\.|$)")
_DIGITS = re.compile(r"([0-9]+)")
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """Tensors of one dtype and shape whose names differ only in numbers.

    Attributes:
        pattern: the common name; `[N]` stands where numbers differ.
        count: how many tensors.
        levels: how many different numbers stand at each `[N]`; experts within layers have two levels.
        dtype, shape: of each member.
        parameters, bytes: of all members together.
    """

    pattern: str
    count: int
    levels: tuple[int, ...]
    dtype: str
    shape: tuple[int, ...]
    parameters: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """JSON ready."""
        return {
            "pattern": self.pattern,
            "count": self.count,
            "levels": list(self.levels),
            "dtype": self.dtype,
            "shape": list(self.shape),
            "parameters": self.parameters,
            "bytes": self.bytes,
        }


def group_tensors(tensors: Sequence[TensorRef]) -> tuple[TensorGroup, ...]:
    """Groups in order of their first members."""
    groups: dict[tuple[tuple[str, ...], str, tuple[int, ...]], list[TensorRef]] = {}
    for tensor in tensors:
        parts = tuple(_NUMBER.split(tensor.name))
        groups.setdefault((parts, tensor.dtype, tensor.shape), []).append(tensor)
    return tuple(_group(parts, members) for (parts, _, _), members in groups.items())


def _group(parts: tuple[str, ...], members: Sequence[TensorRef]) -> TensorGroup:
    """A number that is the same in all members stays as it is."""
    numbers = [set(column) for column in zip(*(_NUMBER.findall(m.name) for m in members), strict=True)]
    pattern = parts[0]
    for found, part in zip(numbers, parts[1:], strict=True):
        pattern += (next(iter(found)) if len(found) == 1 else "[N]") + part
    first = members[0]
    return TensorGroup(
        pattern=pattern,
        count=len(members),
        levels=tuple(len(found) for found in numbers if len(found) > 1),
        dtype=first.dtype,
        shape=first.shape,
        parameters=math.prod(first.shape) * len(members),
        bytes=sum(member.nbytes for member in members),
    )


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts `layers.2` before `layers.10`; a number of more than 18 digits sorts as text."""
    return tuple(
        (int(part), "") if position % 2 and len(part) <= _LONGEST_NUMBER else (-1, part)
        for position, part in enumerate(_DIGITS.split(name))
    )
