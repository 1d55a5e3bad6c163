"""tokenizer_config.json, special_tokens_map.json, added_tokens.json -> what they add to a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass, field

from rowscope.inspector.vocabulary.base import added_token
from rowscope.inspector.vocabulary.files import TokenizerFolder, wrong
from rowscope.inspector.vocabulary.model import ROLES, AddedToken

CONFIG = "tokenizer_config.json"
SPECIAL_MAP = "special_tokens_map.json"
ADDED = "added_tokens.json"


@dataclass
class Settings:
    """The settings files, merged as transformers 5 merges them.

    Attributes:
        config: the whole of tokenizer_config.json; {} where there is none.
        tokenizer_class: the class it names, without `Fast`; None where it names none.
        listed: added tokens by stated id, or None where tokenizer_config.json has no
            `added_tokens_decoder` and no added_tokens.json is there.
        decides: tokenizer_config.json lists the added tokens, so that the legacy files do not count.
        roles: role -> token, the standard roles first.
        additional: further special tokens.
    """

    config: dict[str, object]
    tokenizer_class: str | None = None
    listed: list[AddedToken] = field(default_factory=list)
    decides: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    additional: list[str] = field(default_factory=list)


def read_settings(folder: TokenizerFolder) -> Settings:
    """Merge the three files.

    transformers 5 reads special_tokens_map.json and added_tokens.json only where tokenizer_config.json has
    no `added_tokens_decoder`; then special_tokens_map.json overrides the roles in tokenizer_config.json.

    Raises:
        TokenizerError: one of the files is malformed.
    """
    config = folder.json_object(CONFIG)
    legacy = folder.json_object(SPECIAL_MAP)
    settings = Settings(config, _class(config))
    decoder = config.get("added_tokens_decoder")
    settings.decides = decoder is not None
    merged = dict(config)
    if decoder is None:
        merged.update(legacy)
    else:
        _note_disagreements(config, legacy, folder.notes)
        settings.listed = _listed(decoder)
    settings.roles = _roles(merged, SPECIAL_MAP if legacy and decoder is None else CONFIG)
    settings.additional = _additional(merged, settings.roles)
    if decoder is None:
        special = {*settings.roles.values(), *settings.additional}
        settings.listed = _legacy_listed(folder, special)
    return settings


def _class(config: dict[str, object]) -> str | None:
    name = config.get("tokenizer_class")
    return name.removesuffix("Fast") if isinstance(name, str) else None


def _listed(decoder: object) -> list[AddedToken]:
    if not isinstance(decoder, dict):
        raise wrong(CONFIG, "the key 'added_tokens_decoder'", decoder, "a JSON object")
    listed = {token.id: token for token in (added_token(CONFIG, *item) for item in decoder.items())}
    return [listed[id] for id in sorted(listed)]


def _legacy_listed(folder: TokenizerFolder, special: set[str]) -> list[AddedToken]:
    listed = {}
    for content, id in folder.json_object(ADDED).items():
        flags = {"content": content, "special": content in special, "normalized": content not in special}
        token = added_token(ADDED, id, flags)
        listed[token.id] = token
    return [listed[id] for id in sorted(listed)]


def token_content(value: object) -> str | None:
    """The text of a token given as a string or as an object with a `content`; None for anything else."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _roles(merged: dict[str, object], source: str) -> dict[str, str]:
    """Standard roles in their fixed order, then whatever other `…_token` the files name."""
    others = [key.removesuffix("_token") for key in merged if key.endswith("_token")]
    extra = merged.get("extra_special_tokens")
    named = {**merged, **extra} if isinstance(extra, dict) else merged
    if isinstance(extra, dict):
        others += [key.removesuffix("_token") for key in extra]
    roles = {}
    for role in dict.fromkeys([*ROLES, *others]):
        value = named.get(f"{role}_token", named.get(role) if role in others else None)
        content = token_content(value)
        if content is not None:
            roles[role] = content
        elif role in ROLES and value not in (None, ""):
            raise wrong(source, f"{role}_token", value, "a text or an object with a text as its content")
    return roles


def _additional(merged: dict[str, object], roles: dict[str, str]) -> list[str]:
    values = merged.get("extra_special_tokens") or merged.get("additional_special_tokens") or []
    if isinstance(values, dict):
        values = merged.get("additional_special_tokens") or []
    if not isinstance(values, list):
        raise wrong(CONFIG, "additional_special_tokens", values, "a list")
    contents = [token_content(value) for value in values]
    return list(dict.fromkeys(content for content in contents if content is not None))


def _note_disagreements(config: dict[str, object], legacy: dict[str, object], notes: list[str]) -> None:
    for role in ROLES:
        key = f"{role}_token"
        if key not in legacy:
            continue
        ours, theirs = token_content(config.get(key)), token_content(legacy[key])
        if ours != theirs:
            notes.append(
                f"{key} is {_quoted(ours)} in {CONFIG} and {_quoted(theirs)} in {SPECIAL_MAP}; "
                f"{CONFIG} lists the added tokens, so it counts"
            )


def _quoted(content: str | None) -> str:
    return "not set" if content is None else repr(content)
