"""How tokenizers spell bytes in their vocabulary files."""

from __future__ import annotations

import re
from functools import cache

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
    alphabet = byte_alphabet()
    try:
        return bytes([alphabet[character] for character in token])
    except KeyError:
        return None


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
def _code_points() -> dict[int, int]:
    return {byte: ord(character) for character, byte in byte_alphabet().items()}


def byte_token(token: str) -> int | None:
    """The byte that a byte-fallback token spells: `<0xF5>` is 245; None for any other token."""
    match = _BYTE_TOKEN.fullmatch(token)
    return int(match[1], 16) if match else None
