"""Tensors beside a table that may change its values: none of them may be left unread.

A scale that nobody multiplied with makes numbers that look right. So a table is refused where something
stands beside it that its reader neither used nor knows to be of no account for the stored values.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed
from rowscope.inspector.matrices.packed.shapes import refused

_HARMLESS: Final = frozenset(
    {
        "weight",
        "bias",
        # of what goes in or comes out of the layer
        "input_scale",
        "input_scale_ub",
        "input_zero_point",
        "input_global_scale",
        "input_activation_scale",
        "activation_scale",
        "scale_input",
        "output_scale",
        "output_zero_point",
        "output_activation_scale",
        "input_min",
        "input_max",
        "output_min",
        "output_max",
        "q_scale",
        "k_scale",
        "v_scale",
        # shapes and kinds, which the readers ask for by name
        "weight_shape",
        "weight_format",
        "comfy_quant",
        "_extra_state",
        "weight.nested_quant_map",
    }
)
_HARMLESS_BEGINNINGS: Final = ("weight.quant_state.", "lora_")
_ORDER: Final = ("g_idx", "weight_g_idx")
"""The group of each column: of no account where a scale is of the whole row."""

_SHARD: Final = re.compile(r"-(\d+)-of-(?P<count>\d+)\.safetensors$")
_NARROW: Final = ("F8_", "F6_", "F4")


def all_read(packed: Packed, beside: Beside) -> Packed:
    """The table as it is, or refused because of a tensor beside it that was not read."""
    if packed.trouble is not None:
        return packed
    used = {ref.name for ref in packed.tensors}
    used |= {part.nested.map.name for _, part in packed.scale if part.nested is not None}
    for name in _beside(beside):
        leaf = name[len(beside.stem) + 1 :]
        if name not in used and not _harmless(leaf, packed):
            where = "is in a file that is not there" if name in beside.absent else "stands beside it"
            return refused(packed, f"{name!r} {where}, and what it does to {beside.main.name!r} is not known")
    return packed


def _harmless(leaf: str, packed: Packed) -> bool:
    known = leaf in _HARMLESS or leaf.startswith(_HARMLESS_BEGINNINGS)
    return known or (leaf in _ORDER and packed.group is None)


def _beside(beside: Beside) -> list[str]:
    """Names directly under the table's, those of missing files among them."""
    start = beside.stem + "."
    names: Collection[str] = (*beside.tensors, *beside.absent)
    leaves = {name: name[len(start) :].removeprefix("weight.") for name in names if name.startswith(start)}
    return [name for name, leaf in leaves.items() if "." not in leaf or leaf.startswith("quant_state.")]


def unscaled(beside: Beside) -> Packed | None:
    """Why a table of small floats that no reader knew may not be plain values; None where nothing says so."""
    main = beside.main
    if not main.dtype.startswith(_NARROW) or len(main.shape) != 2:
        return None
    bare = Packed(main.dtype.lower(), f"{main.dtype} elements", 0, *main.shape)
    others = all_read(bare, beside)
    if others.trouble is not None:
        return others
    if any(True for _ in beside.settings):
        return refused(bare, f"the config speaks of a quantisation, and {main.name!r} has no scale beside it")
    files = {ref.shard.name for ref in beside.tensors.values()}
    shard = _SHARD.search(next(iter(files))) if len(files) == 1 else None
    if shard is not None and int(shard["count"]) > 1:
        return refused(
            bare, f"{main.name!r} is in one of {int(shard['count'])} files, its scale may be in another"
        )
    return None
