"""Which tokens have a job, and where that is declared: configs, tokenizer files, chat template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.frozen import record
from rowscope.inspector.matrices import config_value
from rowscope.inspector.vocabulary import Vocabulary, ids_of, template_ids

ID_KEYS: Final[Mapping[str, str]] = {
    "eos_token_id": "eos",
    "bos_token_id": "bos",
    "pad_token_id": "pad",
    "unk_token_id": "unk",
    "sep_token_id": "sep",
    "cls_token_id": "cls",
    "mask_token_id": "mask",
    "decoder_start_token_id": "decoder_start",
    "forced_bos_token_id": "forced_bos",
    "forced_eos_token_id": "forced_eos",
}

# Ids that a processor writes into the text in the place of images, video and sound. Other configs state them
# for tokenizers that they do not come with, so they count only where a token has the id.
MODAL_KEYS: Final[Mapping[str, str]] = {
    f"{kind}_token_{end}": kind for kind in ("image", "video", "audio") for end in ("id", "index")
}

# Words in a special token's name that mark the protocol of tool calls, in any family's spelling.
_TOOL_WORDS: Final = ("tool", "function", "python_tag", "ipython")


@record
class Declaration:
    """One place that gives a token id a role: `config.json: eos_token_id`."""

    id: int
    role: str
    source: str


@record
class RoledToken:
    """A special or added token, or an ordinary one with a role.

    Attributes:
        id: token id, possibly without a row.
        token: its stored spelling, or None where no tokenizer entry has the id.
        roles: sorted role names: eos, bos, pad, unk, chat_template, tool_use, …
        sources: the places that declare them.
        special: flagged special by the tokenizer.
    """

    id: int
    token: str | None
    roles: tuple[str, ...]
    sources: tuple[str, ...]
    special: bool


MOST_IDS: Final = 4_096
"""Ids that one key of a config may list: each may become a finding of its own."""


def declared_ids(
    config: Mapping[str, Any] | None, generation_config: Mapping[str, Any] | None
) -> tuple[Declaration, ...]:
    """Token ids that the two configs name; a list counts item by item, a negative id means unset.

    Raises:
        MalformedFileError: a list of more than `MOST_IDS`.
    """
    found = [*_in_config(config, "config.json"), *_in_config(generation_config, "generation_config.json")]
    return tuple(found)


def _in_config(
    config: Mapping[str, Any] | None, name: str, keys: Mapping[str, str] = ID_KEYS
) -> Iterator[Declaration]:
    for key, role in keys.items():
        value = config_value(config, key)
        if isinstance(value, list) and len(value) > MOST_IDS:
            raise MalformedFileError(
                f"{name}: {key} lists {len(value):,} ids, and rowscope reads {MOST_IDS:,} at most, a hundred "
                "times what any known model has; check that it is the file you mean",
                location=name,
            )
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, int) and not isinstance(item, bool) and item >= 0:
                yield Declaration(item, role, f"{name}: {key}")


def roled_tokens(
    vocabulary: Vocabulary | None,
    config: Mapping[str, Any] | None,
    generation_config: Mapping[str, Any] | None,
) -> tuple[RoledToken, ...]:
    """Every added or special token and every id with a role, by id."""
    declarations = [*declared_ids(config, generation_config)]
    if vocabulary is not None:
        declarations += _from_tokenizer(vocabulary)
        modal = (*_in_config(config, "config.json", MODAL_KEYS),)
        declarations += [declared for declared in modal if declared.id in vocabulary.tokens]
    by_id: dict[int, list[Declaration]] = {id: [] for id in _listed(vocabulary)}
    for declaration in declarations:
        by_id.setdefault(declaration.id, []).append(declaration)
    return tuple(_roled(id, by_id[id], vocabulary) for id in sorted(by_id))


def _listed(vocabulary: Vocabulary | None) -> set[int]:
    return set() if vocabulary is None else {*vocabulary.added, *vocabulary.special_ids}


def _from_tokenizer(vocabulary: Vocabulary) -> Iterator[Declaration]:
    wanted = {token for tokens in vocabulary.roles.values() for token in tokens}
    ids = {token: found[-1] for token, found in ids_of(vocabulary.tokens, wanted).items()} if wanted else {}
    for role, tokens in vocabulary.roles.items():
        for token in tokens:
            if token in ids:
                yield Declaration(ids[token], role, "tokenizer")
    for id, templates in template_ids(vocabulary).items():
        yield Declaration(id, "chat_template", f"chat template {', '.join(templates)}")
    for id in _listed(vocabulary):
        name = vocabulary.tokens.get(id, "").lower()
        if any(word in name for word in _TOOL_WORDS):
            yield Declaration(id, "tool_use", "its name")


def _roled(id: int, declarations: list[Declaration], vocabulary: Vocabulary | None) -> RoledToken:
    return RoledToken(
        id=id,
        token=vocabulary.tokens.get(id) if vocabulary else None,
        roles=tuple(sorted({d.role for d in declarations})),
        sources=tuple(sorted({d.source for d in declarations})),
        special=vocabulary is not None and id in vocabulary.special_ids,
    )
