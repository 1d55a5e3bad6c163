"""The comparison of a whole vocabulary before and after a claim: read by columns, or entry by entry."""

import json

import pytest

from rowscope.inspector.claim.slots.alike import same_but_for
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import read_vocabulary
from rowscope.inspector.vocabulary.written import WrittenTokens

ENTRIES = {f"t{at}": at for at in range(40)}


def read(folder, entries, added=(), indent=2):
    folder.mkdir()
    document = {
        "added_tokens": [{"id": id, "content": token, "special": True} for token, id in added],
        "model": {"type": "BPE", "vocab": entries, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(document, indent=indent))
    return read_vocabulary(LocalFolder(folder)).tokens


@pytest.mark.parametrize("indents", [(2, 2), (2, None), (None, None)])
@pytest.mark.parametrize(
    ("entries", "added", "changes", "same"),
    [
        (ENTRIES, [("<a>", 40)], {}, True),
        (ENTRIES, [("<a>", 40), ("<b>", 41)], {41: "<b>"}, True),
        (ENTRIES, [("<a>", 40), ("<b>", 41)], {}, False),
        (ENTRIES, [("<a>", 40), ("<b>", 41)], {41: "<c>"}, False),
        (ENTRIES, [("<a>", 40)], {41: "<b>"}, False),
        (ENTRIES, [("<b>", 40)], {40: "<b>"}, True),
        (ENTRIES, [("<b>", 40)], {}, False),
        (ENTRIES, [], {}, False),
        ({"x" if token == "t7" else token: id for token, id in ENTRIES.items()}, [("<a>", 40)], {}, False),
        (
            {"x" if token == "t7" else token: id for token, id in ENTRIES.items()},
            [("<a>", 40)],
            {7: "x"},
            True,
        ),
    ],
)
def test_every_other_token_counts(tmp_path, indents, entries, added, changes, same):
    before = read(tmp_path / "before", ENTRIES, [("<a>", 40)], indents[0])
    after = read(tmp_path / "after", entries, added, indents[1])
    assert isinstance(before, WrittenTokens) is (indents[0] == 2)
    assert same_but_for(before, after, changes) is same
