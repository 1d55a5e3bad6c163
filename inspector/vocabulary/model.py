"""What rowscope knows of a tokenizer: its tokens by id, the added ones, their roles, the chat templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary.alphabet import Alphabet, alphabet_of_flags
from rowscope.inspector.vocabulary.spelling import quoted_token, shown_token

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""The named roles, in the order in which transformers keeps them."""

_MANY = 1_000
"""Ids from which it takes less time to have all tokens at hand than to look for each."""


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


@record
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


@record
class Insertion:
    """A place that names a token, and the id that it puts into texts for it.

    Attributes:
        place: file and key, `tokenizer.json: post_processor`.
        token: the token that it names.
        id: the id that it inserts; of a role, the id that the token gets.
    """

    place: str
    token: str
    id: int


@record
class Shift:
    """An added token that loads under another id than its file states."""

    token: str
    stated: int
    id: int
    source: str


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's vocabulary as its own library would build it from the files.

    Attributes:
        kind: format and model, one of `tokenizer.json/BPE`, `tokenizer.json/WordPiece`,
            `tokenizer.json/Unigram`, `tokenizer.json/WordLevel`, `vocab.txt`, `vocab.json`,
            `sentencepiece/BPE`, `sentencepiece/Unigram` (also `/Word`, `/Char`), `tiktoken`, `tekken`.
        files: every file that was read, relative to the folder.
        base_size: entries of the tokenizer's model without added tokens (`vocab_size` in transformers).
        entries: tokens, the added ones included (`len(tokenizer)` in transformers); of a list all entries.
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
        insertions: ids that the post-processor and the padding of tokenizer.json insert.
        unlisted: tokens that a file gives a role and no file lists: loading adds them, under these ids.
        shifts: added tokens that load under another id than a file states.
        twice: ids that a file states for several tokens -> these.
        metaspace: a blank is spelt `▁` (U+2581).
        alphabet: what makes text of a stored token; None where the three flags above say all of it.
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
    insertions: tuple[Insertion, ...] = ()
    unlisted: tuple[Insertion, ...] = ()
    shifts: tuple[Shift, ...] = ()
    twice: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    metaspace: bool = False
    alphabet: Alphabet | None = None

    def raw(self, id: int) -> bytes | None:
        """The bytes that the token stands for within a text; None for an id without a token.

        Added tokens are matched in the text as they are stored.
        """
        token = self.tokens.get(id)
        if token is None:
            return None
        return token.encode("utf-8", "surrogatepass") if id in self.added else self._alphabet.raw(token)

    def text(self, id: int) -> str | None:
        """The same as text; None also where the bytes are no valid UTF-8: a piece of a character."""
        token = self.tokens.get(id)
        return token if token is None or id in self.added else self._alphabet.text(token)

    def spelt(self, ids: Sequence[int]) -> tuple[list[str | None], list[str | None]]:
        """Tokens and texts of many ids, as `tokens` and `text` have them one by one."""
        known = self.tokens if len(ids) < _MANY else dict(self.tokens.items())
        tokens, read = [known.get(id) for id in ids], self._alphabet.text
        texts = [
            token if token is None or id in self.added else read(token)
            for id, token in zip(ids, tokens, strict=True)
        ]
        return tokens, texts

    def shown(self, id: int) -> str:
        """The token for people, `-` for none: see `shown_token`."""
        return shown_token(self.tokens.get(id), self.text(id))

    def quoted(self, id: int) -> str:
        """The same between quotes, for sentences."""
        return quoted_token(self.tokens.get(id), self.text(id))

    @property
    def _alphabet(self) -> Alphabet:
        if self.alphabet is not None:
            return self.alphabet
        return alphabet_of_flags(
            byte_level=self.byte_level, byte_fallback=self.byte_fallback, metaspace=self.metaspace
        )
