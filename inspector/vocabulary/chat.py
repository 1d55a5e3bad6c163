"""Chat templates from every place where they are stored."""

from __future__ import annotations

from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.files import TokenizerFolder, wrong
from rowscope.inspector.vocabulary.limits import MOST_TEMPLATE, MOST_TEMPLATES, require
from rowscope.inspector.vocabulary.model import ChatTemplate
from rowscope.inspector.vocabulary.settings import CONFIG

JINJA = "chat_template.jinja"
PROCESSOR = "chat_template.json"
TEMPLATE_FILES = (JINJA, PROCESSOR)
FOLDER = "additional_chat_templates"


def read_chat_templates(folder: TokenizerFolder, config: dict[str, object]) -> tuple[ChatTemplate, ...]:
    """The templates in use.

    Template files replace the templates of tokenizer_config.json altogether, as in transformers;
    chat_template.json is what processors of multimodal models read and stands beside them.

    Raises:
        TokenizerError: a template that is no text, a malformed chat_template.json, or more than the limits.
    """
    files = _from_files(folder)
    configured = _from_value(config.get("chat_template"), CONFIG)
    if files and configured and {_same(entry) for entry in files} != {_same(entry) for entry in configured}:
        folder.notes.append(
            say(
                "the chat template in {config} differs from {file}, which replaces it",
                config=CONFIG,
                file=files[0].source,
            )
        )
    templates = files or configured
    known = {_same(entry) for entry in templates}
    processor = _from_value(folder.read_object(PROCESSOR).get("chat_template"), PROCESSOR)
    found = tuple(templates + [entry for entry in processor if _same(entry) not in known])
    if found:
        size = sum(len(template.text) for template in found)
        require(found[0].source, "characters of chat templates", size, MOST_TEMPLATE)
    return found


def _same(template: ChatTemplate) -> tuple[str, str]:
    return template.name, template.text


def _from_files(folder: TokenizerFolder) -> list[ChatTemplate]:
    templates = []
    if folder.has(JINJA):
        templates.append(ChatTemplate("default", JINJA, folder.read_text(JINJA, MOST_TEMPLATE)))
    names = folder.files_in(FOLDER, ".jinja")
    require(FOLDER, "chat templates", len(names), MOST_TEMPLATES)
    for name in names:
        title = name.rpartition("/")[2].removesuffix(".jinja")
        templates.append(ChatTemplate(title, name, folder.read_text(name, MOST_TEMPLATE)))
    return templates


def _from_value(value: object, file: str) -> list[ChatTemplate]:
    """A template, a list of `{"name", "template"}`, or an object from name to template."""
    source = f"{file}:chat_template"
    if value is None:
        return []
    if isinstance(value, str):
        return [ChatTemplate("default", source, value)]
    entries = list(value.items()) if isinstance(value, dict) else _named(value, file)
    require(source, "chat templates", len(entries), MOST_TEMPLATES)
    templates = []
    for name, text in entries:
        if not isinstance(name, str) or not isinstance(text, str):
            raise wrong(file, f"the chat template {ascii(name)[:40]}", text, "a text")
        templates.append(ChatTemplate(name, f"{source}[{name}]", text))
    return templates


def _named(value: object, file: str) -> list[tuple[object, object]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise wrong(file, "chat_template", value, "a text or a list of named templates")
    return [(entry.get("name"), entry.get("template")) for entry in value]
