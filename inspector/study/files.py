"""Sections 1 to 3: what the files alone say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rowscope.inspector.audit import MatrixReport
from rowscope.inspector.census import Census
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.rows import GroupStats
from rowscope.inspector.study.document import Document, code, plain
from rowscope.inspector.study.material import Material, RowGroup
from rowscope.inspector.study.rules import one_vector, rows_word
from rowscope.inspector.text import cosine, count, ratio, real
from rowscope.inspector.vocabulary import shown_token

_NAMED: Final = 6


def background(doc: Document, material: Material) -> None:
    """Sizes side by side, and what is reserved."""
    census = material.report.census
    doc.heading("background")
    doc.table(doc.texts.cells("head.sizes"), _sizes(doc, material))
    if census.tokenizer is None:
        doc.say("background.no_tokenizer")
    elif not census.reserved.count:
        doc.say("background.none")
    else:
        _reserved(doc, census)
    _why_so_many(doc, material)
    if material.subject is not None and material.subject.kind == "untrained":
        doc.say(
            "background.none_untrained",
            count=count(int(material.subject.ids.size)),
            ranges=format_ranges(material.subject.facts.ranges),
        )
    _tying(doc, material)
    doc.stop()


def _sizes(doc: Document, material: Material) -> Iterator[tuple[str, str]]:
    census, say = material.report.census, doc.texts.say
    tokenizer = census.tokenizer
    yield say("size.config_vocab"), count(census.config_vocab_size)
    if tokenizer is not None:
        yield say("size.entries"), count(tokenizer.entries)
        yield say("size.base"), count(tokenizer.base_size)
        yield say("size.max_id"), count(tokenizer.max_id)
    yield say("size.input_rows"), count(census.input_rows)
    yield say("size.output_rows"), count(census.output_rows)
    yield say("size.hidden"), count(census.hidden_size)
    yield say("size.tied"), say("tie.yes" if census.tied else "tie.no", why=say(f"tie.{census.tie_source}"))
    yield say("size.dtype"), ", ".join(dict.fromkeys(m.dtype for m in material.report.matrices))
    yield say("size.reserved"), count(census.reserved.count)
    yield say("size.unmapped"), count(census.groups["unmapped"].count)
    yield say("size.placeholder"), count(census.groups["placeholder"].count)
    if material.subject is not None:
        yield say("size.untrained"), count(int(material.subject.untrained.size))


def _reserved(doc: Document, census: Census) -> None:
    for name in ("unmapped", "placeholder"):
        group = census.groups[name]
        if group.count:
            examples = doc.texts.listed(
                code(shown_token(*pair)) for pair in zip(group.examples[:3], group.texts, strict=False)
            )
            ranges = format_ranges(group.ranges)
            doc.say(f"background.{name}", count=count(group.count), examples=examples, ranges=ranges)


def _why_so_many(doc: Document, material: Material) -> None:
    """How many rows the tokenizer's ids need, rounded up, and what that leaves unexplained."""
    rounding = material.report.capacity.rounding
    if rounding is not None and rounding.sentence is not None:
        doc.stop()
        doc.say_foreign(rounding.sentence)
        if not rounding.multiples:
            doc.say("background.unexplained", rows=count(rounding.beyond))
        doc.stop()


def _tying(doc: Document, material: Material) -> None:
    census = material.report.census
    if census.tied:
        doc.say("background.tied")
    elif census.output_rows is None:
        doc.say("background.no_head")
    elif len(material.report.matrices) == 1:
        doc.say("background.input_only", role=doc.texts.say(f"word.{material.report.matrices[0].role}"))
    else:
        doc.say("background.untied")


def method(doc: Document, material: Material) -> None:
    """How each number was obtained, and what could not be."""
    doc.heading("method")
    doc.paragraph("method.files")
    kind = doc.texts.say(f"word.{material.kind}")
    if material.loaded is None:
        doc.paragraph("method.missing", why=doc.reason(material.missing or ""))
        return
    facts = material.loaded.settings
    doc.say("method.model", device=facts.device, dtype=facts.dtype, seed=facts.seed, **facts.versions)
    if not isinstance(material.gradient, str):
        doc.say("method.gradient", kind=kind)
    if not isinstance(material.leak, str):
        doc.say("method.leak", positions=count(material.leak.positions), prompts=len(material.leak.prompts))
    doc.stop()
    for note in material.loaded.notes:
        doc.paragraph("method.note", text=doc.foreign(note))


def weights(doc: Document, material: Material) -> None:
    """Both matrices: statistics, verdicts, and what they mean."""
    doc.heading("weights")
    for matrix in material.report.matrices:
        role = doc.texts.say(f"word.{matrix.role}")
        doc.subheading("weights.matrix", role=_capital(role), tensor=matrix.tensor, dtype=matrix.dtype)
        group = material.groups.get(matrix.role)
        rows: dict[str, tuple[GroupStats, Mapping[str, int]]] = {}
        if "used" in matrix.groups:
            rows["used"] = (matrix.groups["used"].stats, matrix.groups["used"].verdicts)
        if group is not None:
            rows[material.kind] = (group.stats, group.verdicts)
        name = {key: doc.texts.say(f"word.{key}") for key in rows}
        doc.table(
            doc.texts.cells("head.statistics"), [(name[key], *_statistics(rows[key][0])) for key in rows]
        )
        doc.table(
            doc.texts.cells("head.verdicts"),
            [(name[key], *(count(rows[key][1][verdict]) for verdict in VERDICTS)) for key in rows],
        )
        if matrix.rows is not None:
            doc.figure("norms", matrix.role, role=role)
            if matrix.reference is not None:
                doc.figure("cloud", matrix.role, role=role)
        if group is not None:
            _explain(doc, material, matrix, group)
        _used(doc, material, matrix)
        doc.stop()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _statistics(stats: GroupStats) -> tuple[str, ...]:
    return (
        count(stats.rows),
        count(stats.elements),
        real(stats.mean),
        real(stats.std),
        ratio(stats.nonzero, stats.elements),
        real(stats.norm.median),
        count(stats.distinct_rows),
        count(stats.largest_duplicate),
        real(stats.between_row_std),
        cosine(stats.pairwise_cosine),
    )


def _explain(doc: Document, material: Material, matrix: MatrixReport, group: RowGroup) -> None:
    kind, stats = doc.texts.say(f"word.{material.kind}"), group.stats
    full = stats.nonzero == stats.elements
    elements = count(stats.elements)
    doc.say(
        "weights.nonzero_all" if full else "weights.nonzero_some",
        kind=kind,
        elements=elements,
        nonzero=count(stats.nonzero),
    )
    used = matrix.groups.get("used")
    if used is not None:
        doc.say("weights.flat", kind=kind, std=real(stats.std), used_std=real(used.stats.std))
    alike = one_vector(stats)
    if alike is not None:
        how = "identical" if stats.distinct_rows == 1 else "copies" if alike else "apart"
        doc.say(
            f"weights.{how}",
            kind=kind,
            rows=count(stats.rows),
            between=real(stats.between_row_std),
            std=real(stats.std),
            cosine=cosine(stats.pairwise_cosine),
        )
    source = _source(doc, matrix.reference.source) if matrix.reference else ""
    copied = rows_word(matrix, group) == "copies"
    for verdict in VERDICTS[::-1]:
        number = group.verdicts[verdict]
        key = f"weights.{verdict}"
        if verdict in ("trained", "initial") and copied:
            key = "weights.told_one_by_one"
        elif verdict == "trained" and matrix.reference is None:
            key = "weights.trained_unknown"
        if number:
            doc.say(
                key,
                verdict=doc.texts.say(f"verdict.{verdict}"),
                count=count(number),
                rows=count(stats.rows),
                source=source or "-",
                note=doc.foreign(matrix.reference_note),
            )


def _source(doc: Document, source: str) -> str:
    """What a reference rests on (`80 unmapped rows, 13 added tokens`) in the document's language."""
    parts = []
    for part in source.split(", "):
        number, _, words = part.partition(" ")
        parts.append(doc.texts.maybe(f"source.{words}", count=number) or plain(part))
    return doc.texts.say("word.comma").join(parts)


def _used(doc: Document, material: Material, matrix: MatrixReport) -> None:
    used = matrix.groups.get("used")
    if used is None or material.kind == "untrained":
        return
    bad = used.stats.rows - used.verdicts["trained"]
    if not bad:
        key = "weights.used_fine" if matrix.reference is not None else "weights.used_unknown"
        doc.say(key, rows=count(used.stats.rows), note=doc.foreign(matrix.reference_note))
        return
    doc.say("weights.used_untrained", count=count(bad), rows=count(used.stats.rows))
    names = special_names(doc, material)
    if names:
        doc.say("weights.used_special", tokens=names)


def special_names(doc: Document, material: Material) -> str:
    """The first few untrained special or added tokens, as code; empty where there are none."""
    subject = material.subject
    if subject is None or subject.vocabulary is None:
        return ""
    names = [code(subject.vocabulary.shown(id)) for id in subject.special.tolist()]
    return doc.texts.listed(names, _NAMED)
