"""Whether a claim leaves all other tokens where they are."""

from __future__ import annotations

from collections.abc import Mapping

from rowscope.inspector.vocabulary.written import WrittenTokens


def same_but_for(before: Mapping[int, str], after: Mapping[int, str], changes: Mapping[int, str]) -> bool:
    """Whether `after` is `before` with `changes`, id by id."""
    if (
        isinstance(before, WrittenTokens)
        and isinstance(after, WrittenTokens)
        and before.lines.text == after.lines.text
    ):
        # The model's own entries were read from the same bytes; only what lies over them can differ.
        ids = {*before.over, *after.over, *changes}
        return all(changes.get(id, before.get(id)) == after.get(id) for id in ids)
    return {**dict(before.items()), **changes} == dict(after.items())
