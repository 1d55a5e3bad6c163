"""Whether a vocabulary read from files is the one that transformers reads."""

from __future__ import annotations

from pathlib import Path

from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary


def assert_same(folder: Path) -> Vocabulary:
    """Sizes, every token, the added tokens and the roles are those of AutoTokenizer."""
    vocabulary = read_vocabulary(LocalFolder(folder))
    assert vocabulary is not None
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    assert (vocabulary.entries, vocabulary.base_size) == (len(tokenizer), tokenizer.vocab_size)
    spelled: dict[int, set[str]] = {}
    for token, id in tokenizer.get_vocab().items():
        spelled.setdefault(id, set()).add(token)
    # An entry that repeats another has an id which the mapping from tokens cannot hold.
    repeated = set(vocabulary.tokens) - set(spelled)
    assert set(spelled) <= set(vocabulary.tokens)
    for id in repeated:
        assert tokenizer.convert_ids_to_tokens(id) == vocabulary.tokens[id]
        assert any(vocabulary.tokens[id] in tokens for tokens in spelled.values())
    assert all(vocabulary.tokens[id] in tokens for id, tokens in spelled.items())
    assert vocabulary.max_id == max(spelled)
    collided = {id for id, tokens in spelled.items() if len(tokens) > 1}
    added = {id: str(token) for id, token in tokenizer.added_tokens_decoder.items() if id not in collided}
    assert {id: t.content for id, t in vocabulary.added.items() if id not in collided} == added
    roles = {key.removesuffix("_token"): token for key, token in tokenizer.special_tokens_map.items()}
    assert {role: t[0] for role, t in vocabulary.roles.items() if role != "additional"} == roles
    return vocabulary
