"""The top of an audit's page: the verdict, the one next step, and the questions that people come with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rowscope.inspector.audit import Report, SpecialTokenReport
from rowscope.inspector.checks import SEVERITY_RANK, Finding
from rowscope.inspector.render.audit.html_rows import ids_in_words, in_use, matrix_name
from rowscope.inspector.render.html import Answer, Words, answers, prose, text
from rowscope.inspector.render.plain import bytes_text, class_text, plural
from rowscope.inspector.vocabulary import quoted_token

_NAMED = 6
_KNOWN = {"trained", "damaged"}
# Findings on special tokens, not on their rows: ids that files state, what stops, what is inserted.
_MISUSED = ("VOC105", "TOK305", "TOK306", "TOK307", "TOK308")


def banner(report: Report, words: Words) -> Iterator[str]:
    """Verdict and next step, then the answers."""
    facts = report.checkpoint
    kind = class_text(facts.architectures, facts.model_type, words.say("banner.no_class"))
    size = words.say("banner.facts", files=len(facts.files), bytes=bytes_text(facts.bytes))
    parameters = words.say("banner.parameters", parameters=facts.parameters)
    yield f'<p class="dim">{text(" · ".join([kind, size, parameters]))}</p>'
    ordered = sorted(report.findings, key=lambda finding: -SEVERITY_RANK[finding.severity])
    level, sentence = _verdict(report, words)
    yield f'<div class="verdict {level}" id="verdict"><p><strong>{text(sentence)}</strong></p>'
    yield f"<p><b>{text(words.say('banner.next'))}</b> {_next(report, ordered, words)}</p>"
    for part in report.hidden:
        left_out = words.say("banner.hidden", what=words.told(part.sentence))
        yield f'<p class="hidden-findings"><strong>{text(left_out)}</strong></p>'
    yield "</div>"
    yield from answers((_rows(report, words), _free(report, words), _slots(report, words)))
    yield from answers((_specials(report, words), _ordinary(report, words)))


def partial(report: Report, words: Words) -> Iterator[str]:
    """What was not audited, where that makes the audit a partial one."""
    if report.complete:
        return
    yield f'<div class="partial"><p><strong>{text(words.say("banner.partial"))}</strong></p><ul>'
    for skip in report.coverage.skipped:
        if skip.affects:
            yield f"<li>{text(words.told(skip.what))}: {text(words.told(skip.why))}</li>"
    yield "</ul></div>"


def _verdict(report: Report, words: Words) -> tuple[str, str]:
    counts = {level: sum(f.severity == level for f in report.findings) for level in SEVERITY_RANK}
    said = {f"{level}s": plural(count, level) for level, count in counts.items()}
    if counts["error"]:
        return "error", words.say("banner.errors", **counts, **said)
    if not report.complete:
        return "warning", words.say("banner.partial")
    if counts["warning"]:
        return "warning", words.say("banner.warnings", **counts, **said)
    return "good", words.say("banner.clean")


def _next(report: Report, ordered: Sequence[Finding], words: Words) -> str:
    """The one thing to do first, as markup."""
    if ordered and ordered[0].severity == "error":
        return _step(ordered[0], words)
    if not report.complete:
        return text(words.say("banner.complete_it"))
    if ordered and ordered[0].severity == "warning":
        return _step(ordered[0], words)
    return text(words.say("banner.nothing" if not report.capacity.without_resize else "banner.claim"))


def _step(finding: Finding, words: Words) -> str:
    return f'<a href="#{finding.code}">{finding.code}</a>: {prose(words.told(finding.hint))}'


def _rows(report: Report, words: Words) -> Answer:
    census = report.census
    groups = {name: group.count for name, group in census.groups.items()}
    if census.tokenizer is None:
        detail = words.say("banner.rows_unnamed")
    else:
        entries = census.tokenizer.entries
        detail = words.say("banner.rows_detail", used=census.used.count, entries=entries, **groups)
    return Answer(words.say("banner.rows"), f"{census.rows:,}", text(detail) + _why_rows(report, words))


def _why_rows(report: Report, words: Words) -> str:
    """Why there are so many, as markup; nothing where nothing tells."""
    rounding = report.capacity.rounding
    if rounding is None or rounding.sentence is None:
        return ""
    if not rounding.multiples:
        return f"<br>{text(words.told(rounding.sentence))}"
    step = rounding.multiples[0]
    return "<br>" + text(words.say("banner.rounded", rows=rounding.rows, ids=rounding.ids, step=step))


def _free(report: Report, words: Words) -> Answer:
    capacity = report.capacity
    question = words.say("banner.free")
    if report.census.tokenizer is None:
        return Answer(
            question, words.say("banner.unknown"), text(words.say("banner.free_unknown")), "warning"
        )
    free = capacity.without_resize + capacity.placeholders.count
    if not free or capacity.by_design:
        return Answer(question, "0", text(words.say("banner.free_none")), "note")
    parts = []
    for key, ids in (("next_ids", capacity.assignable), ("placeholders", capacity.placeholders)):
        if ids.count:
            where = ids_in_words(ids.ranges, words)
            parts.append(words.say(f"banner.{key}", count=ids.count, where=where))
    how = f"{text(words.say('banner.free_how'))} <code>rowscope claim PATH '&lt;|token|&gt;' --out DIR</code>"
    return Answer(question, f"{free:,}", f"{text(words.say('banner.joiner').join(parts))}<br>{how}", "good")


def _slots(report: Report, words: Words) -> Answer:
    """Whether the reserved rows are trained, by matrix."""
    question = words.say("banner.slots")
    if not report.census.reserved.count or report.census.tokenizer is None:
        return Answer(question, "-", text(words.say("banner.slots_none")))
    states, lines = set(), []
    for matrix in report.matrices:
        group = matrix.groups.get("reserved")
        if group is None:
            continue
        total = group.stats.rows if not group.verdicts else sum(group.verdicts.values())
        good = group.verdicts["trained"]
        state = "unknown" if good and matrix.reference is None else "no" if not good else "some"
        state = "yes" if state == "some" and good == total else state
        states.add(state)
        tally = "; ".join(f"{n:,} {words.say(f'gloss.{v}')}" for v, n in group.verdicts.items() if n)
        if state == "unknown":
            tally = words.say("banner.no_reference")
        lines.append(words.say("banner.slots_of", matrix=matrix_name(matrix, words, short=True), tally=tally))
    state = next(iter(states)) if len(states) == 1 else "some"
    return Answer(question, words.say(f"banner.slots_{state}"), "<br>".join(map(text, lines)), "note")


def broken_specials(report: Report) -> list[SpecialTokenReport]:
    """Special and added tokens that a warning or an error is about and that have no trained row."""
    meant = {
        id
        for finding in report.findings
        if finding.severity != "note" and isinstance(finding.evidence.get("ids"), list)
        for id in finding.evidence["ids"]
    }
    return [token for token in report.special_tokens if token.id in meant and _untrained(token)]


def _untrained(token: SpecialTokenReport) -> bool:
    return token.group is None or any(v is not None and v not in _KNOWN for v in token.verdict.values())


def _specials(report: Report, words: Words) -> Answer:
    broken = broken_specials(report)
    level, misuse = _misuse(report, words)
    question = words.say("banner.specials")
    known = [token for token in report.special_tokens if token.group != "placeholder" or token.roles]
    if not known:
        return Answer(question, "-", text(words.say("banner.specials_unknown")))
    if not broken and any(matrix.reference is None for matrix in report.matrices):
        untold = text(words.say("banner.no_reference"))
        return Answer(question, words.say("banner.slots_unknown"), untold + misuse, level)
    if not broken:
        good = text(words.say("banner.specials_good", count=len(known)))
        short = words.say("banner.misused") if misuse else "0"
        return Answer(question, short, good + misuse, level or "good")
    named = [
        _special(token, words) for token in sorted(broken, key=lambda token: (not in_use(token), token.id))
    ]
    shown = ", ".join(named[:_NAMED])
    if len(named) > _NAMED:
        shown += " " + f'<a href="#specials">{text(words.say("banner.more", count=len(named) - _NAMED))}</a>'
    of = words.say("banner.specials_of", count=len(known))
    level = "error" if _grave(report) else "warning"
    return Answer(question, f"{len(broken):,}", f"{text(of)} {shown}{misuse}", level)


def _misuse(report: Report, words: Words) -> tuple[str, str]:
    """Findings on how files use special tokens whose rows are in order: their level, and links as markup."""
    found = [f for f in report.findings if f.code in _MISUSED and f.severity != "note"]
    if not found:
        return "", ""
    links = ", ".join(f'<a href="#{code}">{code}</a>' for code in dict.fromkeys(f.code for f in found))
    level = max((finding.severity for finding in found), key=SEVERITY_RANK.__getitem__)
    return level, f"<br>{text(words.say('banner.specials_misused'))} {links}"


def _special(token: SpecialTokenReport, words: Words) -> str:
    state = next((v for v in token.verdict.values() if v is not None and v not in _KNOWN), None)
    why = words.say(f"verdict.{state}") if state else words.say("banner.no_row")
    roles = "".join(f", {role}" for role in token.roles if role != "additional")
    name = f"<code>{text(quoted_token(token.token, token.text))}</code>"
    return f'{name} (<a href="#id-{token.id}">{token.id}</a>{text(roles)}: {text(why)})'


def _grave(report: Report) -> bool:
    return any(f.severity == "error" and f.code.startswith(("TOK", "VOC")) for f in report.findings)


def _ordinary(report: Report, words: Words) -> Answer:
    """Ordinary tokens without a trained row, by matrix."""
    question = words.say("banner.ordinary")
    lines, most = [], 0
    for matrix in report.matrices:
        base = matrix.groups.get("base")
        if base is None:
            continue
        found = {v: n for v, n in base.verdicts.items() if n and v not in _KNOWN}
        most = max(most, sum(found.values()))
        tally = "; ".join(f"{n:,} {words.say(f'gloss.{v}')}" for v, n in found.items())
        tally = tally or words.say("banner.none" if matrix.reference else "banner.no_reference")
        lines.append(words.say("banner.slots_of", matrix=matrix_name(matrix, words, short=True), tally=tally))
    untold = any(matrix.reference is None for matrix in report.matrices)
    short = words.say("banner.slots_unknown") if untold and not most else f"{most:,}"
    level = "warning" if most else "" if untold else "good"
    return Answer(question, short, "<br>".join(map(text, lines)), level)
