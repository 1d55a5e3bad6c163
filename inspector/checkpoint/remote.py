"""A URL as PATH -> the folder, file or index that it means."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

from rowscope.inspector.checkpoint.claim_record import CLAIM_RECORD
from rowscope.inspector.checkpoint.foreign import conversion
from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.storage import Folder, Probe, RemoteOptions, open_remote

_FIRST: Final = 1 << 16
_SETTINGS: Final = 1 << 18  # text with a template or hundreds of tokens in it: whole, with few exceptions
_LATER: Final = 1  # large, and not read by all commands: its size is enough

_WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")
_TOKENIZER: Final = ("tokenizer.json",)

KNOWN: Final[Mapping[str, Probe]] = {
    "model.safetensors": Probe(_FIRST),
    "model.safetensors.index.json": Probe(_SETTINGS),
    "adapter_model.safetensors": Probe(_FIRST, _WEIGHTS),
    "consolidated.safetensors": Probe(_FIRST, _WEIGHTS),
    "consolidated.safetensors.index.json": Probe(_SETTINGS, _WEIGHTS),
    "config.json": Probe(_FIRST),
    "generation_config.json": Probe(_FIRST),
    "adapter_config.json": Probe(_FIRST, _WEIGHTS),
    "params.json": Probe(_FIRST, _WEIGHTS),
    "modules.json": Probe(_FIRST, _WEIGHTS),
    "model_index.json": Probe(_FIRST, _WEIGHTS),
    CLAIM_RECORD: Probe(_FIRST),
    "tokenizer_config.json": Probe(_SETTINGS),
    "special_tokens_map.json": Probe(_FIRST),
    "added_tokens.json": Probe(_FIRST),
    "chat_template.jinja": Probe(_FIRST),
    "chat_template.json": Probe(_FIRST),
    "tokenizer.json": Probe(_LATER),
    "tekken.json": Probe(_LATER, _TOKENIZER),
    "vocab.json": Probe(_LATER, _TOKENIZER),
    "vocab.txt": Probe(_LATER, _TOKENIZER),
    "tokenizer.model": Probe(_LATER, _TOKENIZER),
    "spiece.model": Probe(_LATER, _TOKENIZER),
    "sentencepiece.model": Probe(_LATER, _TOKENIZER),
    "sentencepiece.bpe.model": Probe(_LATER, _TOKENIZER),
    "spm.model": Probe(_LATER, _TOKENIZER),
    "tiktoken.model": Probe(_LATER, _TOKENIZER),
    "qwen.tiktoken": Probe(_LATER, _TOKENIZER),
}
"""Names to ask for where a folder cannot be listed.

Where one of the names is there that outrank another, that other one decides nothing: `choose_weights` and
`read_folder` take the first of their lists. All the same it is asked for where notes are shown that name it.
"""


def remote_folder(url: str, options: RemoteOptions, files: tuple[str, ...]) -> tuple[Folder, str]:
    """The folder that a URL names, or that holds the file it names, and the file's name or nothing.

    Args:
        files: how names of files end that a URL may name.

    Raises:
        CheckpointError: a file of another kind, by its name.
        CheckpointError, MissingExtraError, RemoteError: see `open_remote`.
    """
    address, mark, query = url.partition("?")
    folder, name = posixpath.split(address)
    if address.endswith(files):
        return open_remote(f"{folder}/{mark}{query}", KNOWN, options), name
    found = open_remote(url, KNOWN, options)
    location = found.location
    repository = location.startswith("hf://") and location.count("/") == 3  # its name may end in anything
    if posixpath.basename(location) == name and not repository:
        _require_folder(location, name)
    return found, ""


def _require_folder(location: str, name: str) -> None:
    """Refuse what is a file by its name, and no safetensors file."""
    advice = conversion(posixpath.splitext(name)[1])
    if name in KNOWN or advice is not None:
        step = advice or f"give the address of its folder, {posixpath.dirname(location)}/"
        raise CheckpointError(f"{location!r} is no safetensors file; {step}", location=location)
