"""Folders within folders: where a bundle keeps its model, and where a model's tokenizer files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint.listing import names_in
from rowscope.inspector.checkpoint.locate import Location
from rowscope.inspector.checkpoint.nothing import STEP, SUFFIX
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.storage import read_json

_LIMIT: Final = 1 << 20
_TOKENIZERS: Final = ("tokenizer", "vocab", "tekken", "spiece", "sentencepiece", "merges")


def inside(location: Location) -> Location:
    """The folder within a bundle that holds the weights, or the location as it is."""
    inner = module_folder(location.path) if location.kind == "folder" else None
    if inner is None:
        return location
    note = f"weights read from {inner.name}, the module that modules.json names"
    return Location("folder", inner, (*location.notes, note))


def module_folder(folder: Path) -> Path | None:
    """The module of a sentence-transformers bundle that holds weights; None where the folder has its own.

    `modules.json` lists the modules in order; the first with weights embeds the tokens.
    """
    listed = folder / "modules.json"
    if not listed.is_file() or any(name.endswith(SUFFIX) for name in names_in(folder)):
        return None
    try:
        modules = read_json(listed, _LIMIT)
    except CheckpointError:
        return None
    for module in modules if isinstance(modules, list) else ():
        name = module.get("path") if isinstance(module, dict) else None
        if not isinstance(name, str) or not name or "/" in name or name in (".", ".."):
            continue
        inner = folder / name
        if inner.is_dir() and any(entry.endswith(SUFFIX) for entry in names_in(inner)):
            return inner
    return None


def tokenizer_folder(root: Path) -> tuple[Path, str | None]:
    """Where the tokenizer files of a model are, and a note where that is not beside the weights.

    Looked for elsewhere where the folder has none: in `../tokenizer` (`../tokenizer_2` for `text_encoder_2`)
    of a diffusers pipeline, above a module of a sentence-transformers bundle, above a step of a training run.
    """
    if _has_tokenizer(root):
        return root, None
    outer = root.absolute().parent
    if (outer / "model_index.json").is_file() and root.name.startswith("text_encoder"):
        found = outer / root.name.replace("text_encoder", "tokenizer", 1)
        if found.is_dir() and _has_tokenizer(found):
            return found, f"tokenizer files read from {found}, its place in a diffusers pipeline"
    bundled = (outer / "modules.json").is_file()
    if (bundled or STEP.fullmatch(root.name)) and _has_tokenizer(outer):
        return outer, f"tokenizer files read from {outer}, the folder above: {root.name!r} has none"
    return root, None


def _has_tokenizer(folder: Path) -> bool:
    return folder.is_dir() and any(name.startswith(_TOKENIZERS) for name in names_in(folder))
