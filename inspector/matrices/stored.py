"""In which form a table is stored: what may stand in a tensor's name where the plain layout has `.weight`.

A table `X` that is wrapped by a training library or packed by a quantiser is still the table `X`: the names
below lead back to it. Nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import INPUT_NAMES, OUTPUT_NAMES

Axis = Literal["rows", "columns", "tiles", "flat"]

TILE = 16
"""Rows and columns of one tile of a trellis (turboderp-org/exllamav3, `modules/quant/exl3.py`)."""


class StoredForm(NamedTuple):
    """One way to store a table.

    Attributes:
        suffix: what follows the table's name.
        writer: the library that writes it.
        axis: where the vocabulary is: along the "rows" or the "columns" of the tensor, along the second
            axis in "tiles" of 16, or "flat" (rows follow each other; the shape does not tell them apart).
        packed: whether the elements are no row values but codes for them.
    """

    suffix: str
    writer: str
    axis: Axis = "rows"
    packed: bool = True


PLAIN = StoredForm(".weight", "plain", packed=False)

# Sources: the quantisers' own; where a table has several, the first of this list is the one to read.
FORMS: tuple[StoredForm, ...] = (
    PLAIN,
    StoredForm(".weight_packed", "compressed-tensors"),
    StoredForm(".qweight", "GPTQ or AWQ", "columns"),
    StoredForm("._weight_qdata", "torchao"),
    StoredForm(".weight._data", "optimum-quanto"),
    StoredForm(".embedding_quantized", "Gemma, quantised by transformers"),
    StoredForm(".q_weight", "EXL2", "columns"),
    StoredForm(".trellis", "EXL3", "tiles"),
    StoredForm(".W_q", "HQQ", "flat"),
    StoredForm(".codes", "AQLM"),
    StoredForm(".Qidxs", "QuIP#"),
)

# The side tensor of bitsandbytes' 4-bit kinds: beside it `.weight` holds two elements a byte, in one column.
FLAT_SIDES: tuple[str, ...] = (
    ".weight.quant_state.bitsandbytes__nf4",
    ".weight.quant_state.bitsandbytes__fp4",
)

# Modules that training libraries put between a table and its name; a table may stand in several. The number
# is the order in which loaders would take them: what was trained before what it replaces.
WRAPPERS: dict[str, int] = {
    "base_layer": 2,
    "token_adapter": 0,
    "original_module": 3,
    "_orig_mod": 0,
    "_fsdp_wrapped_module": 0,
    "_checkpoint_wrapped_module": 0,
}
_SAVED = "modules_to_save"  # followed by the adapter's name
_HIDDEN = (*WRAPPERS, _SAVED)
_BY_LEAF = {form.suffix.rpartition(".")[2]: form for form in FORMS}


class StoredTable(NamedTuple):
    """A tensor that holds a table: which, in which form, how far behind others of the same table."""

    plain: str
    ref: TensorRef
    form: StoredForm
    rank: int


def as_table(ref: TensorRef) -> StoredTable | None:
    """The table that a tensor may be, under the name that the plain layout would give it; None for others.

    A name without a dot is kept as it is: `embeddings` is the whole name of a table of model2vec.
    """
    found = _plain(ref.name)
    return None if found is None else StoredTable(found[0], ref, found[1], found[2])


_SURE = tuple(rule.suffix for rule in (*INPUT_NAMES, *OUTPUT_NAMES) if not rule.weak)


def role_of_name(name: str) -> Literal["input", "output"] | None:
    """The role that a tensor of this name, in whatever form, surely has; None for ambiguous names."""
    found = _plain(name)
    if found is None or not found[0].endswith(_SURE):  # an index may name a million tensors
        return None
    for role, rules in (("input", INPUT_NAMES), ("output", OUTPUT_NAMES)):
        for rule in rules:
            if not rule.weak and (found[0] == rule.suffix or found[0].endswith("." + rule.suffix)):
                return "input" if role == "input" else "output"
    return None


def plain_name(name: str) -> str | None:
    """The name that the plain layout gives the table that a tensor of this name may be; None for others."""
    found = _plain(name)
    return None if found is None else found[0]


def _plain(name: str) -> tuple[str, StoredForm, int] | None:
    _, dot, leaf = name.rpartition(".")
    if not dot:
        return name, PLAIN, 0
    form = _BY_LEAF.get(leaf)
    if form is None or not name.endswith(form.suffix):
        return None
    stem = name[: -len(form.suffix)]
    rank = 1 if form is PLAIN else 10 + FORMS.index(form)
    if any(part in stem for part in _HIDDEN):
        stem, rank = _unwrapped(stem, rank)
    return stem + PLAIN.suffix, form, rank


def _unwrapped(stem: str, rank: int) -> tuple[str, int]:
    kept: list[str] = []
    parts = iter(stem.split("."))
    for part in parts:
        if part == _SAVED:
            next(parts, None)  # the adapter's name
            rank -= 1
        elif part in WRAPPERS:
            rank += WRAPPERS[part]
        else:
            kept.append(part)
    return ".".join(kept), rank


def in_unknown_form(stems: Iterable[str], tensors: Iterable[TensorRef]) -> StoredTable | None:
    """The largest tensor of whole numbers directly under one of the `stems`: a table that somebody packed.

    Who packs a table in a way that is not in `FORMS` keeps its name and stores integers; adapters, which
    hang other tensors under the same name, store floats.
    """
    found: dict[str, list[TensorRef]] = {stem: [] for stem in stems}
    for ref in tensors:
        stem, _, leaf = ref.name.rpartition(".")
        if leaf == "bias" or not ref.dtype.startswith(("U", "I")) or len(ref.shape) < 2:
            continue
        for wanted in found:
            if stem.removesuffix(".weight") == wanted or stem.endswith("." + wanted):
                found[wanted].append(ref)
    for stem, refs in found.items():
        if refs:
            best = max(refs, key=lambda ref: ref.nbytes)
            form = StoredForm("." + best.name.rpartition(".")[2], "a library that rowscope does not know")
            return StoredTable(stem + PLAIN.suffix, best, form, 99)
    return None


def table_size(ref: TensorRef, form: StoredForm, vocab: int | None, width: int | None) -> tuple[int, int]:
    """Rows and columns of the table, as far as shapes tell; 0 where nothing does.

    Args:
        vocab, width: what config or the other table say, for forms whose shape is that of a packing.
    """
    shape = ref.shape
    if form.axis == "tiles" and len(shape) == 3:
        return shape[1] * TILE, shape[0] * TILE
    if form.axis == "columns":
        return shape[-1], width or 0
    if form.axis == "flat":
        return vocab or 0, width or 0
    if form.packed:
        return shape[0], width or (shape[1] if len(shape) > 1 else 0)
    return shape[0], shape[1]
