"""Reads checkpoints, knows their tokens, judges their rows. docs/architecture.md draws the rooms."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(door: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a door whose names load on first use (PEP 562), for rooms that are dear to import.

    Args:
        door: the module name of the room.
        homes: name -> module below the room that defines it.
    """

    def load(name: str) -> Any:  # noqa: ANN401 - the type of a lazily loaded name is its own
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {door!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{door}.{home}"), name)

    return load
