"""tokenizer_config.json, special_tokens_map.json, added_tokens.json -> what they add to a vocabulary."""

from __future__ import annotations

from rowscope.inspector.frozen import record
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.base import added_token
from rowscope.inspector.vocabulary.classes import ASSUMED_ROLES, assumed_additional, class_of_model
from rowscope.inspector.vocabulary.files import TokenizerFolder, wrong
from rowscope.inspector.vocabulary.limits import MOST_ADDED, require
from rowscope.inspector.vocabulary.model import ROLES, AddedToken

CONFIG = "tokenizer_config.json"
SPECIAL_MAP = "special_tokens_map.json"
ADDED = "added_tokens.json"
SETTINGS_FILES = (CONFIG, SPECIAL_MAP, ADDED)
_SUFFIX = "_token"
_OLD_ADDITIONAL = "additional_special_tokens"


@record
class SettingsFiles:
    """The files as they are; {} for one that is not there.

    Attributes:
        config: tokenizer_config.json.
        special_map: special_tokens_map.json.
        added: added_tokens.json.
        tokenizer_class: the class that tokenizer_config.json or config.json names, or that bears the name
            of config.json's model type, without `Fast`; None where none of these says so.
    """

    config: dict[str, object]
    special_map: dict[str, object]
    added: dict[str, object]
    tokenizer_class: str | None


@record
class Settings:
    """The files merged as transformers 5 merges them.

    Attributes:
        tokenizer_class: the class whose assumptions count, or None.
        listed: added tokens outside the tokenizer's own file, by stated id.
        decides: they come from tokenizer_config.json, so that the legacy files do not count.
        roles: role -> token, the standard roles first.
        additional: further special tokens.
        places: standard roles that a file names -> that file and its key.
    """

    tokenizer_class: str | None
    listed: list[AddedToken]
    decides: bool
    roles: dict[str, str]
    additional: list[str]
    places: dict[str, str]


def read_settings_files(folder: TokenizerFolder) -> SettingsFiles:
    """Read whatever there is.

    Raises:
        TokenizerError: a file that is no JSON object.
    """
    config = folder.read_object(CONFIG)
    model = folder.peek("config.json")
    named = config.get("tokenizer_class") or model.get("tokenizer_class")
    name = named.removesuffix("Fast") if isinstance(named, str) else class_of_model(model.get("model_type"))
    return SettingsFiles(config, folder.read_object(SPECIAL_MAP), folder.read_object(ADDED), name)


def merge_settings(
    files: SettingsFiles, tokenizer_class: str | None, own_roles: dict[str, str], notes: list[str]
) -> Settings:
    """Roles, listed and further special tokens.

    special_tokens_map.json and added_tokens.json count only where tokenizer_config.json has no
    `added_tokens_decoder`; then special_tokens_map.json goes before tokenizer_config.json. A role that no
    file mentions is the class's, or the tokenizer file's own where the class is not known.

    Raises:
        TokenizerError: a value that is no token, or no list of tokens.
    """
    decoder = files.config.get("added_tokens_decoder")
    decides = decoder is not None
    merged = files.config if decides else files.config | files.special_map
    source = SPECIAL_MAP if files.special_map and not decides else CONFIG
    if decides:
        _note_disagreements(files, notes)
    roles = _roles(merged, ASSUMED_ROLES.get(tokenizer_class or "", own_roles), source)
    additional = _additional(files.config, merged, source)
    if not isinstance(files.config.get("extra_special_tokens") or files.config.get(_OLD_ADDITIONAL), list):
        assumed = assumed_additional(tokenizer_class, merged)
        additional += [] if set(assumed) & set(additional) else assumed
        if assumed and files.config.get("extra_ids") is None:
            notes.append(
                say(
                    "{name} makes sure of {count:# token|# tokens}, {first!r} to {last!r}: those that no "
                    "file lists are added when the tokenizer is loaded",
                    name=tokenizer_class,
                    count=len(assumed),
                    first=assumed[0],
                    last=assumed[-1],
                )
            )
    listed = _listed(decoder) if decides else _legacy_listed(files.added, {*roles.values(), *additional})
    by_id = {token.id: token for token in listed}
    places = {role: _place(files, role, decides) for role in ROLES if f"{role}{_SUFFIX}" in merged}
    return Settings(tokenizer_class, [by_id[id] for id in sorted(by_id)], decides, roles, additional, places)


def _place(files: SettingsFiles, role: str, decides: bool) -> str:
    """The file that gives a role, and its key."""
    key = f"{role}{_SUFFIX}"
    return f"{SPECIAL_MAP if key in files.special_map and not decides else CONFIG}: {key}"


def _listed(decoder: object) -> list[AddedToken]:
    if not isinstance(decoder, dict):
        raise wrong(CONFIG, "the key 'added_tokens_decoder'", decoder, "a JSON object")
    require(CONFIG, "added tokens", len(decoder), MOST_ADDED)
    return [added_token(CONFIG, id, entry) for id, entry in decoder.items()]


def _legacy_listed(added: dict[str, object], special: set[str]) -> list[AddedToken]:
    """added_tokens.json has no flags: special is what has a role, and what is not is normalized."""
    require(ADDED, "added tokens", len(added), MOST_ADDED)
    listed = []
    for content, id in added.items():
        flags = {"special": content in special, "normalized": content not in special}
        listed.append(added_token(ADDED, id, {"content": content, **flags}))
    return listed


def token_content(value: object) -> str | None:
    """The text of a token given as a string or as an object with a `content`; None for anything else."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _roles(merged: dict[str, object], assumed: dict[str, str], source: str) -> dict[str, str]:
    """Standard roles in their fixed order, then whatever other `…_token` the files name.

    A role that a file sets to null has no token, whatever the class assumes.
    """
    extra = merged.get("extra_special_tokens")
    for keys in (merged, extra):
        require(source, "keys in one object", len(keys) if isinstance(keys, dict) else 0, MOST_ADDED)
    named: dict[str, object] = {f"{role}{_SUFFIX}": token for role, token in assumed.items()}
    named |= {key: value for key, value in merged.items() if key.endswith(_SUFFIX)}
    if isinstance(extra, dict):
        named |= {f"{str(key).removesuffix(_SUFFIX)}{_SUFFIX}": value for key, value in extra.items()}
    roles = {}
    for role in dict.fromkeys([*ROLES, *(key.removesuffix(_SUFFIX) for key in named)]):
        value = named.get(f"{role}{_SUFFIX}")
        content = token_content(value)
        if content is not None:
            roles[role] = content
        elif role in ROLES and value not in (None, ""):
            raise wrong(source, f"{role}{_SUFFIX}", value, "a text or an object with a text as its content")
    return roles


def _additional(config: dict[str, object], merged: dict[str, object], source: str) -> list[str]:
    """Further special tokens, under their new name or their old one.

    tokenizer_config.json goes first under either name, special_tokens_map.json adds to a list of the new
    name and replaces one of the old name. An object under the new name names roles, and is not meant here.
    """
    values, more = config.get("extra_special_tokens"), merged.get("extra_special_tokens")
    if not values and _OLD_ADDITIONAL in config:
        values = config[_OLD_ADDITIONAL]
    elif isinstance(values, dict) or "extra_special_tokens" not in config:
        values = merged.get(_OLD_ADDITIONAL)
    contents = []
    for given in (values, more):
        if isinstance(given, list):
            require(source, "further special tokens", len(given), MOST_ADDED)
            contents += [token_content(value) for value in given]
        elif given is not None and not isinstance(given, dict):
            raise wrong(source, _OLD_ADDITIONAL, given, "a list")
    return list(dict.fromkeys(content for content in contents if content is not None))


def _note_disagreements(files: SettingsFiles, notes: list[str]) -> None:
    for role in ROLES:
        key = f"{role}{_SUFFIX}"
        if key not in files.special_map:
            continue
        ours, theirs = token_content(files.config.get(key)), token_content(files.special_map[key])
        if ours != theirs:
            notes.append(
                say(
                    "{key} is {ours} in {config} and {theirs} in {map}; {config} lists the added tokens, so "
                    "it counts",
                    key=key,
                    ours=_quoted(ours),
                    theirs=_quoted(theirs),
                    config=CONFIG,
                    map=SPECIAL_MAP,
                )
            )


def _quoted(content: str | None) -> str:
    return say("not set") if content is None else repr(content)
