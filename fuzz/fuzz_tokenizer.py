"""atheris target: tokenizer and settings files of any bytes, read into a vocabulary and put to use.

Input: byte 0 picks the file that the rest is written to; files that need another beside them get it.
No exception but RowscopeError may leave the reader, nor what works on the vocabulary that it returns.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    from rowscope.inspector.census.census import group_codes
    from rowscope.inspector.census.roles import roled_tokens
    from rowscope.inspector.errors import RowscopeError
    from rowscope.inspector.evidence import find_candidates
    from rowscope.inspector.storage.local import LocalFolder
    from rowscope.inspector.text.escape import visible
    from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

_BASE = '{"a": 0, "b": 1, "<s>": 2, "</s>": 3}'

# The file under test, and the vocabulary that has to stand beside it.
FILES = (
    ("tokenizer.json", None),
    ("vocab.json", None),
    ("vocab.txt", None),
    ("tokenizer.model", None),
    ("x.tiktoken", None),
    ("tekken.json", None),
    ("tokenizer_config.json", _BASE),
    ("special_tokens_map.json", _BASE),
    ("added_tokens.json", _BASE),
    ("chat_template.jinja", _BASE),
)

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-tokenizer-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def put_to_use(vocabulary: Vocabulary) -> None:
    """Everything that an audit does with a vocabulary."""
    codes = group_codes(64, vocabulary)
    find_candidates(codes, vocabulary)
    for token in roled_tokens(vocabulary, None, None):
        assert visible(token.token or "").isprintable()
    for id in list(vocabulary.tokens)[:50]:
        vocabulary.text(id)


def one_input(data: bytes) -> None:
    """Read one folder."""
    name, base = FILES[data[0] % len(FILES)] if data else FILES[0]
    path = _FOLDER / name
    path.write_bytes(data[1:])
    beside = _FOLDER / "vocab.json"
    if base is not None:
        beside.write_text(base)
    try:
        vocabulary = read_vocabulary(LocalFolder(_FOLDER))
        if vocabulary is not None:
            put_to_use(vocabulary)
    except RowscopeError as error:
        if not error.message:
            raise RuntimeError("an error without a message") from error
    finally:
        path.unlink()
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
