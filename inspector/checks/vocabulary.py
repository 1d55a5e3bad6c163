"""VOC: do config, tokenizer and matrices agree on the vocabulary?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rowscope.inspector.census import UNMAPPED, Capacity, RoledToken, take_capacity
from rowscope.inspector.checks.finding import Finding, Rule, id_evidence, row_location
from rowscope.inspector.evidence import Facts, samples
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import quoted_token

VOC101: Final = Rule("VOC101", "unmapped-rows", "note", "Rows that no tokenizer entry owns.")
VOC102: Final = Rule("VOC102", "token-without-row", "warning", "A tokenizer id that has no row.")
VOC105: Final = Rule("VOC105", "bad-special-id", "error", "An eos, bos or pad id out of range or unmapped.")
VOC106: Final = Rule("VOC106", "placeholder-tokens", "note", "Entries whose name says reserved or unused.")
VOC107: Final = Rule("VOC107", "vocabulary-holes", "note", "Unmapped ids below the largest token id.")

# Where a role is declared that makes a model meet the id; `tokenizer` and a token's name do not.
_USERS: Final = ("config.json", "generation_config.json", "chat template")
_CHECKED_ROLES: Final = ("eos", "bos", "pad")


def unmapped_rows(facts: Facts) -> Iterator[Finding]:
    """VOC101."""
    group = facts.census.groups["unmapped"]
    if not group.count or not facts.matrices:
        return
    yield VOC101.finding(
        say(
            "{count} of {rows} rows {count:has|have} no tokenizer entry: {where}.",
            count=group.count,
            rows=facts.census.rows,
            where=format_ranges(group.ranges),
        ),
        row_location(facts.matrices[0].matrix.tensor, facts.census.ids("unmapped")),
        evidence=id_evidence(facts.census.ids("unmapped")),
        hint=_of_unmapped(facts),
    )


def _of_unmapped(facts: Facts) -> Said:
    step = say(
        "Never sample these ids: `rowscope mask` exports them for your serving stack."
        if samples(facts.checkpoint, facts.vocabulary)
        else "No text becomes one of these ids, and nothing is sampled from this model."
    )
    if not _capacity(facts).without_resize:
        return step
    return joined(" ", [step, say("A new token can take one without a resize: `rowscope claim`.")])


def token_without_row(facts: Facts) -> Iterator[Finding]:
    """VOC102: an error when config.json, generation_config.json or the chat template uses the id.

    A role that the tokenizer's own files give (an image token of a text model, a word's name) uses nothing:
    the model meets such an id only where somebody writes the token.
    """
    rows = facts.census.rows + facts.checkpoint.layout.behind
    missing = [item for item in facts.census.out_of_range if item.id >= rows]
    if not missing:
        return
    users = {token.id: [s for s in token.sources if s.startswith(_USERS)] for token in facts.tokens}
    used = [item for item in missing if users.get(item.id)]
    first = used[0] if used else missing[0]
    ids = np.array([item.id for item in missing], dtype=np.int64)
    yield VOC102.finding(
        say(
            "{count:# tokenizer entry has|# tokenizer entries have} no row in matrices of {rows} rows, "
            "{first} among them, which {users} names."
            if used
            else "{count:# tokenizer entry has|# tokenizer entries have} no row in matrices of {rows} rows, "
            "{first} among them.",
            count=len(missing),
            rows=rows,
            first=facts.text(first.id),
            users=", ".join(users.get(first.id, ())),
        ),
        f"{facts.matrices[0].matrix.tensor}[{rows}:]" if facts.matrices else "tokenizer",
        severity="error" if used else "warning",
        evidence={**id_evidence(ids), "used_by_config_or_template": [item.id for item in used]},
        hint=_more_rows(facts, int(ids.max()) + 1),
    )


def _capacity(facts: Facts) -> Capacity:
    return take_capacity(facts.checkpoint, facts.vocabulary, facts.census)


def _more_rows(facts: Facts, rows: int) -> Said:
    """What to do about ids without a row."""
    why_not = _capacity(facts).no_resize
    if why_not is None:
        return say(
            "Resize the matrices to at least {rows} rows (model.resize_token_embeddings), or remove the "
            "entries from the tokenizer.",
            rows=rows,
        )
    return say(
        "Remove the entries from the tokenizer, or use the tokenizer of this model: {why_not}.",
        why_not=why_not,
    )


def bad_special_id(facts: Facts) -> Iterator[Finding]:
    """VOC105: one finding per id."""
    rows = facts.census.rows + facts.checkpoint.layout.behind
    if not facts.census.rows:
        return
    for token in facts.tokens:
        roles = [role for role in token.roles if role in _CHECKED_ROLES]
        if not roles:
            continue
        if token.id >= rows:
            yield _bad_id(token, roles, say("lies beyond the last row, {last:d}", last=rows - 1))
        elif (
            facts.vocabulary is not None
            and token.id < facts.census.codes.size
            and facts.census.codes[token.id] == UNMAPPED
        ):
            yield _bad_id(token, roles, say("has no tokenizer entry"))


def _bad_id(token: RoledToken, roles: list[str], fault: Said) -> Finding:
    return VOC105.finding(
        say("The {roles} id {id:d} {fault}.", roles=joined(" and ", roles), id=token.id, fault=fault),
        "; ".join(token.sources),
        evidence={"count": 1, "ids": [token.id], "roles": roles, "sources": list(token.sources)},
        hint=say(
            "Set it to the id of a token that the tokenizer knows, in config.json and generation_config.json "
            "alike."
        ),
    )


def placeholder_tokens(facts: Facts) -> Iterator[Finding]:
    """VOC106."""
    group = facts.census.groups["placeholder"]
    if not group.count:
        return
    ids = facts.census.ids("placeholder")
    examples = ", ".join(quoted_token(*pair) for pair in zip(group.examples[:3], group.texts, strict=False))
    yield VOC106.finding(
        say(
            "{count:# tokenizer entry is a placeholder|# tokenizer entries are placeholders} by name, such "
            "as {examples}.",
            count=group.count,
            examples=examples,
        ),
        row_location(facts.matrices[0].matrix.tensor, ids) if facts.matrices else "tokenizer",
        evidence={**id_evidence(ids), "examples": list(group.examples), "texts": list(group.texts)},
        hint=_of_placeholders(facts),
    )


def _of_placeholders(facts: Facts) -> Said:
    sampled = samples(facts.checkpoint, facts.vocabulary)
    if _capacity(facts).by_design:
        return say(
            "They can be sampled unless masked (`rowscope mask`)."
            if sampled
            else "Nothing is sampled from this model, so that only text that spells them meets them."
        )
    return say(
        "They can be sampled unless masked (`rowscope mask`); they can be renamed into new tokens "
        "(`rowscope claim --replace`)."
        if sampled
        else "Nothing is sampled from this model, so that only text that spells them meets them; they can be "
        "renamed into new tokens (`rowscope claim --replace`)."
    )


def vocabulary_holes(facts: Facts) -> Iterator[Finding]:
    """VOC107."""
    holes = facts.census.holes
    if not holes.count or facts.census.tokenizer is None:
        return
    max_id = facts.census.tokenizer.max_id or 0
    ids = facts.census.ids("unmapped")
    ids = ids[ids < max_id]
    yield VOC107.finding(
        say(
            "{count:# id|# ids} below the largest token id {largest:d} {count:has|have} no entry: {where}.",
            count=holes.count,
            largest=max_id,
            where=format_ranges(holes.ranges),
        ),
        row_location(facts.matrices[0].matrix.tensor, ids) if facts.matrices else "tokenizer",
        evidence=id_evidence(ids),
        hint=say(
            "Bound ids by {bound:d} (largest id + 1), not by len(tokenizer) = {entries:d}.",
            bound=max_id + 1,
            entries=facts.census.tokenizer.entries,
        ),
    )
