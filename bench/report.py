"""What a section of the benchmarks found, as Markdown: notes, tables, and claims that are met or not."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure.

    Attributes:
        work: folder for the checkpoints, which are made there unless they exist.
        repeat: rounds that count.
        quick: small sizes, to see that everything runs; the claims are not meant for them.
        keep: leave the checkpoints there.
        threads: of rowscope, torch and the read limit.
    """

    work: Path
    repeat: int
    quick: bool
    keep: bool = False
    threads: int = 2

    def discard(self, path: Path) -> None:
        """Remove a checkpoint that is not needed any more, unless it is to be kept: they are large."""
        if not self.keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass(frozen=True, slots=True)
class Claim:
    """A bound that a measured value has to keep."""

    text: str
    measured: float
    bound: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def cells(self) -> tuple[str, ...]:
        """Cells of the table of claims."""
        wanted = f"{'at least' if self.at_least else 'at most'} {number(self.bound)}{self.unit}"
        verdict = "met" if self.met else "**not met**"
        return self.text, wanted, f"{number(self.measured)}{self.unit}", verdict


@dataclass(frozen=True, slots=True)
class Table:
    """Cells below a header; all columns but the first are right-aligned."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def render(self) -> str:
        marks = ["---", *["---:"] * (len(self.header) - 1)]
        lines = [self.header, marks, *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{self.title}\n\n{body}" if self.title else body


@dataclass(frozen=True, slots=True)
class Section:
    """One group of measurements; `disturbed` is the share of the processors that others took meanwhile."""

    title: str
    notes: str
    tables: Sequence[Table]
    claims: Sequence[Claim] = ()
    disturbed: float = 0.0

    def render(self) -> str:
        others = f"Other processes took {self.disturbed:.0%} of the processors' time meanwhile."
        tables = (table.render() for table in self.tables)
        return "\n\n".join([f"### {self.title}", self.notes, others, *tables])


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.5f}"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def megabytes(size: float) -> str:
    """In units of 10^6 bytes."""
    return f"{size / 1e6:,.0f}"


def write_below(path: Path, marker: str, report: str) -> None:
    """Write a report, or replace what stands below the marker of a document that has one."""
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    above, found, _ = known.partition(marker)
    path.write_text(f"{above}{found}\n\n{report}" if found else report, encoding="utf-8")


def render_report(facts: Table, sections: Sequence[Section], quick: bool) -> str:
    """The whole report, its headings from level 2 on."""
    parts = ["## Machine", facts.render(), "## Claims", _claims(sections, quick), "## Measurements"]
    return "\n\n".join([*parts, *(section.render() for section in sections)]) + "\n"


def _claims(sections: Iterable[Section], quick: bool) -> str:
    claims = [claim for section in sections for claim in section.claims]
    table = Table("", ("claim", "required", "measured", ""), [claim.cells() for claim in claims])
    met = sum(claim.met for claim in claims)
    words = f"{met} of {len(claims)} met."
    if quick:
        words += " **Quick run on small sizes: the bounds are not meant for it.**"
    return f"{words}\n\n{table.render()}"
