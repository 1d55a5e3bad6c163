"""Folders of PEFT adapters: `adapter_config.json` beside `adapter_model.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from rowscope.inspector.checkpoint.config import Skip, read_config
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import Change, find_changes, role_of_name
from rowscope.inspector.storage import Folder
from rowscope.inspector.text import joined, say

CONFIG: Final = "adapter_config.json"


@dataclass(frozen=True)
class Adapter:
    """A PEFT adapter.

    Attributes:
        settings: adapter_config.json.
        tensors: what it stores.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, TensorRef]

    @property
    def method(self) -> str:
        """PEFT's name for its kind, `LORA`."""
        return str(self.settings.get("peft_type") or say("of no stated kind"))

    @property
    def base(self) -> str | None:
        """The base model's name or path, as the adapter states it."""
        name = self.settings.get("base_model_name_or_path")
        return name if isinstance(name, str) and name else None

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What it does to vocabulary tables."""
        brings = any(".base_layer." in name and role_of_name(name) for name in self.tensors)
        return find_changes(self.tensors, self.settings, own_base=brings)

    @property
    def words(self) -> str:
        """What it is and what it does to vocabulary tables."""
        stored = [name for name in self.tensors if role_of_name(name) is not None]
        parts = [say("{name}: {said}", name=change.stem, said=change.words) for change in self.changes]
        parts += [say("{name} stored whole", name=name) for name in stored]
        does = joined("; ", parts) if parts else say("it changes no vocabulary table")
        if not self.base:
            return say("a PEFT adapter ({method}); {does}", method=self.method, does=does)
        return say(
            "a PEFT adapter ({method}) of {base!r}; {does}", method=self.method, base=self.base, does=does
        )


def read_adapter(folder: Folder, tensors: Mapping[str, TensorRef]) -> tuple[Adapter, tuple[Skip, ...]]:
    """The adapter of a folder whose weights `tensors` are, and why its config was not read."""
    settings, skipped = read_config(folder, CONFIG, required=True)
    return Adapter(settings or {}, tensors), skipped
