"""sentencepiece pieces -> ids, which some model families arrange in their own way."""

from __future__ import annotations

from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.base import Base, base_from_list
from rowscope.inspector.vocabulary.classes import layout_of
from rowscope.inspector.vocabulary.model import AddedToken


def arrange(base: Base, tokenizer_class: str | None, config: dict[str, object], notes: list[str]) -> Base:
    """The pieces in the order in which the class numbers them; the base itself for most classes."""
    layout = layout_of(tokenizer_class, config)
    if layout is None:
        return base
    pieces = [base.tokens[id] for id in range(len(base.tokens))]
    arranged = base_from_list(base.kind, [*layout.head, *pieces[layout.skip :], *layout.tail], notes)
    listed = {token.content: token for token in base.added}
    placed = [content for content in (*layout.head, *layout.tail) if not content.endswith("NOTUSED")]
    listed |= {content: AddedToken(-1, content) for content in placed}
    arranged.added = [
        AddedToken(arranged.ids[content], content, special=token.special)
        for content, token in listed.items()
        if content in arranged.ids
    ]
    arranged.byte_fallback, arranged.metaspace = base.byte_fallback, base.metaspace
    arranged.roles = base.roles
    moved = len(layout.head) - layout.skip
    if moved:
        notes.append(
            say(
                "{name} numbers the pieces of the sentencepiece model {moved} higher",
                name=tokenizer_class,
                moved=moved,
            )
        )
    return arranged
