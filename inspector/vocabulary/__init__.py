"""Tokenizer files -> Vocabulary, read directly, without transformers or any tokenizer library.

Knows ids, tokens, templates and their spellings. Must not know matrices or weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.vocabulary.asking import chat_prompt
    from rowscope.inspector.vocabulary.files import TokenizerFolder
    from rowscope.inspector.vocabulary.library import library_tokenizer
    from rowscope.inspector.vocabulary.lookup import all_ids, called, differing, ids_of, near_tokens, starting
    from rowscope.inspector.vocabulary.markers import Marker, unknown_markers
    from rowscope.inspector.vocabulary.model import AddedToken, ChatTemplate, Insertion, Shift, Vocabulary
    from rowscope.inspector.vocabulary.normalisation import normalise
    from rowscope.inspector.vocabulary.pipeline import loaded_document, normaliser_of
    from rowscope.inspector.vocabulary.placeholders import PLACEHOLDER_STARTS, is_placeholder
    from rowscope.inspector.vocabulary.read import expect_vocabulary, read_folder, read_vocabulary
    from rowscope.inspector.vocabulary.renumber import renumbered
    from rowscope.inspector.vocabulary.settings import ADDED, CONFIG, SPECIAL_MAP, token_content
    from rowscope.inspector.vocabulary.spelling import (
        byte_alphabet,
        byte_level_spelling,
        byte_level_text,
        byte_token,
        quoted_token,
        shown_token,
    )
    from rowscope.inspector.vocabulary.templates import template_ids
    from rowscope.inspector.vocabulary.turns import Turns, read_turns

__all__ = [
    "ADDED",
    "CONFIG",
    "PLACEHOLDER_STARTS",
    "SPECIAL_MAP",
    "AddedToken",
    "ChatTemplate",
    "Insertion",
    "Marker",
    "Shift",
    "TokenizerFolder",
    "Turns",
    "Vocabulary",
    "all_ids",
    "byte_alphabet",
    "byte_level_spelling",
    "byte_level_text",
    "byte_token",
    "called",
    "chat_prompt",
    "differing",
    "expect_vocabulary",
    "ids_of",
    "is_placeholder",
    "library_tokenizer",
    "loaded_document",
    "near_tokens",
    "normalise",
    "normaliser_of",
    "quoted_token",
    "read_folder",
    "read_turns",
    "read_vocabulary",
    "renumbered",
    "shown_token",
    "starting",
    "template_ids",
    "token_content",
    "unknown_markers",
]

__getattr__ = lazily(
    __name__,
    {
        "ADDED": "settings",
        "CONFIG": "settings",
        "PLACEHOLDER_STARTS": "placeholders",
        "SPECIAL_MAP": "settings",
        "AddedToken": "model",
        "ChatTemplate": "model",
        "Insertion": "model",
        "Marker": "markers",
        "Shift": "model",
        "TokenizerFolder": "files",
        "Turns": "turns",
        "Vocabulary": "model",
        "all_ids": "lookup",
        "byte_alphabet": "spelling",
        "byte_level_spelling": "spelling",
        "byte_level_text": "spelling",
        "byte_token": "spelling",
        "called": "lookup",
        "chat_prompt": "asking",
        "differing": "lookup",
        "expect_vocabulary": "read",
        "ids_of": "lookup",
        "is_placeholder": "placeholders",
        "library_tokenizer": "library",
        "loaded_document": "pipeline",
        "near_tokens": "lookup",
        "normalise": "normalisation",
        "normaliser_of": "pipeline",
        "quoted_token": "spelling",
        "read_folder": "read",
        "read_turns": "turns",
        "read_vocabulary": "read",
        "renumbered": "renumber",
        "shown_token": "spelling",
        "starting": "lookup",
        "template_ids": "templates",
        "token_content": "settings",
        "unknown_markers": "markers",
    },
)
