"""How two tokenizers differ, id by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rowscope.inspector.diff.result import MovedToken, RenamedId, TokenId, TokenizerDiff
from rowscope.inspector.vocabulary import Vocabulary


def compare_tokenizers(base: Vocabulary, tuned: Vocabulary) -> TokenizerDiff:
    """Added, removed and renamed ids, tokens under another id, changes of the special flag; all by id."""
    old, new = base.tokens, tuned.tokens
    shared = old.keys() & new.keys()
    renamed = sorted(id for id in shared if old[id] != new[id])
    kept = [id for id in base.special_ids ^ tuned.special_ids if id in shared and old[id] == new[id]]
    return TokenizerDiff(
        same=len(shared) == len(old) == len(new) and not renamed,
        added=_listed(new, new.keys() - shared),
        removed=_listed(old, old.keys() - shared),
        renamed=tuple(RenamedId(id, old[id], new[id]) for id in renamed),
        moved=_moved(old, new),
        specials_gained=_listed(new, (id for id in kept if id in tuned.special_ids)),
        specials_lost=_listed(old, (id for id in kept if id in base.special_ids)),
    )


def new_ids(base: Vocabulary, tuned: Vocabulary) -> list[int]:
    """Ids, sorted, of the tuned tokenizer whose tokens the base tokenizer does not have."""
    known = set(base.tokens.values())
    return sorted(id for id, token in tuned.tokens.items() if token not in known)


def _listed(tokens: Mapping[int, str], ids: Iterable[int]) -> tuple[TokenId, ...]:
    return tuple(TokenId(id, tokens[id]) for id in sorted(ids))


def _moved(old: Mapping[int, str], new: Mapping[int, str]) -> tuple[MovedToken, ...]:
    """Tokens whose ids differ; of a token that has several ids the lowest counts."""
    changed = {id for id in old.keys() | new.keys() if old.get(id) != new.get(id)}
    before = _ids_of(old, changed)
    after = _ids_of(new, changed)
    stayed = {old[id] for id in old.keys() & new.keys() if id not in changed}
    return tuple(
        MovedToken(token, id, after[token])
        for token, id in sorted(before.items(), key=lambda item: item[1])
        if token in after and token not in stayed
    )


def _ids_of(tokens: Mapping[int, str], ids: Iterable[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for id in sorted(ids, reverse=True):
        if id in tokens:
            found[tokens[id]] = id
    return found
