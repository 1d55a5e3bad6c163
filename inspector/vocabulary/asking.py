"""A question in the form that a chat template gives it, with the answer's turn opened."""

from __future__ import annotations

from rowscope.inspector.vocabulary.model import Vocabulary
from rowscope.inspector.vocabulary.rendering.run import render
from rowscope.inspector.vocabulary.rendering.tokens import TemplateError
from rowscope.inspector.vocabulary.turns import default_template


def chat_prompt(vocabulary: Vocabulary, question: str) -> tuple[str | None, str | None]:
    """What the default chat template makes of one question, and why there is nothing.

    Returns:
        The text and None; None and a reason where the template cannot be run; None twice where there is no
        template.
    """
    template = default_template(vocabulary)
    if template is None:
        return None, None
    roles = {f"{role}_token": tokens[0] for role, tokens in vocabulary.roles.items() if tokens}
    fixed = {"tools": None, "documents": None, "add_generation_prompt": True, **roles}
    trouble = ""
    for content in (question, [{"type": "text", "text": question}]):
        try:
            text = render(template.text, {"messages": [{"role": "user", "content": content}], **fixed})
        except TemplateError as error:
            trouble = f"the template cannot be run: {error}"
            continue
        if question.strip() in text:
            return text, None
        trouble = trouble or "it does not write the question as it is"
    return None, trouble
