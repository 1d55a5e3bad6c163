"""TOK306: markers of the chat template that are no tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.checks.finding import Confidence, Finding, Rule
from rowscope.inspector.evidence import Facts, SplitMarker
from rowscope.inspector.text import Said, joined, say

TOK306: Final = Rule(
    "TOK306", "marker-without-token", "warning", "A marker in the chat template that is no token."
)

_SHOWN: Final = 3
_CONFIDENCE: Final[dict[str, Confidence]] = {"barred": "high", "half": "medium", "frame": "low"}


def marker_without_token(facts: Facts) -> Iterator[Finding]:
    """TOK306: one finding for all of them, with what each is split into."""
    markers = facts.markers
    if not markers or facts.vocabulary is None:
        return
    shown = joined("; ", [_words(facts, item) for item in markers[:_SHOWN]])
    if len(markers) > _SHOWN:
        shown = say("{shown} and {more} more", shown=shown, more=len(markers) - _SHOWN)
    turns = facts.stops.turns if facts.stops else None
    ending = [
        item.marker.text for item in markers if turns and not turns.ends and item.marker.text in turns.tail
    ]
    sources = {template.name: template.source for template in facts.vocabulary.chat_templates}
    message = say(
        "The chat template writes {count:# marker that is|# markers that are} no token: {listed}.",
        count=len(markers),
        listed=shown,
    )
    if ending:
        last = say("{marker!r} ends the answers: no stop token can stand for it.", marker=ending[0])
        message = joined(" ", [message, last])
    yield TOK306.finding(
        message,
        _location(sources.get(markers[0].marker.template, "tokenizer")),
        confidence=max((_CONFIDENCE[item.marker.why] for item in markers), key=_ORDER.index),
        evidence={
            "count": len(markers),
            "markers": [_evidence(facts, item) for item in markers],
            "ends_turn": ending,
        },
        hint=say(
            "The model reads each as those ordinary pieces. Where it was trained so, leave it; else the "
            "template belongs to another tokenizer: take the one that goes with it, or give the markers rows "
            "of their own (`rowscope claim PATH MARKER --out DIR`) and train them."
        ),
    )


_ORDER: Final = ("low", "medium", "high")


def _words(facts: Facts, item: SplitMarker) -> Said:
    if item.pieces is None or facts.vocabulary is None:
        return say("{marker!r}", marker=item.marker.text)
    pieces = " ".join(facts.vocabulary.quoted(id) for id in item.pieces[:8])
    return say(
        "{marker!r} ({count:# piece|# pieces}: {pieces})",
        marker=item.marker.text,
        count=len(item.pieces),
        pieces=f"{pieces}{' …' if len(item.pieces) > 8 else ''}",
    )


def _evidence(facts: Facts, item: SplitMarker) -> dict[str, Any]:
    pieces = None
    if item.pieces is not None and facts.vocabulary is not None:
        tokens = facts.vocabulary.tokens
        pieces = [{"id": id, "token": tokens.get(id), "text": facts.meaning(id)} for id in item.pieces]
    marker = item.marker
    found = {"text": marker.text, "template": marker.template, "why": marker.why, "other": marker.other}
    return {**found, "pieces": pieces}


def _location(source: str) -> str:
    """`chat_template.jinja` or `tokenizer_config.json: chat_template`."""
    file, colon, key = source.partition(":")
    return f"{file}: {key}" if colon else source
