"""How a tokenizer's model spells text in its vocabulary, by its own decoder and pre-tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary.spelling import byte_level_raw, byte_level_spelling, byte_token


@record
class Step:
    """One thing that a decoder does to a token: a kind of `_APPLY`, and the texts that it works with."""

    kind: str
    old: str = ""
    new: str = ""


@record
class Alphabet:
    """What turns a stored token into the bytes that it stands for within a text: steps, in this order."""

    steps: tuple[Step, ...] = ()

    def raw(self, token: str) -> bytes:
        """The bytes of a token of the model's own vocabulary; they need not be valid UTF-8."""
        for step in self.steps:
            made = _APPLY[step.kind](token, step)
            if isinstance(made, str):
                token = made
                continue
            try:
                token = made.decode()
            except UnicodeDecodeError:
                return made
        return token.encode("utf-8", "surrogatepass")

    def text(self, token: str) -> str | None:
        """The same as text; None where the bytes are no valid UTF-8."""
        try:
            return self.raw(token).decode()
        except UnicodeDecodeError:
            return None


BYTE_LEVEL: Final = Step("byte-level")
BYTE_FALLBACK: Final = Step("byte-fallback")
METASPACE: Final = Step("replace", "▁", " ")
WORDPIECE: Final = Step("prefix", "##")


def alphabet_of_flags(*, byte_level: bool, byte_fallback: bool, metaspace: bool) -> Alphabet:
    """The alphabet of formats whose reader knows these three facts alone."""
    chosen = ((byte_fallback, BYTE_FALLBACK), (metaspace, METASPACE), (byte_level, BYTE_LEVEL))
    return Alphabet(tuple(step for given, step in chosen if given))


def alphabet_of(document: Mapping[str, object]) -> Alphabet:
    """The alphabet of a tokenizer.json: its decoder, then what the other parts say and it leaves out.

    A pre-tokenizer or normalizer that spells bytes did so to every token, whatever the decoder does. Without
    a decoder the pre-tokenizer's spelling of blanks counts, and the affixes of the model.
    """
    steps = list(_decoding(document.get("decoder")))
    encoding = [*parts_of(document.get("normalizer")), *parts_of(document.get("pre_tokenizer"))]
    if not steps:
        steps += [step for part in encoding for step in _blanks(part)]
    steps[:0] = [step for step in _affixes(document.get("model")) if step.kind not in {s.kind for s in steps}]
    if BYTE_LEVEL not in steps and any(part.get("type") == "ByteLevel" for part in encoding):
        steps.append(BYTE_LEVEL)
    return in_bytes(steps) if BYTE_LEVEL in steps else Alphabet(tuple(steps))


def in_bytes(steps: Iterable[Step]) -> Alphabet:
    """Steps of a byte-level alphabet, in which a blank that one of them puts in is spelt as well."""
    spelt = [replace(step, new=byte_level_spelling(b" ")) if step.new == " " else step for step in steps]
    return Alphabet((*(step for step in spelt if step != BYTE_LEVEL), BYTE_LEVEL))


def _blanks(part: Mapping[str, object]) -> Iterator[Step]:
    """What a pre-tokenizer or normalizer writes for a blank, taken back."""
    if part.get("type") == "Metaspace":
        yield Step("replace", _text(part, "replacement", "▁"), " ")
    elif part.get("type") == "Replace" and part.get("pattern") == {"String": " "} and _text(part, "content"):
        yield Step("replace", _text(part, "content"), " ")


def parts_of(part: object) -> Iterator[Mapping[str, object]]:
    """A decoder, pre-tokenizer or normalizer with all that it is a sequence of."""
    if not isinstance(part, dict):
        return
    yield part
    for key in ("decoders", "pretokenizers", "normalizers"):
        inner = part.get(key)
        for one in inner if isinstance(inner, list) else ():
            yield from parts_of(one)


def _decoding(decoder: object) -> Iterator[Step]:
    """The steps of a decoder, as they act on a token in the middle of a text."""
    fused = False
    for part in parts_of(decoder):
        kind = part.get("type")
        fused = fused or kind == "Fuse"
        # What strips a text's ends once its tokens are joined leaves a token in the middle as it is.
        if isinstance(kind, str) and kind in _READ and not (fused and kind == "Strip"):
            yield from _READ[kind](part)


def _affixes(model: object) -> Iterator[Step]:
    if not isinstance(model, dict):
        return
    suffix, prefix = model.get("end_of_word_suffix"), model.get("continuing_subword_prefix")
    if isinstance(suffix, str) and suffix:
        yield Step("suffix", suffix, " ")
    if isinstance(prefix, str) and prefix:
        yield Step("prefix", prefix)


def _text(part: Mapping[str, object], key: str, assumed: str = "") -> str:
    value = part.get(key)
    return value if isinstance(value, str) else assumed


def _replace(part: Mapping[str, object]) -> Iterator[Step]:
    """A literal pattern; regular expressions, which no known vocabulary's decoder has, are left alone."""
    pattern = part.get("pattern")
    if isinstance(pattern, dict) and isinstance(pattern.get("String"), str) and pattern["String"]:
        yield Step("replace", pattern["String"], _text(part, "content"))


def _strip(part: Mapping[str, object]) -> Iterator[Step]:
    for key, kind in (("start", "prefix"), ("stop", "suffix")):
        times = part.get(key)
        if isinstance(times, int) and _text(part, "content"):
            yield from [Step(kind, _text(part, "content"))] * min(times, 8)


def _ctc(part: Mapping[str, object]) -> Iterator[Step]:
    if part.get("cleanup") is not False:
        yield Step("replace", _text(part, "word_delimiter_token", "|"), " ")


# As the decoders of the tokenizers library do it, by the type that a tokenizer.json states.
_READ: Final[Mapping[str, Callable[[Mapping[str, object]], Iterator[Step]]]] = MappingProxyType(
    {
        "ByteLevel": lambda part: iter((BYTE_LEVEL,)),
        "ByteFallback": lambda part: iter((BYTE_FALLBACK,)),
        "Metaspace": lambda part: iter((Step("replace", _text(part, "replacement", "▁"), " "),)),
        "WordPiece": lambda part: iter((Step("prefix", _text(part, "prefix", "##")),)),
        "BPEDecoder": lambda part: iter((Step("suffix", _text(part, "suffix", "</w>"), " "),)),
        "CTC": _ctc,
        "Replace": _replace,
        "Strip": _strip,
    }
)


def _bytes(token: str, step: Step) -> str | bytes:
    byte = byte_token(token)
    return token if byte is None else bytes([byte])


def _suffix(token: str, step: Step) -> str:
    return token[: -len(step.old)] + step.new if step.old and token.endswith(step.old) else token


_APPLY: Final[Mapping[str, Callable[[str, Step], str | bytes]]] = MappingProxyType(
    {
        "replace": lambda token, step: token.replace(step.old, step.new) if step.old else token,
        "prefix": lambda token, step: token.removeprefix(step.old),
        "suffix": _suffix,
        "byte-fallback": _bytes,
        "byte-level": lambda token, step: byte_level_raw(token),
    }
)
