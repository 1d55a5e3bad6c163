"""How two tokenizers differ, id by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rowscope.inspector.diff.result import MovedToken, RenamedId, TokenId, TokenizerDiff
from rowscope.inspector.vocabulary import Vocabulary, differing, ids_of


def compare_tokenizers(base: Vocabulary, tuned: Vocabulary) -> TokenizerDiff:
    """Added, removed and renamed ids, tokens under another id, changes of the special flag; all by id."""
    old, new = base.tokens, tuned.tokens
    changed = differing(old, new)
    renamed = sorted(id for id in changed if id in old and id in new)
    kept = [id for id in base.special_ids ^ tuned.special_ids if id not in changed and id in old]
    return TokenizerDiff(
        same=not changed,
        added=_listed(tuned, (id for id in changed if id not in old)),
        removed=_listed(base, (id for id in changed if id not in new)),
        renamed=tuple(RenamedId(id, old[id], new[id], base.text(id), tuned.text(id)) for id in renamed),
        moved=_moved(base, tuned, changed),
        specials_gained=_listed(tuned, (id for id in kept if id in tuned.special_ids)),
        specials_lost=_listed(base, (id for id in kept if id in base.special_ids)),
    )


def new_ids(base: Vocabulary, tuned: Vocabulary) -> list[int]:
    """Ids, sorted, of the tuned tokenizer whose tokens the base tokenizer does not have."""
    tokens = {id: tuned.tokens[id] for id in differing(base.tokens, tuned.tokens) if id in tuned.tokens}
    known = ids_of(base.tokens, set(tokens.values()))
    return sorted(id for id, token in tokens.items() if token not in known)


def _listed(vocabulary: Vocabulary, ids: Iterable[int]) -> tuple[TokenId, ...]:
    return tuple(TokenId(id, vocabulary.tokens[id], vocabulary.text(id)) for id in sorted(ids))


def _moved(base: Vocabulary, tuned: Vocabulary, changed: set[int]) -> tuple[MovedToken, ...]:
    """Tokens whose ids differ; of a token that has several ids the lowest counts."""
    old = base.tokens
    before, after = _ids_of(old, changed), _ids_of(tuned.tokens, changed)
    both = before.keys() & after.keys()
    stayed = {token for token, ids in ids_of(old, both).items() if not changed.issuperset(ids)}
    return tuple(
        MovedToken(token, id, after[token], tuned.text(after[token]))
        for token, id in sorted(before.items(), key=lambda item: item[1])
        if token in both and token not in stayed
    )


def _ids_of(tokens: Mapping[int, str], ids: Iterable[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for id in sorted(ids, reverse=True):
        if id in tokens:
            found[tokens[id]] = id
    return found
