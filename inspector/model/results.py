"""What every probe returns: a frozen result that knows the settings it was measured under."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import rowscope
from rowscope.inspector.frozen import Comparable, record
from rowscope.inspector.plain import to_plain
from rowscope.inspector.ranges import Range

SCHEMA_VERSION: Final = "1"

Progress = Callable[[str, int, int], None] | None
"""Called with a stage's name, the units finished so far and the units in all."""


@record
class SubjectFacts:
    """The ids that a probe looked at.

    `kind` is "reserved", "untrained" (a checkpoint without reserved rows: its untrained used tokens),
    "given" (by the caller) or "candidates" (what `verify` asks about).
    """

    kind: str
    count: int
    ranges: tuple[Range, ...]


@record
class Settings:
    """What a probe ran on.

    Attributes:
        model_class: the transformers class.
        kind: "causal", "seq2seq", "masked" or "headless" (no output over the vocabulary).
        parameters: of the loaded model, tied ones counted once.
        input_rows, output_rows: at run time; `output_rows` is None for a headless model.
        dtype_reason: why it was loaded in this dtype, in a few words.
        tied: whether the loaded model uses one matrix twice.
        versions: torch and transformers.
    """

    path: str
    model_class: str
    kind: str
    device: str
    dtype: str
    dtype_reason: str
    seed: int
    parameters: int
    input_rows: int
    output_rows: int | None
    tied: bool
    subject: SubjectFacts
    versions: dict[str, str]


@record
class Summary:
    """Mean, least and greatest of some numbers; NaN where there are none."""

    mean: float
    min: float
    max: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbeResult(Comparable):
    """Base of the probes' results; every other field of a subclass is part of `results` in the JSON.

    Attributes:
        settings: what was measured on what.
        notes: choices made for the user and limits of this run, as sentences.
    """

    probe: ClassVar[str]

    settings: Settings
    notes: tuple[str, ...]

    def untimed(self) -> Self:
        """The same with the seconds left out, NaN in their place: what equal runs have in common."""
        return self

    def to_dict(self, *, exit_code: int = 0, timings: bool = False) -> dict[str, Any]:
        """JSON values; numbers that are not finite become None.

        Args:
            timings: with the seconds; without them two runs with one seed give the same.
        """
        shown = self if timings else self.untimed()
        own = {
            field.name: getattr(shown, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("settings", "notes")
        }
        plain = to_plain(
            {
                "schema_version": SCHEMA_VERSION,
                "tool": {"name": "rowscope", "version": rowscope.__version__},
                "exit_code": exit_code,
                "probe": self.probe,
                "settings": self.settings,
                "notes": self.notes,
                "results": own,
            }
        )
        assert isinstance(plain, dict)
        return plain
