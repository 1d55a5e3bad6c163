"""A folder -> its Vocabulary: which files there are, and which of them transformers would take."""

from __future__ import annotations

import re

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.storage import Folder
from rowscope.inspector.text import joined, say
from rowscope.inspector.vocabulary.assemble import assemble
from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.chat import TEMPLATE_FILES, read_chat_templates
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.limits import MOST_BYTES, MOST_PARSED
from rowscope.inspector.vocabulary.model import Vocabulary
from rowscope.inspector.vocabulary.settings import (
    SETTINGS_FILES,
    SettingsFiles,
    merge_settings,
    read_settings_files,
)
from rowscope.inspector.vocabulary.tokenizer_json import read_tokenizer_json

# In the order in which they count; within a pattern the highest version counts.
_PATTERNS = (
    re.compile(r"tokenizer\.json"),
    re.compile(r"tekken\.json|.*tekken.*\.json"),
    re.compile(r"vocab\.json"),
    re.compile(r"vocab\.txt"),
    re.compile(r"tokenizer\.model|spiece\.model|sentencepiece(\.bpe)?\.model|spm\.model"),
    re.compile(r"tiktoken\.model|.*\.tiktoken"),
    re.compile(r".*\.model(\.v\d+(m\d+)?)?"),
)
_VERSIONED = re.compile(r"tokenizer\.(\d[\d.]*)\.json")


def expect_vocabulary(folder: Folder) -> None:
    """Say that the tokenizer files will be read soon: from a remote place they are fetched meanwhile."""
    if folder.traffic is None:
        return
    files = TokenizerFolder(folder)
    beside = [name for name in SETTINGS_FILES + TEMPLATE_FILES if files.has(name)]
    folder.expect(dict.fromkeys([*_vocabulary_files(files)[:1], *beside], MOST_BYTES))


def read_vocabulary(folder: Folder) -> Vocabulary | None:
    """Read the tokenizer files of a checkpoint's folder.

    Of several formats side by side the first counts: tokenizer.json, tekken.json, vocab.json, vocab.txt,
    sentencepiece, tiktoken; a note names the others.

    Args:
        folder: where they are.

    Returns:
        The vocabulary, or None where the folder has no file that holds one.

    Raises:
        TokenizerError: files that are there but cannot be read; the message quotes what and where.
    """
    expect_vocabulary(folder)
    return read_folder(TokenizerFolder(folder))


def read_folder(folder: TokenizerFolder) -> Vocabulary | None:
    """Like `read_vocabulary`, for a folder whose files may have been changed in memory."""
    found = _vocabulary_files(folder)
    if not found:
        return None
    files = read_settings_files(folder)
    name = _versioned(folder, files.config) or found[0]
    base = _base(folder, name, files)
    if found[1:]:
        others = joined(", ", found[1:])
        folder.notes.append(say("not read, since {file} goes first: {others}", file=name, others=others))
    # transformers takes a byte-level tokenizer.json as it is, whatever Llama's class would assume.
    byte_level_llama = files.tokenizer_class == "LlamaTokenizer" and base.byte_level
    tokenizer_class = None if byte_level_llama else files.tokenizer_class
    settings = merge_settings(files, tokenizer_class, base.roles, folder.notes)
    if base.kind == "tiktoken":
        from rowscope.inspector.vocabulary.tiktoken import fill_gaps

        base.added = fill_gaps(base, settings.listed, folder.notes)
    _note_code(files, name, folder.notes)
    return assemble(folder, base, settings, read_chat_templates(folder, files.config))


def _vocabulary_files(folder: TokenizerFolder) -> list[str]:
    names = folder.names()
    found = []
    for pattern in _PATTERNS:
        matches = [name for name in names if pattern.fullmatch(name) and name not in found]
        found += sorted(matches, key=_version, reverse=True)
    return found


def _version(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", name)]


def _versioned(folder: TokenizerFolder, config: dict[str, object]) -> str | None:
    """The newest of the tokenizer files that `fast_tokenizer_files` lists for versions of transformers."""
    listed = config.get("fast_tokenizer_files")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    present = [name for name in names if _VERSIONED.fullmatch(name) and folder.has(name)]
    return max(present, key=_version, default=None)


def _base(folder: TokenizerFolder, name: str, files: SettingsFiles) -> Base:
    # Readers are imported where their format is met: most checkpoints have tokenizer.json.
    if name == "vocab.json":
        from rowscope.inspector.vocabulary.vocab_json import read_vocab_json

        return read_vocab_json(folder, files.tokenizer_class)
    if name.endswith(".json") and "tekken" in name:
        from rowscope.inspector.vocabulary.tekken import read_tekken

        return read_tekken(folder, name)
    if name.endswith(".json"):
        return read_tokenizer_json(folder, name)
    if name == "vocab.txt":
        from rowscope.inspector.vocabulary.vocab_txt import read_vocab_txt

        return read_vocab_txt(folder, files.tokenizer_class)
    return _binary(folder, name, files)


def _binary(folder: TokenizerFolder, name: str, files: SettingsFiles) -> Base:
    from rowscope.inspector.vocabulary.layout import arrange
    from rowscope.inspector.vocabulary.sentencepiece import looks_like_sentencepiece, read_sentencepiece
    from rowscope.inspector.vocabulary.tiktoken import looks_like_tiktoken, read_tiktoken

    data = folder.read_bytes(name, MOST_PARSED)
    if looks_like_sentencepiece(data):
        pieces = read_sentencepiece(data, name, folder.notes)
        return arrange(pieces, files.tokenizer_class, files.config, folder.notes)
    if looks_like_tiktoken(data):
        return read_tiktoken(data, name, folder.notes)
    raise TokenizerError(
        f"{name} is neither a sentencepiece model nor a tiktoken file: it starts with {data[:16]!r}; "
        "download it again (a Git LFS pointer is not the file itself)",
        location=name,
    )


def _note_code(files: SettingsFiles, name: str, notes: list[str]) -> None:
    """A tokenizer that comes as Python code may define special tokens that no file lists."""
    own_code = files.config.get("auto_map")
    if own_code and not name.endswith(".json"):
        notes.append(
            say(
                "the tokenizer comes with Python code of its own, which is not run: special tokens that only "
                "the code defines are missing from {file}",
                file=name,
            )
        )
