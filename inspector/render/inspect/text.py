"""`inspect` for people: plain text that fits the terminal. Every name passes through `visible`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rowscope.inspector.checkpoint import Structure, TensorGroup, Verified
from rowscope.inspector.header import Fault
from rowscope.inspector.render.plain import bytes_text, class_text, name_text, shorten, table, wrap
from rowscope.inspector.render.spoken import wrapped
from rowscope.inspector.text import Said, joined, say, told, visible

_MOST_FILES = 8
_MOST_METADATA = 12
_MOST_GROUPS = 1_000
_LONGEST_VALUE = 400
_LEVELS: Final = {"error": say("error"), "warning": say("warning"), "note": say("note")}


def render_inspect(structure: Structure, *, width: int = 80, show_all: bool = False, lang: str = "en") -> str:
    """The listing of a checkpoint.

    Args:
        width: columns; a name that does not fit stands on a line of its own, whole.
        show_all: every tensor, file and metadata entry, where otherwise groups and the first few stand.
        lang: one of `LANGUAGES`.
    """
    page = _Page(width, show_all, lang)
    lines = [*_title(structure, page), ""]
    sections = (
        (say("files"), _files(structure, page)),
        (say("integrity"), _integrity(structure, page)),
        (say("metadata"), _metadata(structure, page)),
        (say("dtypes"), _dtypes(structure, page)),
        (_tensor_title(structure), _tensors(structure, page)),
        (say("findings"), _findings(structure, page)),
        (say("notes"), _notes(structure, page)),
    )
    for title, body in sections:
        section = list(body)
        if section:
            lines += [told(title, lang), *section, ""]
    return "\n".join(line.rstrip() for line in lines)


def render_faults(faults: Sequence[Fault], *, path: str, width: int = 80, lang: str = "en") -> str:
    """The list of `inspect --diagnose`: every fault with its file and byte offset."""
    page = _Page(width, False, lang)
    if not faults:
        return told(say("{path}: no fault found", path=visible(path)), lang) + "\n"
    lines = [told(say("{path}: {count:# fault|# faults}", path=visible(path), count=len(faults)), lang)]
    for fault in faults:
        place = visible(fault.file or "")
        if fault.offset is not None:
            place = say("{file} byte {offset}", file=place, offset=fault.offset)
        lines += page.said(say("{place} [{rule}]", place=place, rule=fault.rule))
        lines += page.said(say("{fault}; {hint}", fault=fault.message, hint=fault.hint), "    ")
    return "\n".join(lines) + "\n"


class _Page(NamedTuple):
    """How wide, how much, in which language."""

    width: int
    show_all: bool
    lang: str

    def said(self, text: str, indent: str = "  ") -> list[str]:
        return wrapped(text, self.width, indent, self.lang)

    def table(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        spoken = [tuple(told(c, self.lang) if isinstance(c, Said) else c for c in row) for row in rows]
        return table(spoken, self.width)

    def more(self, count: int, sentence: Said) -> Iterator[str]:
        """What `--all` would show as well."""
        if count > 0:
            yield f"  {told(sentence, self.lang)}"


def _title(structure: Structure, page: _Page) -> Iterator[str]:
    kind = class_text(structure.architectures, structure.model_type)
    head = " · ".join(part for part in (visible(structure.path), kind) if part)
    yield from wrap(head, page.width, "", chinese=page.lang == "zh")
    sizes: list[str] = [
        say("{count:# file|# files}", count=len(structure.files)),
        bytes_text(structure.bytes),
        _tensor_count(structure.tensor_count),
        _parameter_count(structure.parameters),
    ]
    if structure.quantization:
        sizes.append(say("quantized: {name}", name=name_text(structure.quantization)))
    yield from page.said(joined(" · ", sizes), "")


def _tensor_count(count: int) -> Said:
    return say("{count:# tensor|# tensors}", count=count)


def _parameter_count(count: int) -> Said:
    return say("{count:# parameter|# parameters}", count=count)


def _files(structure: Structure, page: _Page) -> Iterator[str]:
    shown = structure.files if page.show_all else structure.files[:_MOST_FILES]
    yield from page.table([(visible(f.name), _tensor_count(f.tensors), bytes_text(f.bytes)) for f in shown])
    left = len(structure.files) - len(shown)
    yield from page.more(left, say("and {count} more files; --all lists them", count=left))


def _integrity(structure: Structure, page: _Page) -> Iterator[str]:
    facts = structure.integrity
    yield from page.said(
        say(
            "headers: {valid} of {files} valid, offsets contiguous; {accounted} of {bytes} bytes accounted "
            "for ({header} header, {tensors} tensors)",
            valid=facts.files,
            files=len(structure.files),
            accounted=facts.header_bytes + facts.tensor_bytes,
            bytes=facts.file_bytes,
            header=facts.header_bytes,
            tensors=facts.tensor_bytes,
        )
    )
    if facts.index_tensors is None:
        yield from page.said(say("index: none"))
    else:
        stated = facts.index_total_size
        size = say("no total_size") if stated is None else say("total_size {size}", size=stated)
        how = say("agrees") if facts.index == "agrees" else say("disagrees")
        words = say(
            "index: {how} with the shards; {names:# tensor|# tensors}, {size}",
            how=how,
            names=facts.index_tensors,
            size=size,
        )
        yield from page.said(words)
    if structure.verified is not None:
        yield from page.said(_digests(structure.verified))


def _digests(found: Verified) -> str:
    """How many files have the digest of their download; without one nothing can be said."""
    known = len(found.right) + len(found.wrong)
    words = say(
        "digests: {right} of {known:# file|# files} as downloaded", right=len(found.right), known=known
    )
    if not found.unknown:
        return words
    left = len(found.unknown)
    return say("{digests}; none is known of {count:# other|# others}", digests=words, count=left)


def _metadata(structure: Structure, page: _Page) -> Iterator[str]:
    entries = list(structure.metadata.items())
    for name, values in structure.metadata_by_file.items():
        entries += [(f"{name}: {key}", value) for key, value in values.items()]
    shown = entries if page.show_all else entries[:_MOST_METADATA]
    for key, value in shown:
        text = visible(value)
        if not page.show_all and len(text) > _LONGEST_VALUE:
            cut = say("… ({count} characters)", count=len(value))
            text = f"{text[:_LONGEST_VALUE]}{told(cut, page.lang)}"
        yield from wrap(f"{visible(key)}: {text}", page.width, "  ")
    left = len(entries) - len(shown)
    yield from page.more(left, say("and {count} more entries; --all lists them", count=left))


def _dtypes(structure: Structure, page: _Page) -> Iterator[str]:
    return page.table(
        [
            (
                visible(total.dtype),
                _tensor_count(total.tensors),
                _parameter_count(total.parameters),
                bytes_text(total.bytes),
            )
            for total in structure.dtypes
        ]
    )


def _tensor_title(structure: Structure) -> str:
    if structure.pattern is None:
        return say("tensors")
    return say(
        "tensors matching '{pattern}': {shown} of {all}",
        pattern=visible(structure.pattern),
        shown=len(structure.tensors),
        all=structure.tensor_count,
    )


def _tensors(structure: Structure, page: _Page) -> Iterator[str]:
    if page.show_all:
        rows = [
            (visible(t.name), t.dtype, _shape(t.shape), bytes_text(t.nbytes), visible(t.shard.name))
            for t in structure.tensors
        ]
        single = len(structure.files) == 1
        return page.table([row[:4] for row in rows] if single else rows)
    if not structure.groups:
        return iter((f"  {told(say('none'), page.lang)}",))
    return _groups(structure.groups, page)


def _groups(groups: Sequence[TensorGroup], page: _Page) -> Iterator[str]:
    """The first groups; a name or a shape that would fill the screen is cut."""
    shown = groups[:_MOST_GROUPS]
    counts = [_count(group) for group in shown]
    longest = max(map(len, counts))
    yield from page.table(
        [
            (
                f"{count:>{longest}} {_short(visible(g.pattern))}",
                g.dtype,
                _short(_shape(g.shape)),
                bytes_text(g.bytes),
            )
            for count, g in zip(counts, shown, strict=True)
        ]
    )
    left = len(groups) - len(shown)
    yield from page.more(left, say("and {count} more groups; --all lists them", count=left))


def _short(text: str) -> str:
    return shorten(text[: _LONGEST_VALUE + 1], _LONGEST_VALUE)


def _count(group: TensorGroup) -> str:
    """`24x`, or `24x64x` where each layer has each expert, so that the product says how many there are."""
    if len(group.levels) > 1 and math.prod(group.levels) == group.count:
        return "".join(f"{level}x" for level in group.levels)
    return f"{group.count}x"


def _findings(structure: Structure, page: _Page) -> Iterator[str]:
    for problem in structure.problems:
        level = told(_LEVELS[problem.severity], page.lang)
        head = f"{level} {problem.code}: {told(problem.message, page.lang)}"
        yield from wrap(visible(head), page.width, "  ", chinese=page.lang == "zh")
        yield from page.said(problem.hint, "    ")


def _notes(structure: Structure, page: _Page) -> Iterator[str]:
    for note in structure.notes:
        yield from page.said(note)
    for skip in structure.skipped:
        yield from page.said(say("{what} not read: {why}", what=skip.what, why=skip.why))


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"
