"""How much an audit looked at, and what it leaves out or does not say."""

from __future__ import annotations

from rowscope.inspector.errors import bounded
from rowscope.inspector.frozen import record
from rowscope.inspector.text import joined, say, template


@record
class Skipped:
    """Something that was not audited, and why. `affects` says whether the report is partial for it."""

    what: str
    why: str
    affects: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", bounded(self.what))
        object.__setattr__(self, "why", bounded(self.why))


@record
class Hidden:
    """Findings that the report leaves out; `by` says what leaves them out, `codes` are theirs, each once."""

    by: str
    error: int
    warning: int
    note: int
    codes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many."""
        return self.error + self.warning + self.note

    @property
    def sentence(self) -> str:
        """For people: `hidden by --select or --ignore: 1 warning, 2 notes (ROW203, TOK302)`."""
        levels = (
            (template("{count:# error|# errors}"), self.error),
            (template("{count:# warning|# warnings}"), self.warning),
            (template("{count:# note|# notes}"), self.note),
        )
        counts = joined(", ", [say(words, count=count) for words, count in levels if count])
        codes = ", ".join(self.codes)
        return say("hidden by {by}: {counts} ({codes})", by=self.by, counts=counts, codes=codes)


@record
class Coverage:
    """How much was looked at. `requests` and `bytes_fetched` are of a network; 0 where nothing is remote."""

    rows_scanned: int
    bytes_read: int
    skipped: tuple[Skipped, ...]
    requests: int = 0
    bytes_fetched: int = 0


@record
class SettingsFacts:
    """Where the settings of this audit come from, and what they leave out.

    Attributes:
        file: the settings file that was used, None for none.
        keys: what it decides, in the words of the file; what the command line gave instead is not among them.
        passed_over: a settings file that was not used, because it lies in what was audited.
        select, ignore, fail_on, allow_partial, baseline: the values in effect, wherever they come from.
    """

    file: str | None
    keys: tuple[str, ...]
    passed_over: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fail_on: str
    allow_partial: bool
    baseline: str | None

    @property
    def sentence(self) -> str:
        """One line for people; nothing where no settings file was met."""
        parts = []
        if self.file is not None:
            effect = "; ".join(self.keys) or say("none in effect")
            parts.append(say("settings of {file!r}: {effect}", file=self.file, effect=effect))
        if self.passed_over is not None:
            parts.append(
                say(
                    "{file!r} was not used: it lies in what is audited; --config names it where you wrote it",
                    file=self.passed_over,
                )
            )
        return joined("; ", parts)
