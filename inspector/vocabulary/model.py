"""What rowscope knows of a tokenizer: its tokens by id, the added ones, their roles, the chat templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rowscope.inspector.vocabulary.spelling import byte_level_text, byte_token

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""The named roles, in the order in which transformers keeps them."""


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that the tokenizer matches in the text before its model sees it.

    The flags mean what they mean in the tokenizers library: `special` tokens are skipped by
    `decode(skip_special_tokens=True)`, `normalized` ones are matched in the normalised text, `lstrip` and
    `rstrip` swallow the blanks beside them, `single_word` ones match whole words alone.
    """

    id: int
    content: str
    special: bool = True
    normalized: bool = False
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A chat template, in the Jinja language.

    Attributes:
        name: `default`, `tool_use`, `rag`, …
        source: the file that holds it, and the key in it: `tokenizer_config.json:chat_template`.
        text: the template itself.
    """

    name: str
    source: str
    text: str


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's vocabulary as its own library would build it from the files.

    Attributes:
        kind: format and model, one of `tokenizer.json/BPE`, `tokenizer.json/WordPiece`,
            `tokenizer.json/Unigram`, `tokenizer.json/WordLevel`, `vocab.txt`, `vocab.json`,
            `sentencepiece/BPE`, `sentencepiece/Unigram` (also `/Word`, `/Char`), `tiktoken`, `tekken`.
        files: every file that was read, relative to the folder.
        base_size: entries of the tokenizer's model without added tokens (`vocab_size` in transformers).
        entries: distinct tokens, the added ones included (`len(tokenizer)` in transformers).
        max_id: largest id that has a token; None for an empty vocabulary. With sparse ids it is
            larger than `entries - 1`, and with ids given twice it is smaller.
        tokens: id -> token in the spelling of the file, added tokens included.
        added: id -> added token, whether or not the model's own vocabulary holds it too.
        special_ids: ids of the added tokens flagged special and of every token with a role.
        byte_level: tokens are spelt in the GPT-2 alphabet of printable characters, one for each byte.
        byte_fallback: single bytes are spelt `<0xF5>`.
        roles: `eos`, `bos`, `pad`, `unk`, `cls`, `sep`, `mask`, `additional`, and any other `…_token`
            that the files name -> its tokens.
        chat_templates: the templates in use.
        notes: disagreements between files, files left aside, and what was done about them.
        metaspace: a blank is spelt `▁` (U+2581).
    """

    kind: str
    files: tuple[str, ...]
    base_size: int
    entries: int
    max_id: int | None
    tokens: Mapping[int, str]
    added: Mapping[int, AddedToken]
    special_ids: frozenset[int]
    byte_level: bool = False
    byte_fallback: bool = False
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chat_templates: tuple[ChatTemplate, ...] = ()
    notes: tuple[str, ...] = ()
    metaspace: bool = False

    def text(self, id: int) -> str | None:
        """What the token stands for in text; its stored spelling where its bytes are not valid UTF-8.

        None for an id without a token. Added tokens are returned as they are.
        """
        token = self.tokens.get(id)
        if token is None or id in self.added:
            return token
        if self.byte_fallback:
            byte = byte_token(token)
            if byte is not None:
                return chr(byte) if byte < 0x80 else token
        if self.byte_level:
            return byte_level_text(token)
        return token.replace("▁", " ") if self.metaspace else token
