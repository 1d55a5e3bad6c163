"""tiktoken files: one `base64 rank` line for each token."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.base import MAX_ID, Base, base_from_ids
from rowscope.inspector.vocabulary.limits import MOST_ENTRIES, require
from rowscope.inspector.vocabulary.model import AddedToken
from rowscope.inspector.vocabulary.spelling import byte_level_spelling

SUFFIX = ".tiktoken"
NAMES = ("tiktoken.model",)
_FIRST_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d{1,10}\s")
_MOST_FILLERS = 1 << 17


def looks_like_tiktoken(data: bytes) -> bool:
    return _FIRST_LINE.match(data) is not None


def read_tiktoken(data: bytes, name: str, notes: list[str]) -> Base:
    """Tokens in the GPT-2 alphabet by rank; the tokens of the regular vocabulary only, as in the file.

    Raises:
        TokenizerError: a line that is not a base64 text and a rank.
    """
    require(name, "lines", data.count(b"\n") + data.count(b"\r"), 2 * MOST_ENTRIES)
    ids: dict[str, int] = {}
    for place, line in enumerate(data.splitlines(), 1):
        if not line:
            continue
        try:
            encoded, rank = line.split()
            id = int(rank)
            ids[byte_level_spelling(b64decode(encoded, validate=True))] = id
        except (ValueError, Base64Error) as error:
            raise _bad_line(name, place, line) from error
        if not 0 <= id <= MAX_ID:
            raise _bad_line(name, place, line)
    base = base_from_ids("tiktoken", ids, notes)
    base.byte_level = True
    base.byte_fallback = False
    return base


def _bad_line(name: str, place: int, line: bytes) -> TokenizerError:
    shown = ascii(line[:40].decode("latin-1"))
    return TokenizerError(
        f"{name}, line {place}: {shown} is not a base64 token and its rank; download the file again",
        location=name,
    )


def fill_gaps(base: Base, listed: list[AddedToken], notes: list[str]) -> list[AddedToken]:
    """The listed added tokens with a `<|reserved_token_N|>` for every id between them that has none.

    transformers' tiktoken reader makes up these names, so that ids behind a gap stay what they are.
    """
    named = {token.id: token for token in listed}
    last = max(named, default=-1)
    if last < base.size:
        return listed
    if last - base.size > _MOST_FILLERS:
        notes.append(
            say(
                "added token ids reach {last:d}, far behind the {ranks:d} ranks; gaps are not filled",
                last=last,
                ranks=base.size,
            )
        )
        return listed
    return [named.get(id) or AddedToken(id, f"<|reserved_token_{id}|>") for id in range(base.size, last + 1)]
