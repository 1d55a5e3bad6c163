"""A URL as PATH -> the folder, file or index that it means."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

from rowscope.inspector.checkpoint.claim_record import CLAIM_RECORD
from rowscope.inspector.storage import Folder, RemoteOptions, open_remote

_FIRST: Final = 1 << 16
_LATER: Final = 1  # large, and not read by all commands: its size is enough

KNOWN: Final[Mapping[str, int]] = {
    "model.safetensors": _FIRST,
    "model.safetensors.index.json": _FIRST,
    "adapter_model.safetensors": _FIRST,
    "consolidated.safetensors": _FIRST,
    "consolidated.safetensors.index.json": _FIRST,
    "config.json": _FIRST,
    "generation_config.json": _FIRST,
    "adapter_config.json": _FIRST,
    "params.json": _FIRST,
    "modules.json": _FIRST,
    "model_index.json": _FIRST,
    CLAIM_RECORD: _FIRST,
    "tokenizer_config.json": _LATER,
    "special_tokens_map.json": _LATER,
    "added_tokens.json": _LATER,
    "chat_template.jinja": _LATER,
    "chat_template.json": _LATER,
    "tokenizer.json": _LATER,
    "tekken.json": _LATER,
    "vocab.json": _LATER,
    "vocab.txt": _LATER,
    "tokenizer.model": _LATER,
    "spiece.model": _LATER,
    "sentencepiece.bpe.model": _LATER,
    "spm.model": _LATER,
    "tiktoken.model": _LATER,
    "qwen.tiktoken": _LATER,
}
"""Names to ask for where a folder cannot be listed, and how many bytes of each to fetch at once."""


def remote_folder(url: str, options: RemoteOptions, files: tuple[str, ...]) -> tuple[Folder, str]:
    """The folder that a URL names, or that holds the file it names, and the file's name or nothing.

    Args:
        files: how names of files end that a URL may name.

    Raises:
        CheckpointError, MissingExtraError, RemoteError: see `open_remote`.
    """
    address, mark, query = url.partition("?")
    if not address.endswith(files):
        return open_remote(url, KNOWN, options), ""
    folder, name = posixpath.split(address)
    return open_remote(f"{folder}/{mark}{query}", KNOWN, options), name
