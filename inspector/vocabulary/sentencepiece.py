"""sentencepiece models: the protobuf message `ModelProto`, read without protobuf or sentencepiece.

Only what names and numbers the pieces is read: field 1 of the message, `pieces`, each with its text (1) and
type (3), and of field 2, `trainer_spec`, the model type (3) and the ids of the unknown, begin, end and
padding pieces (40 to 43). The wire format is a sequence of tagged fields:
a varint `number << 3 | type`, then a varint (type 0), 8 bytes (1), a length and as many bytes (2), or
4 bytes (5).
"""

from __future__ import annotations

from collections.abc import Iterator

from rowscope.inspector.errors import TokenizerError
from rowscope.inspector.vocabulary.base import Base, base_from_list
from rowscope.inspector.vocabulary.limits import MOST_ENTRIES
from rowscope.inspector.vocabulary.model import AddedToken

NAMES = (
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "sentencepiece.model",
)
_CONTROL, _USER_DEFINED, _BYTE = 3, 4, 6
_MODEL_TYPE = 3
_ROLES = {40: ("unk", 0), 41: ("bos", 1), 42: ("eos", 2), 43: ("pad", -1)}
"""Field of the trainer's specification -> role and the id that sentencepiece assumes."""
_MORE_FIELDS = 64
"""Fields of a piece, which has three, and of the model beside its pieces."""
_MODELS = {1: "Unigram", 2: "BPE", 3: "Word", 4: "Char"}


def looks_like_sentencepiece(data: bytes) -> bool:
    """A model starts with its first piece: the tag of field 1 with a length."""
    return data[:1] == b"\x0a"


def read_sentencepiece(data: bytes, name: str, notes: list[str]) -> Base:
    """Pieces in the order of their ids; control and user-defined ones are listed as added tokens.

    Raises:
        TokenizerError: broken wire format, or a piece that is not UTF-8.
    """
    try:
        pieces, types, spec = _read_model(memoryview(data))
    except (IndexError, ValueError) as error:
        raise TokenizerError(
            f"{name} is not a complete sentencepiece model: {error}; download the file again", location=name
        ) from error
    base = base_from_list(f"sentencepiece/{_MODELS.get(spec.get(_MODEL_TYPE, 1), 'Unigram')}", pieces, notes)
    base.added = [
        AddedToken(id, piece, special=types[id] == _CONTROL)
        for id, piece in enumerate(pieces)
        if types[id] in (_CONTROL, _USER_DEFINED)
    ]
    for field, (role, assumed) in _ROLES.items():
        id = spec.get(field, assumed)
        if 0 <= id < len(pieces):
            base.roles[role] = pieces[id]
    base.byte_fallback = _BYTE in types
    base.metaspace = True
    return base


def _read_model(data: memoryview) -> tuple[list[str], list[int], dict[int, int]]:
    """Texts and types of the pieces, and the numbers of the trainer's specification by field."""
    pieces: list[str] = []
    types: list[int] = []
    spec: dict[int, int] = {}
    for number, value in fields(data, MOST_ENTRIES + _MORE_FIELDS):
        if number == 1 and isinstance(value, memoryview):
            text, type = _piece(value)
            pieces.append(text)
            types.append(type)
        elif number == 2 and isinstance(value, memoryview):
            spec |= {n: v for n, v in fields(value, MOST_ENTRIES) if isinstance(v, int)}
    return pieces, types, spec


def _piece(data: memoryview) -> tuple[str, int]:
    text, type = "", 1
    for number, value in fields(data, _MORE_FIELDS):
        if number == 1 and isinstance(value, memoryview):
            text = str(value, "utf-8")
        elif number == 3 and isinstance(value, int):
            type = value
    return text, type


def fields(data: memoryview, most: int) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of a protobuf message; fixed-width values are given as their bytes.

    Raises:
        ValueError: a field runs past the end, or has a wire type that no field has; more than `most` fields.
        IndexError: a varint runs past the end.
    """
    at, end = 0, len(data)
    while at < end:
        if most == 0:
            raise ValueError(f"its message before byte {at} has more fields than any known model's")
        most -= 1
        tag = data[at]
        at += 1
        if tag >= 0x80:
            tag, at = _varint(data, at - 1)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size = data[at]
            at += 1
            if size >= 0x80:
                size, at = _varint(data, at - 1)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"unknown wire type {kind} at byte {at - 1}")
        if size > end - at:
            raise ValueError(f"a field of {size:,} bytes at byte {at} runs past the end")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError(f"a number of more than 64 bits at byte {at}")
