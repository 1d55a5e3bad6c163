"""A Markdown document built from keys, numbers and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rowscope.inspector.frozen import record
from rowscope.inspector.study.texts import NOT_ASKED, Texts
from rowscope.inspector.text import visible


@record
class Figure:
    """A picture that the text names as `NAME.svg`.

    Attributes:
        kind: "norms", "cloud", "leak", "policy" or "gradient". role: of the matrix that it shows, or empty.
        title: what is to be seen, in a sentence.
    """

    name: str
    kind: str
    role: str
    title: str


class Document:
    """Blocks of Markdown; sentences said one after the other share a paragraph until `stop`."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self._blocks: list[str] = []
        self._sentences: list[str] = []
        self.figures: list[Figure] = []

    def title(self, key: str, **values: object) -> None:
        self._block("# " + self.texts.say(key, **values))

    def heading(self, key: str) -> None:
        self._block("## " + self.texts.say(f"heading.{key}"))

    def subheading(self, key: str, **values: object) -> None:
        """A key whose text brings its own number signs."""
        self._block(self.texts.say(key, **values))

    def foreign(self, text: str) -> str:
        """A sentence of another room in this language, safe in Markdown."""
        return plain(self.texts.told(text))

    def say_foreign(self, text: str) -> None:
        """Add a sentence of another room to the paragraph."""
        self._sentences.append(self.foreign(text))

    def unmeasured(self, why: str) -> None:
        """A paragraph that says why a section has no numbers."""
        self.paragraph("method.not_measured", why=self.reason(why))

    def reason(self, why: str) -> str:
        return self.texts.say(why) if why == NOT_ASKED else self.foreign(why)

    def say(self, key: str, **values: object) -> None:
        """Add a sentence to the paragraph."""
        self._sentences.append(self.texts.say(key, **values))

    def paragraph(self, key: str, **values: object) -> None:
        """A sentence or more as a paragraph of its own."""
        self.stop()
        self.say(key, **values)
        self.stop()

    def bullets(self, items: Iterable[str]) -> None:
        lines = [f"* {item}" for item in items]
        if lines:
            self._block("\n".join(lines))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> None:
        """The first `words` columns to the left, the numbers behind them to the right."""
        self._rows(head, [*["---"] * words, *["---:"] * (len(head) - words)], rows)

    def text_table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """All columns to the left."""
        self._rows(head, ["---"] * len(head), rows)

    def _rows(self, head: Sequence[str], rule: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        body = [[_cell(cell) for cell in row] for row in rows]
        if body:
            lines = ([_cell(cell) for cell in head], list(rule), *body)
            self._block("\n".join(f"| {' | '.join(cells)} |" for cells in lines))

    def code(self, language: str, text: str) -> None:
        self._block(f"```{language}\n{text}\n```")

    def figure(self, figure: str, matrix: str = "", **values: object) -> None:
        """A place for a picture: what it shows, and the matrix' role where there is one for each."""
        name = f"{figure}-{matrix}" if matrix else figure
        title = self.texts.say(f"figure.{figure}", **values)
        self.figures.append(Figure(name, figure, matrix, title))
        self._block(f"![{title}]({name}.svg)")

    def stop(self) -> None:
        """End the paragraph."""
        if self._sentences:
            joiner = self.texts.say("word.joiner")
            self._blocks.append(joiner.join(self._sentences))
            self._sentences = []

    def _block(self, text: str) -> None:
        self.stop()
        self._blocks.append(text)

    def render(self) -> str:
        """The document, ending in one newline."""
        self.stop()
        return "\n\n".join(self._blocks) + "\n"


def _cell(text: str) -> str:
    """A table ends its cells at every bar, in code spans too, unless a backslash stands before it."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def code(name: str) -> str:
    """A name from a file as a code span that stays one."""
    text = visible(name)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    # A blank keeps a backtick at either end apart from the fence, and is no part of the code.
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def plain(text: str) -> str:
    """A sentence with names from files in it, made safe to print in Markdown."""
    safe = visible(text)
    for sign in "\\`*_{}[]<>|#":
        safe = safe.replace(sign, "\\" + sign)
    return safe
