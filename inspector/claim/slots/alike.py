"""Whether a claim leaves all other tokens where they are."""

from __future__ import annotations

from collections.abc import Mapping

from rowscope.inspector.vocabulary import differing


def same_but_for(before: Mapping[int, str], after: Mapping[int, str], changes: Mapping[int, str]) -> bool:
    """Whether `after` is `before` with `changes`, id by id."""
    done = all(after.get(id) == token for id, token in changes.items())
    return done and differing(before, after) <= changes.keys()
