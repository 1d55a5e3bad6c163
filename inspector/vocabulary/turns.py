"""What a chat template writes around the turns of a conversation, by running it on a small one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rowscope.inspector.frozen import record
from rowscope.inspector.vocabulary.matching import Matcher
from rowscope.inspector.vocabulary.model import ChatTemplate, Vocabulary
from rowscope.inspector.vocabulary.rendering.run import run
from rowscope.inspector.vocabulary.rendering.statements import parse
from rowscope.inspector.vocabulary.rendering.syntax import Body
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError

# Texts that no template writes of its own.
_ASKED: Final = ("Qzuestion-one", "Qzuestion-two")
_ANSWERED: Final = ("Azqnswer-one", "Azqnswer-two")
_ARGUMENT: Final = "Vzqalue-one"
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks it up.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string", "description": "The word."}},
            "required": ["word"],
        },
    },
}


@record
class Turns:
    """What stands around the turns, as texts of added tokens in their order.

    Attributes:
        template: the template that transformers takes where nobody names one.
        before: from the beginning to the first question.
        between: from the first answer to the second question.
        after: behind the last answer, where no answer is asked for.
        after_call: behind the arguments of a tool call that ends the conversation; None where the template
            has no tool calls or cannot be run on them.
        frame: all that the template wrote itself, with the texts of the conversation left out.
        tail: the plain text behind the last answer.
        trouble: why nothing is known of the turns; None where it is.
    """

    template: ChatTemplate
    before: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_call: tuple[str, ...] | None = None
    frame: tuple[str, ...] = ()
    tail: str = ""
    trouble: str | None = None

    @property
    def ends(self) -> tuple[str, ...]:
        """The tokens that end an answer: those behind the last one, else those that begin no turn."""
        return self.after or tuple(token for token in self.between if token not in self.before)


def default_template(vocabulary: Vocabulary) -> ChatTemplate | None:
    """The template that transformers takes where nobody names one; None where there is none."""
    templates = vocabulary.chat_templates
    return next((item for item in templates if item.name == "default"), templates[0] if templates else None)


def read_turns(vocabulary: Vocabulary) -> Turns | None:
    """The turns of the default chat template; None where the tokenizer has no template."""
    template = default_template(vocabulary)
    if template is None:
        return None
    roles = {f"{role}_token": tokens[0] for role, tokens in vocabulary.roles.items() if tokens}
    matcher = Matcher([token.content for token in vocabulary.added.values()])
    try:
        body = parse(template.text)
    except TemplateError as error:
        return Turns(template, trouble=f"the template cannot be read: {error}")
    trouble = "it does not write the answers as they are"
    for messages in _conversations():
        try:
            text = run(body, {"messages": messages, "add_generation_prompt": False, **_NOTHING, **roles})
        except TemplateError as error:
            trouble = f"the template cannot be run: {error}"
            continue
        parts = _parted(text, [item for item in (*_ASKED, *_ANSWERED) if item in str(messages)])
        if parts is not None:
            return _turns(template, parts, matcher, _after_call(vocabulary, body, roles, matcher))
    return Turns(template, trouble=trouble)


_NOTHING: Final[Mapping[str, Any]] = {"tools": None, "documents": None}


def _conversations() -> Iterator[list[dict[str, Any]]]:
    """Two rounds of questions and answers, or one; texts as they are, or in parts."""
    for count in (2, 1):
        for parts in (False, True):
            messages = []
            for asked, answered in zip(_ASKED[:count], _ANSWERED[:count], strict=True):
                messages.append({"role": "user", "content": _content(asked, parts)})
                messages.append({"role": "assistant", "content": _content(answered, parts)})
            yield messages


def _content(text: str, parts: bool) -> str | list[dict[str, str]]:
    return [{"type": "text", "text": text}] if parts else text


def _parted(text: str, contents: Sequence[str]) -> list[str] | None:
    """What stands before, between and behind the contents; None unless each is there once, in order."""
    ordered = sorted(contents, key=text.find)
    if any(text.count(content) != 1 for content in ordered):
        return None
    parts = []
    for content in ordered:
        part, _, text = text.partition(content)
        parts.append(part)
    asked = [content in _ASKED for content in ordered]
    return [*parts, text] if asked == [True, False] * (len(ordered) // 2) else None


def _turns(
    template: ChatTemplate, parts: list[str], matcher: Matcher, after_call: tuple[str, ...] | None
) -> Turns:
    between = parts[2] if len(parts) > 3 else ""
    return Turns(
        template,
        before=_in_order(parts[0], matcher),
        between=_in_order(between, matcher),
        after=_in_order(parts[-1], matcher),
        after_call=after_call,
        frame=tuple(parts),
        tail=parts[-1],
    )


def _in_order(text: str, matcher: Matcher) -> tuple[str, ...]:
    """The added tokens in a text, as the tokenizer matches them."""
    return tuple(text[start:stop] for start, stop in matcher.spans(text))


def _after_call(
    vocabulary: Vocabulary, body: Body, roles: Mapping[str, str], matcher: Matcher
) -> tuple[str, ...] | None:
    """The tokens behind the last argument of a tool call."""
    named = next((item for item in vocabulary.chat_templates if item.name == "tool_use"), None)
    for arguments in ({"word": _ARGUMENT}, f'{{"word": "{_ARGUMENT}"}}'):
        call = {
            "id": "call00001",
            "type": "function",
            "function": {"name": "look_up", "arguments": arguments},
        }
        messages = [
            {"role": "user", "content": _ASKED[0]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
        ]
        variables = {**_NOTHING, "messages": messages, "add_generation_prompt": False, "tools": [_TOOL]}
        try:
            text = run(parse(named.text) if named else body, {**variables, **roles})
        except TemplateError:
            continue
        if text.count(_ARGUMENT) == 1:
            return _in_order(text.partition(_ARGUMENT)[2], matcher)
    return None
