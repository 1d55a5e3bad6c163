"""Folders within folders: where a bundle keeps its model, and where a model's tokenizer files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rowscope.inspector.checkpoint.location import Location
from rowscope.inspector.checkpoint.nothing import STEP, SUFFIX
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.storage import File, Folder, read_json
from rowscope.inspector.text import say

_LIMIT: Final = 1 << 20
_TABLES: Final = (".StaticEmbedding", ".WordEmbeddings")
_TOKENIZERS: Final = ("tokenizer", "vocab", "tekken", "spiece", "sentencepiece", "merges")


def inside(location: Location) -> Location:
    """The folder within a bundle that holds the weights, or the location as it is."""
    inner = module_folder(location.folder) if location.kind == "folder" else None
    if inner is None:
        return location
    note = say("weights read from {inner}, the module that modules.json names", inner=inner)
    return Location("folder", location.folder.below(inner), notes=(*location.notes, note))


def module_folder(folder: Folder) -> str | None:
    """Name of the module of a sentence-transformers bundle that holds weights; None where the folder does.

    `modules.json` lists the modules in order; the first with weights embeds the tokens.
    """
    if any(name.endswith(SUFFIX) for name in folder.names()):
        return None
    for module in _modules(folder):
        name = module.get("path")
        if not isinstance(name, str) or not name or "/" in name or name in (".", ".."):
            continue
        if folder.kind(name) == "folder" and any(entry.endswith(SUFFIX) for entry in folder.names(name)):
            return name
    return None


def is_static_embedding(folder: Folder) -> bool:
    """Whether a folder is a sentence-transformers table with no model behind it, hence no config.json."""
    above = folder.above()
    kinds = [str(module.get("type", "")) for module in _modules(folder)]
    if not kinds and above is not None:
        outer, name = above
        routed = _object(outer, "router_config.json").get("types")
        kinds = [str(routed.get(name, ""))] if isinstance(routed, Mapping) and name in routed else []
        kinds = kinds or [str(module.get("type", "")) for module in _modules(outer)]
    return bool(kinds) and kinds[0].endswith(_TABLES)


def _object(folder: Folder, name: str) -> Mapping[str, Any]:
    """The object that a small file holds; an empty one where it cannot be used."""
    value = _json(folder, name)
    return value if isinstance(value, dict) else {}


def _modules(folder: Folder) -> list[Mapping[str, Any]]:
    """The modules that `modules.json` lists; none where it cannot be used."""
    modules = _json(folder, "modules.json")
    return [module for module in modules if isinstance(module, dict)] if isinstance(modules, list) else []


def _json(folder: Folder, name: str) -> Any:  # noqa: ANN401 - a JSON value
    """What a small file holds; None where it is not there or cannot be read."""
    if folder.kind(name) != "file":
        return None
    try:
        return read_json(File(folder, name), _LIMIT)
    except CheckpointError:
        return None


def tokenizer_folder(folder: Folder) -> tuple[Folder, str | None]:
    """Where the tokenizer files of a model are, and a note where that is not beside the weights.

    Looked for elsewhere where the folder has none: in `../tokenizer` (`../tokenizer_2` for `text_encoder_2`)
    of a diffusers pipeline, above a module of a sentence-transformers bundle, above a step of a training run.
    """
    above = folder.above()
    if above is None or has_tokenizer(folder):
        return folder, None
    outer, name = above
    if outer.kind("model_index.json") == "file" and name.startswith("text_encoder"):
        beside = name.replace("text_encoder", "tokenizer", 1)
        if outer.kind(beside) == "folder" and has_tokenizer(outer.below(beside)):
            note = say(
                "tokenizer files read from {folder}, its place in a diffusers pipeline",
                folder=outer.spell(beside),
            )
            return outer.below(beside), note
    bundled = outer.kind("modules.json") == "file"
    if (bundled or STEP.fullmatch(name)) and has_tokenizer(outer):
        note = say(
            "tokenizer files read from {folder}, the folder above: {name!r} has none",
            folder=outer.location,
            name=name,
        )
        return outer, note
    return folder, None


def has_tokenizer(folder: Folder) -> bool:
    """Whether a folder has files that look like a tokenizer's, by their names."""
    return any(name.startswith(_TOKENIZERS) for name in folder.names())
