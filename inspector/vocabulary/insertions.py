"""The ids that a tokenizer.json inserts by itself: of its post-processor, and of its padding."""

from __future__ import annotations

from collections.abc import Iterator

from rowscope.inspector.vocabulary.model import Insertion

_DEPTH = 8  # sequences of processors nest no deeper


def read_insertions(document: dict[str, object], name: str) -> tuple[Insertion, ...]:
    """Every token that the file inserts with the id that it states for it, each once.

    The tokenizers library inserts the id, whatever token has it. Parts that it would refuse are left out.
    """
    found = [*_of_processor(document.get("post_processor"), f"{name}: post_processor")]
    padding = document.get("padding")
    if isinstance(padding, dict):
        found += _pair(padding.get("pad_token"), padding.get("pad_id"), f"{name}: padding")
    return tuple(dict.fromkeys(found))


def _of_processor(processor: object, place: str, depth: int = 0) -> Iterator[Insertion]:
    if not isinstance(processor, dict) or depth > _DEPTH:
        return
    kind = processor.get("type")
    parts = processor.get("processors")
    if kind == "Sequence" and isinstance(parts, list):
        for part in parts:
            yield from _of_processor(part, place, depth + 1)
    elif kind == "TemplateProcessing":
        yield from _of_template(processor, place)
    elif kind in ("BertProcessing", "RobertaProcessing"):
        for key in ("cls", "sep"):
            value = processor.get(key)
            if isinstance(value, list) and len(value) == 2:
                yield from _pair(value[0], value[1], place)


def _of_template(processor: dict[str, object], place: str) -> Iterator[Insertion]:
    """Of the special tokens those alone that the template for one text or for two puts in."""
    known = processor.get("special_tokens")
    for part in ("single", "pair"):
        steps = processor.get(part)
        for step in steps if isinstance(steps, list) else ():
            special = step.get("SpecialToken") if isinstance(step, dict) else None
            entry = (
                known.get(special.get("id"))
                if isinstance(known, dict) and isinstance(special, dict)
                else None
            )
            tokens, ids = (entry.get("tokens"), entry.get("ids")) if isinstance(entry, dict) else (None, None)
            if isinstance(tokens, list) and isinstance(ids, list):
                for token, id in zip(tokens, ids, strict=False):
                    yield from _pair(token, id, place)


def _pair(token: object, id: object, place: str) -> Iterator[Insertion]:
    if isinstance(token, str) and type(id) is int and id >= 0:
        yield Insertion(place, token, id)
