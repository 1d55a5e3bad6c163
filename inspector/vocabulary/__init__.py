"""Tokenizer files -> Vocabulary, read directly, without transformers or any tokenizer library."""

from rowscope.inspector.vocabulary.model import AddedToken, ChatTemplate, Vocabulary
from rowscope.inspector.vocabulary.read import read_vocabulary
from rowscope.inspector.vocabulary.templates import template_ids, template_unknown_literals

__all__ = [
    "AddedToken",
    "ChatTemplate",
    "Vocabulary",
    "read_vocabulary",
    "template_ids",
    "template_unknown_literals",
]
