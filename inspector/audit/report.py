"""The frozen report of an audit, and its JSON form (schema_version "1")."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import rowscope
from rowscope.inspector.audit.judged import JudgedRows
from rowscope.inspector.audit.scope import Coverage, Hidden, SettingsFacts
from rowscope.inspector.census import Capacity, Census
from rowscope.inspector.checks import MAX_IDS, SEVERITY_RANK, Finding
from rowscope.inspector.documents import Documented
from rowscope.inspector.errors import unknown_value
from rowscope.inspector.evidence import WeightDecay
from rowscope.inspector.frozen import Comparable, fields_of, record
from rowscope.inspector.plain import to_plain
from rowscope.inspector.rows import GroupStats
from rowscope.inspector.text import plural

if TYPE_CHECKING:
    from rowscope.inspector.matrices import Storage
    from rowscope.inspector.vocabulary import Vocabulary

SCHEMA_VERSION: Final = "1"

FAIL_ON: Final = ("error", "warning", "note", "never")


@record
class FileFacts:
    """A file of the checkpoint: name relative to its folder, size in bytes.

    `header_sha256` is the SHA-256 of its header's JSON bytes, in hexadecimal: with the same header, tensors
    lie in the same places.
    """

    name: str
    bytes: int
    header_sha256: str = ""


@record
class CheckpointFacts:
    """The checkpoint as a whole; `quantization` names the method, None for plain weights."""

    path: str
    files: tuple[FileFacts, ...]
    bytes: int
    tensors: int
    parameters: int
    model_type: str | None
    architectures: tuple[str, ...]
    quantization: str | None
    notes: tuple[str, ...]


@record
class ReferenceFacts:
    """The untrained reference of a matrix: where it comes from, over how many rows, how wide.

    `kind` is "collapsed" (untrained rows share a direction) or "initial" (they are independent random rows).
    `spread` is the median of 1 - cosine of those rows to their centre.
    """

    kind: str
    source: str
    rows: int
    spread: float


@record
class NotableRow:
    """A row worth a look; `duplicates` counts the other rows with the same values.

    `grade`: how far a row called trained has moved, None for others and where nothing tells.
    """

    id: int
    token: str | None
    text: str | None
    group: str
    verdict: str
    confidence: str
    grade: str | None
    norm: float
    cosine_to_reference: float
    duplicates: int
    why: str


@record
class MatrixReport:
    """Statistics and verdicts of one matrix; `groups` holds `GroupStats` plus verdict counts.

    `mean_shift` is the norm of the mean of all finite rows / their median norm. `rows` are all rows one by
    one, which pictures are drawn from; they are no part of the JSON.
    """

    role: str
    tensor: str
    file: str
    dtype: str
    shape: tuple[int, int]
    found_by: str
    storage: Storage | None
    groups: Mapping[str, GroupReport]
    reference: ReferenceFacts | None
    reference_note: str
    cuts: Mapping[str, float]
    mean_shift: float
    weight_decay: WeightDecay | None
    notable_rows: tuple[NotableRow, ...]
    other_tools: Mapping[str, Any]
    rows: JudgedRows | None = None


@record
class GroupReport:
    """Statistics of a group, how many of its rows got each verdict, and how far the trained ones moved.

    `grades` is empty where no firm reference tells how far.
    """

    stats: GroupStats
    verdicts: Mapping[str, int]
    grades: Mapping[str, int]


@record
class SpecialTokenReport:
    """A special or added token (or one with a role) and its verdict in each matrix, None without a row.

    `flags` are those of an added token that are set: special, normalized, lstrip, rstrip, single_word. `uses`
    says who meets the id: template, ends answer, ends call, stops, inserted. `grade`: how far a row called
    trained has moved, None for other rows and where nothing tells.
    """

    id: int
    token: str | None
    text: str | None
    group: str | None
    roles: tuple[str, ...]
    sources: tuple[str, ...]
    special: bool
    flags: tuple[str, ...]
    uses: tuple[str, ...]
    verdict: Mapping[str, str | None]
    grade: Mapping[str, str | None]


@record
class StorageFacts:
    """How the elements of a table are stored: `plain` or what packed it, bits each, elements to a scale."""

    format: str
    bits: int | None
    group: int | None


@record
class TableReport:
    """A vocabulary table of the checkpoint: `vocabulary` is what names its rows, None where nothing does.

    `storage` says how its elements are stored.
    """

    name: str
    role: str
    rows: int
    width: int
    vocabulary: str | None
    note: str
    storage: StorageFacts


@record(eq=False)
class Report(Documented, Comparable):
    """The result of `rowscope.audit`.

    Attributes:
        tables: every vocabulary table found, the judged ones first.
        notes: what the readers of checkpoint and tokenizer files chose or met, in sentences.
        summary: paragraphs for a person, without markup.
        complete: False where something that an audit needs was missing (see `coverage.skipped`).
        timings: seconds by stage.
        settings: of the command line, None for a call from Python.
        hidden: findings that selection and baseline leave out of `findings`.
        vocabulary: what the rows are called, None without tokenizer files; no part of the JSON.
    """

    checkpoint: CheckpointFacts
    census: Census
    capacity: Capacity
    matrices: tuple[MatrixReport, ...]
    tables: tuple[TableReport, ...]
    special_tokens: tuple[SpecialTokenReport, ...]
    findings: tuple[Finding, ...]
    coverage: Coverage
    notes: tuple[str, ...]
    complete: bool
    summary: tuple[str, ...]
    timings: Mapping[str, float] = dataclasses.field(compare=False)
    settings: SettingsFacts | None = None
    hidden: tuple[Hidden, ...] = ()
    vocabulary: Vocabulary | None = None

    def __repr__(self) -> str:
        counts = {level: sum(f.severity == level for f in self.findings) for level in FAIL_ON[:-1]}
        words = ", ".join(plural(count, level) for level, count in counts.items() if count) or "no findings"
        partial = "" if self.complete else ", partial"
        rows, reserved = self.census.rows, self.census.reserved.count
        return f"<Report of {self.checkpoint.path!r}: {rows:,} rows, {reserved:,} reserved, {words}{partial}>"

    def exit_code(self, fail_on: str = "error", *, allow_partial: bool = False) -> int:
        """0, 1 (a finding at or above `fail_on`) or 3 (partial and not allowed to be).

        Raises:
            UsageError: `fail_on` is not one of `FAIL_ON`.
        """
        if fail_on not in FAIL_ON:
            raise unknown_value("--fail-on", fail_on, FAIL_ON)
        if not self.complete and not allow_partial:
            return 3
        if fail_on == "never":
            return 0
        worst = max((SEVERITY_RANK[f.severity] for f in self.findings), default=0)
        return int(worst >= SEVERITY_RANK[fail_on])

    def to_dict(self, *, exit_code: int | None = None, lang: str = "en") -> dict[str, Any]:
        """The JSON of the contract; numbers that are not finite become None.

        `lang` is the language of sentences (`message`, `hint`, `summary`, …); keys, codes, verdicts and names
        are the same in all.
        """
        plain = to_plain(self.document(exit_code=exit_code), lang)
        assert isinstance(plain, dict)
        return plain

    def document(self, *, exit_code: int | None = None) -> dict[str, Any]:
        """What `to_dict` holds, with results where it has JSON values: for `json_pieces`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "rowscope", "version": rowscope.__version__},
            "exit_code": self.exit_code() if exit_code is None else exit_code,
            "complete": self.complete,
            "summary": self.summary,
            "checkpoint": self.checkpoint,
            "census": _census(self.census),
            "capacity": self.capacity,
            "matrices": [_matrix(matrix) for matrix in self.matrices],
            "tables": self.tables,
            "special_tokens": self.special_tokens,
            "findings": self.findings,
            "coverage": {
                "rows_scanned": self.coverage.rows_scanned,
                "bytes_read": self.coverage.bytes_read,
                "requests": self.coverage.requests,
                "bytes_fetched": self.coverage.bytes_fetched,
                "skipped": [{"what": s.what, "why": s.why} for s in self.coverage.skipped],
            },
            "notes": self.notes,
            "settings": self.settings,
            "hidden": [{**fields_of(part), "count": part.count} for part in self.hidden],
            "timings": self.timings,
        }


def _census(census: Census) -> dict[str, Any]:
    """The census; of ids without a row the first as many as a finding lists, and how many there are."""
    fields = {f.name: getattr(census, f.name) for f in dataclasses.fields(census) if f.name != "codes"}
    behind = census.out_of_range
    return {**fields, "out_of_range": behind[:MAX_IDS], "out_of_range_count": len(behind)}


def _matrix(matrix: MatrixReport) -> dict[str, Any]:
    fields = {f.name: getattr(matrix, f.name) for f in dataclasses.fields(matrix) if f.name != "rows"}
    fields["groups"] = {
        name: {**fields_of(group.stats), "verdicts": group.verdicts, "grades": group.grades}
        for name, group in matrix.groups.items()
    }
    return fields
