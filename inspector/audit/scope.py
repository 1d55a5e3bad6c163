"""How much an audit looked at, and what it leaves out or does not say."""

from __future__ import annotations

from rowscope.inspector.errors import bounded
from rowscope.inspector.frozen import record


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
        levels = (("error", self.error), ("warning", self.warning), ("note", self.note))
        counts = ", ".join(f"{n:,} {level}{'' if n == 1 else 's'}" for level, n in levels if n)
        return f"hidden by {self.by}: {counts} ({', '.join(self.codes)})"


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
            parts.append(f"settings of {self.file!r}: {'; '.join(self.keys) or 'none in effect'}")
        if self.passed_over is not None:
            parts.append(
                f"{self.passed_over!r} was not used: it lies in what is audited; --config names it where you "
                "wrote it"
            )
        return "; ".join(parts)
