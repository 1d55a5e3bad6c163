"""Text that the probes read: prompts in many scripts, a carrier sentence, and prompts from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rowscope.inspector.errors import UsageError
from rowscope.inspector.frozen import record


@record
class Prompt:
    """A text and a name for it (a language, or the line of a file)."""

    name: str
    text: str


CARRIER: Final = ("The next word of this sentence is in no dictionary:", "and")
"""A subject token stands between the two halves."""

BUILT_IN: Final = (
    Prompt("English", "The museum opens at nine in the morning, and the first visitors usually come from"),
    Prompt("Chinese", "昨天下午我们去了城外的一个小湖，那里的水很清，"),
    Prompt("Japanese", "明日の会議は午後三時に始まりますので、資料を"),
    Prompt("Korean", "지난 주말에 우리는 기차를 타고 바다를 보러"),
    Prompt("Russian", "Вечером в библиотеке было тихо, и только старые часы"),
    Prompt("Arabic", "في الصباح الباكر خرج الصياد إلى البحر ومعه"),
    Prompt("Hindi", "गाँव के पास एक पुराना पेड़ था जिसके नीचे"),
    Prompt("Greek", "Το καράβι έφυγε από το λιμάνι πριν από"),
    Prompt("Turkish", "Köyün meydanında her pazar sabahı kurulan"),
    Prompt("French", "Le boulanger du coin prépare chaque matin des"),
    Prompt("German", "Der Zug nach Hamburg hat heute leider eine Verspätung von"),
    Prompt("Spanish", "La receta de mi abuela lleva tomates, aceite y"),
    Prompt("Vietnamese", "Buổi sáng ở chợ nổi, những chiếc thuyền nhỏ chở đầy"),
    Prompt(
        "Python", 'def count_words(path):\n    """Return how often each word occurs."""\n    counts = {}\n'
    ),
    Prompt("JSON", '{"name": "lamp", "price": 12.5, "tags": ["home", "light"], "stock":'),
    Prompt("Arithmetic", "Question: what is 17 * 24 + 5?\nAnswer: 17 * 24 ="),
    Prompt("Table", "| city | height |\n|---|---|\n| Quito | 2850 m |\n| Lhasa |"),
    Prompt("Emoji", "Happy birthday!! 🎉🎂 See you tonight at"),
)


def as_prompts(given: Iterable[Prompt | str]) -> tuple[Prompt, ...]:
    """Prompts, and plain texts as such, called by their place.

    Raises:
        UsageError: something else.
    """
    texts = (given,) if isinstance(given, (str, Prompt)) else given
    if not isinstance(texts, Iterable):
        raise UsageError(f"prompts: {given!r} holds no text; give a list of texts", location="--prompts")
    found = []
    for at, text in enumerate(texts, 1):
        if not isinstance(text, (str, Prompt)):
            raise UsageError(f"prompts: {text!r} is no text; give a list of texts", location="--prompts")
        found.append(Prompt(f"prompt {at}", text) if isinstance(text, str) else text)
    return tuple(found)


def read_prompts(path: str | os.PathLike[str], *, option: str = "--prompts") -> tuple[Prompt, ...]:
    r"""Prompts from a UTF-8 file: one a line, or with the ending `.jsonl` one JSON value a line.

    A JSON value is a string or an object with `prompt` or `text`; in plain lines `\n` stays as it is.
    Blank lines are passed over.

    Args:
        option: that named the file, for messages.

    Raises:
        UsageError: the file cannot be read, holds no prompt, or a line is not what it should be.
    """
    name = os.fsdecode(path)
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"{option}: cannot read {name!r}: {error.strerror}; give a text file", location=option
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{option}: {name!r} is not UTF-8 at byte {error.start}; save it as UTF-8", location=option
        ) from error
    as_json = name.endswith(".jsonl")
    prompts = tuple(
        Prompt(f"line {number}", _from_json(line, number, name, option) if as_json else line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    )
    if not prompts:
        raise UsageError(f"{option}: {name!r} holds no prompt; write one a line", location=option)
    return prompts


def _from_json(line: str, number: int, name: str, option: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UsageError(
            f"{option}: line {number} of {name!r} is not JSON ({error}); write one JSON value a line",
            location=option,
        ) from error
    if isinstance(value, dict):
        value = value.get("prompt", value.get("text"))
    if not isinstance(value, str) or not value.strip():
        raise UsageError(
            f"{option}: line {number} of {name!r} is neither a string nor an object with a text under "
            "'prompt' or 'text'",
            location=option,
        )
    return value
