"""Mistral's `tekken.json`: special tokens first, then as many byte tokens as the vocabulary size leaves."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from rowscope.inspector.vocabulary.base import Base
from rowscope.inspector.vocabulary.files import TokenizerFolder, parse_json, wrong
from rowscope.inspector.vocabulary.limits import MOST_ENTRIES, require_short
from rowscope.inspector.vocabulary.model import AddedToken
from rowscope.inspector.vocabulary.spelling import byte_level_spelling

NAME = "tekken.json"
_MOST_SPECIALS = 1 << 16  # a file need not list them, so that few bytes could ask for gigabytes of names
_ROLES = {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}
# What mistral-common gives a file without a list of its own, up to version v7.
_UNLISTED = (
    "<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] "
    "[TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] "
    "[/SYSTEM_PROMPT] [TOOL_CONTENT]"
)


def read_tekken(folder: TokenizerFolder, name: str = NAME) -> Base:
    """Ids below `default_num_special_tokens` are special tokens, those without a name `<SPECIAL_n>`.

    The others are the first ranks of `vocab`, up to `default_vocab_size` in all; later ranks are not used.

    Raises:
        TokenizerError: malformed, or fewer ranks than the sizes in `config` ask for.
    """
    document = parse_json(folder.read_bytes(name), name, pairs=_entry)
    if not isinstance(document, dict):
        raise wrong(name, "the file", document, "a JSON object")
    config = document.get("config")
    if not isinstance(config, dict):
        raise wrong(name, "the key 'config'", config, "a JSON object")
    size = _count(name, config, "default_vocab_size", MOST_ENTRIES)
    specials = _count(name, config, "default_num_special_tokens", _MOST_SPECIALS)
    if specials > size:
        raise wrong(name, "default_num_special_tokens", specials, f"at most default_vocab_size, {size}")
    placed = _specials(name, document.get("special_tokens"), specials)
    ids = _ranks(name, document.get("vocab"), specials, size)
    tokens = {token.id: token.content for token in placed}
    tokens.update(zip(ids.values(), ids.keys(), strict=True))
    contents = {token.content for token in placed}
    roles = {role: content for role, content in _ROLES.items() if content in contents}
    return Base("tekken", ids, tokens, size, placed=placed, roles=roles, byte_level=True)


def _entry(pairs: list[tuple[str, object]]) -> object:
    """An entry of `vocab` as (rank, base64), which is half the memory of an object; others as they are."""
    entry = dict(pairs)
    if "token_bytes" in entry and "rank" in entry:
        return (entry["rank"], entry["token_bytes"])
    return entry


def _count(name: str, config: dict[str, object], key: str, most: int) -> int:
    value = config.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise wrong(name, f"config.{key}", value, f"an integer from 0 to {most}")
    return value


def _specials(name: str, listed: object, count: int) -> list[AddedToken]:
    if listed is None:
        listed = [{"token_str": content, "is_control": True} for content in _UNLISTED.split()]
    if not isinstance(listed, list) or len(listed) > count:
        raise wrong(name, "special_tokens", listed, f"a list of at most {count:,} tokens")
    placed = []
    for id, entry in enumerate(listed):
        content = entry.get("token_str") if isinstance(entry, dict) else None
        if not isinstance(content, str):
            raise wrong(name, f"special token {id}", entry, "an object with a token_str")
        require_short(name, (content,))
        placed.append(AddedToken(id, content, special=entry.get("is_control") is not False))
    if len({token.content for token in placed}) < len(placed):
        raise wrong(name, "special_tokens", [token.content for token in placed], "a list without repetitions")
    placed += [AddedToken(id, f"<SPECIAL_{id}>") for id in range(len(placed), count)]
    return placed


def _ranks(name: str, vocabulary: object, specials: int, size: int) -> dict[str, int]:
    wanted = size - specials
    if not isinstance(vocabulary, list) or len(vocabulary) < wanted:
        found = len(vocabulary) if isinstance(vocabulary, list) else vocabulary
        raise wrong(name, "the key 'vocab'", found, f"a list of at least {wanted:,} entries")
    ids: dict[str, int] = {}
    for rank in range(wanted):
        entry = vocabulary[rank]
        if not isinstance(entry, tuple) or entry[0] != rank or not isinstance(entry[1], str):
            raise wrong(name, f"entry {rank} of 'vocab'", entry, "an object with this rank and token_bytes")
        try:
            ids[byte_level_spelling(b64decode(entry[1], validate=True))] = specials + rank
        except Base64Error as error:
            raise wrong(name, f"token_bytes of rank {rank}", entry[1], "base64") from error
    require_short(name, ids)
    if len(ids) < wanted:
        raise wrong(
            name, "the key 'vocab'", f"{wanted - len(ids):,} repeated tokens", "a list of distinct ones"
        )
    return ids
