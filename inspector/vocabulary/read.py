"""A folder -> its Vocabulary: which files there are, and which of them transformers would take."""

from __future__ import annotations

from pathlib import Path

from rowscope.inspector.vocabulary.assemble import assemble
from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.chat import read_chat_templates
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.model import Vocabulary
from rowscope.inspector.vocabulary.settings import read_settings
from rowscope.inspector.vocabulary.tokenizer_json import NAME as TOKENIZER_JSON
from rowscope.inspector.vocabulary.tokenizer_json import read_tokenizer_json
from rowscope.inspector.vocabulary.vocab_txt import NAME as VOCAB_TXT
from rowscope.inspector.vocabulary.vocab_txt import read_vocab_txt


def read_vocabulary(root: Path) -> Vocabulary | None:
    """Read the tokenizer files of a checkpoint's folder.

    Args:
        root: the folder.

    Returns:
        The vocabulary, or None where the folder has no file that holds one.

    Raises:
        TokenizerError: files that are there but cannot be read; the message quotes what and where.
    """
    folder = TokenizerFolder(root)
    base = _base(folder)
    if base is None:
        return None
    settings = read_settings(folder)
    return assemble(folder, base, settings, read_chat_templates(folder, settings.config))


def _base(folder: TokenizerFolder) -> Base | None:
    if folder.has(TOKENIZER_JSON):
        return read_tokenizer_json(folder)
    if folder.has(VOCAB_TXT):
        return read_vocab_txt(folder)
    return None
