"""What the first bytes of a file say that it is, where it is not what its name promises."""

from __future__ import annotations

import codecs
from typing import NamedTuple

SHOWN = 120
"""Characters of a text that a message quotes."""

_TAR_AT = 257  # where `ustar` stands (POSIX.1-1988, ustar header)
_PAGES = ("<!doctype html", "<html", "<head", "<?xml")
_AGAIN = "download the file again"


class Content(NamedTuple):
    """What a file is instead, and the next step."""

    what: str
    hint: str


# First bytes of formats that end up under another name, by downloads that unpack nothing or by mistake.
MAGICS: tuple[tuple[int, bytes, Content], ...] = (
    (0, b"version https://git-lfs", Content("a Git LFS pointer, not the file itself", "run 'git lfs pull'")),
    (
        0,
        b"PK\x03\x04",
        Content(
            "a zip archive, as torch.save writes it",
            "load it with torch and save_file the tensors, or unzip it",
        ),
    ),
    (0, b"GGUF", Content("a GGUF file", "convert it back, or audit the original checkpoint")),
    (0, b"\x1f\x8b", Content("compressed with gzip", "unpack it: gzip -dc FILE > OUT")),
    (0, b"\x28\xb5\x2f\xfd", Content("compressed with zstd", "unpack it: zstd -dc FILE > OUT")),
    (0, b"\xfd7zXZ\x00", Content("compressed with xz", "unpack it: xz -dc FILE > OUT")),
    (4, b"1AY&SY", Content("compressed with bzip2", "unpack it: bzip2 -dc FILE > OUT")),
    (0, b"\x04\x22\x4d\x18", Content("compressed with lz4", "unpack it: lz4 -dc FILE > OUT")),
    (0, b"7z\xbc\xaf\x27\x1c", Content("a 7-Zip archive", "unpack it: 7z x FILE")),
    (_TAR_AT, b"ustar", Content("a tar archive", "unpack it: tar -xf FILE")),
    (
        0,
        b"\x89HDF",
        Content("an HDF5 file, as Keras writes it", "load the model with its own library and save_file it"),
    ),
    (0, b"\x93NUMPY", Content("a numpy array", "numpy.load it and save_file the tensors")),
    (0, b"%PDF", Content("a PDF document", _AGAIN)),
    (0, b"\x80", Content("a pickle", "load it with torch and save_file the tensors")),
)


def unlike_tensors(first: bytes) -> Content | None:
    """What a file of tensors, or any file of bytes, is instead: another format, or text; None for neither.

    Args:
        first: the first bytes of the file, 512 or more where it has as many.
    """
    for at, magic, content in MAGICS:
        if first[at : at + len(magic)] == magic:
            return content
    return _text(first)


def unlike_text(first: bytes) -> Content | None:
    """What a file that should be text is instead: a pointer, an archive, a web page; None for other text."""
    for at, magic, content in MAGICS:
        if first[at : at + len(magic)] == magic:
            return content
    words = (_decoded(first[:512]) or "").lower()
    return _text(first) if words.startswith(_PAGES) else None


def _text(first: bytes) -> Content | None:
    words = _decoded(first[:512])
    if words is None:
        return None
    quoted = repr(" ".join(words.split())[:SHOWN])
    if words.startswith("<"):
        return Content(f"a web page or XML, {quoted}", f"the download went wrong, {_AGAIN}")
    if words.startswith(("{", "[")):
        hint = (
            f"if that is a server's answer, {_AGAIN}; if it is a header, the 8 bytes of its length are lost"
        )
        return Content(f"JSON text, {quoted}", hint)
    hint = f"that is what a server said in place of the file: {_AGAIN}, signed in where it asks for that"
    return Content(f"text, {quoted}", hint)


def _decoded(raw: bytes) -> str | None:
    """The text that bytes are, without a byte order mark and outer space; None where they are no text."""
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    # A character may be cut at the end of what was read.
    text = codecs.getincrementaldecoder(encoding)("strict")
    try:
        words = text.decode(raw).strip()
    except UnicodeDecodeError:
        return None
    plain = all(character.isprintable() or character in "\r\n\t\f" for character in words)
    return words if words and plain else None
