"""How tokenizers spell bytes in their vocabulary files, and how tokens are shown to people."""

from __future__ import annotations

import re
from functools import cache

from rowscope.inspector.text import visible

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


@cache
def byte_alphabet() -> dict[str, int]:
    """Character -> byte of the GPT-2 alphabet.

    Printable Latin-1 characters stand for themselves; the other 68 bytes, in order, take the code points
    from U+0100 on (OpenAI's GPT-2 encoder, `bytes_to_unicode`).
    """
    themselves = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in themselves}
    others = [byte for byte in range(0x100) if chr(byte) not in alphabet]
    alphabet.update({chr(0x100 + place): byte for place, byte in enumerate(others)})
    return alphabet


def byte_level_bytes(token: str) -> bytes | None:
    """The bytes that a token in the GPT-2 alphabet stands for; None where a character is not in it."""
    if token.isascii() and token.isprintable() and " " not in token:
        return token.encode()  # these stand for themselves
    try:
        return token.translate(_bytes_of_characters()).encode("latin-1")
    except UnicodeEncodeError:
        return None


def byte_level_raw(token: str) -> bytes:
    """The same; its own UTF-8 for a token that is not in the alphabet, as the library's decoder has it."""
    raw = byte_level_bytes(token)
    return token.encode("utf-8", "surrogatepass") if raw is None else raw


def byte_level_text(token: str) -> str:
    """The token's text, or the token itself where its bytes are no valid UTF-8."""
    raw = byte_level_bytes(token)
    try:
        return token if raw is None else raw.decode()
    except UnicodeDecodeError:
        return token


def byte_level_spelling(raw: bytes) -> str:
    """Bytes -> token in the GPT-2 alphabet, which can spell every byte string."""
    return raw.decode("latin-1").translate(_code_points())


@cache
def _bytes_of_characters() -> dict[int, int]:
    """Code point -> byte; Latin-1 characters outside the alphabet become one that Latin-1 has not."""
    outside = {code: 0xFFFF for code in range(0x100) if chr(code) not in byte_alphabet()}
    return outside | {ord(character): byte for character, byte in byte_alphabet().items()}


@cache
def _code_points() -> dict[int, int]:
    return {byte: ord(character) for character, byte in byte_alphabet().items()}


def byte_token(token: str) -> int | None:
    """The byte that a byte-fallback token spells: `<0xF5>` is 245; None for any other token."""
    match = _BYTE_TOKEN.fullmatch(token)
    return int(match[1], 16) if match else None


def shown_token(token: str | None, text: str | None) -> str:
    """A token for people: its text with blanks as `␣` and all that hides or acts as an escape.

    What is no valid UTF-8 shows as its bytes, `<0xE4 0xBB>`; a WordPiece continuation keeps its `##`, which
    alone tells it from a word, and a byte-fallback token its `<0x21>`, which tells it from `!`; what stands
    for no text at all shows as it is stored; `-` for no token.
    A backslash of the token itself is doubled, as in Python's own spelling. A second `visible` changes
    nothing.

    Args:
        token: as stored, None for an id without one.
        text: what it stands for, as `Vocabulary.text` says.
    """
    if token is None:
        return "-"
    if text is None:
        raw = byte_level_bytes(token.removesuffix("</w>"))
        if raw is None or byte_token(token) is not None:
            return visible(token)
        return f"<{' '.join(f'0x{byte:02X}' for byte in raw)}>"
    if not text or token == f"##{text}" or byte_token(token) is not None:
        text = token
    return visible(text.replace("\\", "\\\\")).replace(" ", "␣")


def quoted_token(token: str | None, text: str | None) -> str:
    """`shown_token` between quotes, for sentences."""
    shown = shown_token(token, text)
    return f'"{shown}"' if "'" in shown else f"'{shown}'"
