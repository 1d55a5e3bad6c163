"""TOK306: markers of the chat template that are no tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rowscope.inspector.checks.finding import Confidence, Finding, Rule
from rowscope.inspector.evidence import Facts, SplitMarker

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
    shown = [_words(facts, item) for item in markers[:_SHOWN]]
    more = f" and {len(markers) - _SHOWN} more" if len(markers) > _SHOWN else ""
    turns = facts.stops.turns if facts.stops else None
    ending = [
        item.marker.text for item in markers if turns and not turns.ends and item.marker.text in turns.tail
    ]
    sources = {template.name: template.source for template in facts.vocabulary.chat_templates}
    yield TOK306.finding(
        f"The chat template writes {len(markers)} marker{'' if len(markers) == 1 else 's'} that "
        f"{'is' if len(markers) == 1 else 'are'} no token: {'; '.join(shown)}{more}."
        + (f" {ending[0]!r} ends the answers: no stop token can stand for it." if ending else ""),
        _location(sources.get(markers[0].marker.template, "tokenizer")),
        confidence=max((_CONFIDENCE[item.marker.why] for item in markers), key=_ORDER.index),
        evidence={
            "count": len(markers),
            "markers": [_evidence(facts, item) for item in markers],
            "ends_turn": ending,
        },
        hint="The model reads each as those ordinary pieces. Where it was trained so, leave it; else the "
        "template belongs to another tokenizer: take the one that goes with it, or give the markers rows of "
        "their own (`rowscope claim PATH MARKER --out DIR`) and train them.",
    )


_ORDER: Final = ("low", "medium", "high")


def _words(facts: Facts, item: SplitMarker) -> str:
    if item.pieces is None or facts.vocabulary is None:
        return repr(item.marker.text)
    pieces = " ".join(facts.vocabulary.quoted(id) for id in item.pieces[:8])
    count = f"{len(item.pieces)} piece{'' if len(item.pieces) == 1 else 's'}"
    return f"{item.marker.text!r} ({count}: {pieces}{' …' if len(item.pieces) > 8 else ''})"


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
