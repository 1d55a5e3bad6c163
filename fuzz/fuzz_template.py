"""atheris target: any text as a chat template, and any others as the tokens that it may write.

Input: the template and the contents of added tokens, parted by NUL. What is found by the automaton and what
is found by searching must be what a regular expression of all tokens finds, in work that grows with the text;
then the template is run.
"""

from __future__ import annotations

import re
import sys

import atheris

with atheris.instrument_imports(include=["rowscope"]):
    from rowscope.inspector.vocabulary import (
        AddedToken,
        ChatTemplate,
        Vocabulary,
        matching,
        read_turns,
        template_ids,
        unknown_markers,
    )

_CHEAP = matching.CHEAP


def parts_of(data: bytes) -> tuple[str, list[str]]:
    """The template and the tokens."""
    template, *contents = data.decode("utf-8", "replace").split("\0")
    return template, contents


def vocabulary_of(template: str, contents: list[str]) -> Vocabulary:
    """A vocabulary of nothing but these added tokens, the first of which ends a text."""
    added = {id: AddedToken(id, content) for id, content in enumerate(contents)}
    return Vocabulary(
        kind="tokenizer.json/BPE",
        files=(),
        base_size=0,
        entries=len(added),
        max_id=len(added) - 1 if added else None,
        tokens=dict(enumerate(contents)),
        added=added,
        special_ids=frozenset(added),
        roles={"eos": tuple(contents[:1])},
        chat_templates=(ChatTemplate("default", "chat_template.jinja", template),),
    )


def by_alternatives(text: str, contents: list[str]) -> list[tuple[int, int]]:
    """From the left, the longest first at each place, by the regex engine."""
    ordered = sorted(filter(None, set(contents)), key=len, reverse=True)
    pattern = "|".join(map(re.escape, ordered))
    return [match.span() for match in re.finditer(pattern, text)] if ordered else []


def one_input(data: bytes) -> None:
    """Search one template in every way."""
    template, contents = parts_of(data)
    expected = by_alternatives(template, contents)
    for cheap in (-1, _CHEAP):
        matching.CHEAP = cheap
        matcher = matching.Matcher(contents)
        assert list(matcher.spans(template)) == expected, "other tokens than the regex finds"
        assert matcher.steps <= 2 * len(data) + 2, "work that grows faster than the text"
    matching.CHEAP = _CHEAP
    known = vocabulary_of(template, contents)
    assert set(template_ids(known)) <= set(known.added)
    for marker in unknown_markers(known, read_turns(known)):
        assert marker.text not in contents, "a token is called unknown"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
