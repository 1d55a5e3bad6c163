"""Tokens asked for by their text: the same whichever way the vocabulary holds them."""

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from rowscope.inspector.frozen import same
from rowscope.inspector.vocabulary import ids_of
from rowscope.inspector.vocabulary.lookup import HeldTokens

TOKENS = st.dictionaries(st.integers(0, 50), st.text("abc", max_size=2))


@given(TOKENS, st.sets(st.text("abcd", max_size=2)))
def test_held_tokens_are_found_as_in_a_plain_mapping(tokens, wanted):
    expected = {
        token: ids for token in wanted if (ids := sorted(id for id, held in tokens.items() if held == token))
    }
    assert ids_of(HeldTokens(tokens), wanted) == ids_of(tokens, wanted) == expected


def test_they_stay_what_they_are():
    held = HeldTokens({3: "a"})
    for again in (pickle.loads(pickle.dumps(held)), copy.deepcopy(held)):
        assert same(held, again)
        assert ids_of(again, {"a"}) == {"a": [3]}
