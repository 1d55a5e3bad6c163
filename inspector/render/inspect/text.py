"""`inspect` for people: plain text that fits the terminal. Every name passes through `visible`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rowscope.inspector.checkpoint import Structure, TensorGroup, Verified
from rowscope.inspector.header import Fault
from rowscope.inspector.render.plain import bytes_text, class_text, name_text, plural, shorten, table, wrap
from rowscope.inspector.text import visible

_MOST_FILES = 8
_MOST_METADATA = 12
_MOST_GROUPS = 1_000
_LONGEST_VALUE = 400


def render_inspect(structure: Structure, *, width: int = 80, show_all: bool = False) -> str:
    """The listing of a checkpoint.

    Args:
        width: columns; a name that does not fit stands on a line of its own, whole.
        show_all: every tensor, file and metadata entry, where otherwise groups and the first few stand.
    """
    lines = [*_title(structure, width), ""]
    sections = (
        ("files", _files(structure, width, show_all)),
        ("integrity", _integrity(structure, width)),
        ("metadata", _metadata(structure, width, show_all)),
        ("dtypes", _dtypes(structure, width)),
        (_tensor_title(structure), _tensors(structure, width, show_all)),
        ("findings", _findings(structure, width)),
        ("notes", _notes(structure, width)),
    )
    for title, body in sections:
        section = list(body)
        if section:
            lines += [title, *section, ""]
    return "\n".join(line.rstrip() for line in lines)


def render_faults(faults: Sequence[Fault], *, path: str, width: int = 80) -> str:
    """The list of `inspect --diagnose`: every fault with its file and byte offset."""
    if not faults:
        return f"{visible(path)}: no fault found\n"
    lines = [f"{visible(path)}: {plural(len(faults), 'fault')}"]
    for fault in faults:
        place = "" if fault.offset is None else f" byte {fault.offset:,}"
        lines += wrap(f"{visible(fault.file or '')}{place} [{fault.rule}]", width, "  ")
        lines += wrap(f"{visible(fault.message)}; {visible(fault.hint)}", width, "    ")
    return "\n".join(lines) + "\n"


def _title(structure: Structure, width: int) -> Iterator[str]:
    kind = class_text(structure.architectures, structure.model_type)
    yield from wrap(" · ".join(part for part in (visible(structure.path), kind) if part), width, "")
    sizes = [
        plural(len(structure.files), "file"),
        bytes_text(structure.bytes),
        plural(structure.tensor_count, "tensor"),
        plural(structure.parameters, "parameter"),
    ]
    if structure.quantization:
        sizes.append(f"quantized: {name_text(structure.quantization)}")
    yield from wrap(" · ".join(sizes), width, "")


def _files(structure: Structure, width: int, show_all: bool) -> Iterator[str]:
    shown = structure.files if show_all else structure.files[:_MOST_FILES]
    yield from table(
        [(visible(f.name), plural(f.tensors, "tensor"), bytes_text(f.bytes)) for f in shown], width
    )
    yield from _more(len(structure.files) - len(shown), "files")


def _integrity(structure: Structure, width: int) -> Iterator[str]:
    facts = structure.integrity
    accounted = facts.header_bytes + facts.tensor_bytes
    yield from wrap(
        f"headers: {facts.files} of {len(structure.files):,} valid, offsets contiguous; {accounted:,} of "
        f"{facts.file_bytes:,} bytes accounted for ({facts.header_bytes:,} header, "
        f"{facts.tensor_bytes:,} tensors)",
        width,
        "  ",
    )
    if facts.index_tensors is None:
        yield "  index: none"
    else:
        stated = facts.index_total_size
        size = "no total_size" if stated is None else f"total_size {stated:,}"
        names = plural(facts.index_tensors, "tensor")
        yield from wrap(f"index: {facts.index} with the shards; {names}, {size}", width, "  ")
    if structure.verified is not None:
        yield from wrap(_digests(structure.verified), width, "  ")


def _digests(found: Verified) -> str:
    """How many files have the digest of their download; without one nothing can be said."""
    known = len(found.right) + len(found.wrong)
    words = f"digests: {len(found.right):,} of {plural(known, 'file')} as downloaded"
    if not found.unknown:
        return words
    return f"{words}; none is known of {plural(len(found.unknown), 'other')}"


def _metadata(structure: Structure, width: int, show_all: bool) -> Iterator[str]:
    entries = list(structure.metadata.items())
    for name, values in structure.metadata_by_file.items():
        entries += [(f"{name}: {key}", value) for key, value in values.items()]
    shown = entries if show_all else entries[:_MOST_METADATA]
    for key, value in shown:
        text = visible(value)
        if not show_all and len(text) > _LONGEST_VALUE:
            text = f"{text[:_LONGEST_VALUE]}… ({len(value):,} characters)"
        yield from wrap(f"{visible(key)}: {text}", width, "  ")
    yield from _more(len(entries) - len(shown), "entries")


def _dtypes(structure: Structure, width: int) -> Iterator[str]:
    return table(
        [
            (
                visible(total.dtype),
                plural(total.tensors, "tensor"),
                plural(total.parameters, "parameter"),
                bytes_text(total.bytes),
            )
            for total in structure.dtypes
        ],
        width,
    )


def _tensor_title(structure: Structure) -> str:
    if structure.pattern is None:
        return "tensors"
    matched = f"{len(structure.tensors):,} of {structure.tensor_count:,}"
    return f"tensors matching '{visible(structure.pattern)}': {matched}"


def _tensors(structure: Structure, width: int, show_all: bool) -> Iterator[str]:
    if show_all:
        rows = [
            (visible(t.name), t.dtype, _shape(t.shape), bytes_text(t.nbytes), visible(t.shard.name))
            for t in structure.tensors
        ]
        single = len(structure.files) == 1
        return table([row[:4] for row in rows] if single else rows, width)
    if not structure.groups:
        return iter(("  none",))
    return _groups(structure.groups, width)


def _groups(groups: Sequence[TensorGroup], width: int) -> Iterator[str]:
    """The first groups; a name or a shape that would fill the screen is cut."""
    shown = groups[:_MOST_GROUPS]
    counts = [_count(group) for group in shown]
    longest = max(map(len, counts))
    yield from table(
        [
            (
                f"{count:>{longest}} {_short(visible(g.pattern))}",
                g.dtype,
                _short(_shape(g.shape)),
                bytes_text(g.bytes),
            )
            for count, g in zip(counts, shown, strict=True)
        ],
        width,
    )
    yield from _more(len(groups) - len(shown), "groups")


def _short(text: str) -> str:
    return shorten(text[: _LONGEST_VALUE + 1], _LONGEST_VALUE)


def _count(group: TensorGroup) -> str:
    """`24x`, or `24x64x` where each layer has each expert, so that the product says how many there are."""
    if len(group.levels) > 1 and math.prod(group.levels) == group.count:
        return "".join(f"{level}x" for level in group.levels)
    return f"{group.count}x"


def _findings(structure: Structure, width: int) -> Iterator[str]:
    for problem in structure.problems:
        yield from wrap(f"{problem.severity} {problem.code}: {visible(problem.message)}", width, "  ")
        yield from wrap(visible(problem.hint), width, "    ")


def _notes(structure: Structure, width: int) -> Iterator[str]:
    for note in structure.notes:
        yield from wrap(visible(note), width, "  ")
    for skip in structure.skipped:
        yield from wrap(f"{visible(skip.what)} not read: {visible(skip.why)}", width, "  ")


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"  and {count:,} more {noun}; --all lists them"
