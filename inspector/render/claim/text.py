"""`claim` and `undo` for people: the plan, what was done, what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rowscope.inspector.checkpoint import CLAIM_RECORD
from rowscope.inspector.claim import Caution, Claimed, ClaimPlan, ClaimResult, RowPatch, UndoResult
from rowscope.inspector.render.plain import bytes_text, table
from rowscope.inspector.render.spoken import wrapped
from rowscope.inspector.text import Said, joined, say, template, told, visible

_MOST = 12
_WAYS: Final = {
    "hard": template("{count:# file|# files} hard-linked"),
    "reflink": template("{count:# file|# files} sharing blocks (reflink)"),
    "copy": template("{count:# file|# files} copied"),
}


def render_plan(plan: ClaimPlan, *, width: int = 80, show_all: bool = False, lang: str = "en") -> str:
    """The plan, as `claim --dry-run` prints it.

    Args:
        width: columns.
        show_all: every token and row, where otherwise the first few stand.
        lang: one of `LANGUAGES`.
    """
    lines = wrapped(say("{path} · plan: nothing is written", path=visible(plan.path)), width, "", lang)
    lines += ["", told(say("tokens"), lang), *_tokens(plan.claimed, width, show_all, lang)]
    lines += [f"  len(tokenizer): {plan.entries_before:,} -> {plan.entries_after:,}"]
    lines += ["", told(say("files"), lang), *_files(plan, width, lang)]
    lines += ["", told(say("rows"), lang), *_rows(plan, width, show_all, lang)]
    lines += _warnings(plan.cautions, width, lang)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_result(result: ClaimResult, *, width: int = 80, lang: str = "en") -> str:
    """What a claim did."""
    out = visible(str(result.out))
    done = (
        say("{path} · claim in place", path=out)
        if result.in_place
        else say("{path} · claim written", path=out)
    )
    lines = wrapped(done, width, "", lang)
    lines += ["", told(say("tokens"), lang), *_tokens(result.claimed, width, False, lang)]
    lines += ["", told(say("files"), lang)]
    written, patched = told(say("written"), lang), told(say("patched"), lang)
    rows = [(visible(name), written, "") for name in result.written if name != CLAIM_RECORD]
    rows += [(visible(name), patched, bytes_text(count)) for name, count in result.patched.items()]
    lines += table(rows, width)
    lines += [f"  {told(how, lang)}" for how in _ways(result)]
    if CLAIM_RECORD in result.written:
        note = say("{file} notes the rows as written, for audit and diff", file=CLAIM_RECORD)
        lines += wrapped(note, width, "  ", lang)
    for said in result.notes:
        lines += wrapped(said, width, "  ", lang)
    lines += _warnings(result.cautions, width, lang)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_undo(result: UndoResult, *, width: int = 80, lang: str = "en") -> str:
    """What an undo took back."""
    tokens = joined(", ", [f"'{visible(token)}' ({id})" for token, id in result.tokens])
    undone = say("{path} · claim of {tokens} undone", path=visible(str(result.root)), tokens=tokens)
    lines = wrapped(undone, width, "", lang)
    lines += [f"  {told(say('restored {file}', file=visible(name)), lang)}" for name in result.restored]
    lines += [f"  {told(say('removed {file}', file=visible(name)), lang)}" for name in result.removed]
    if result.left:
        left = say("{count:# earlier claim|# earlier claims} can still be undone", count=result.left)
        lines += wrapped(left, width, "  ", lang)
    return "\n".join(lines) + "\n"


def _tokens(claimed: Sequence[Claimed], width: int, show_all: bool, lang: str) -> Iterator[str]:
    shown = claimed if show_all else claimed[:_MOST]
    yield from table(
        [
            (
                f"{claim.id:>8}  '{visible(claim.token)}'",
                told(say("special") if claim.special else say("plain"), lang),
                told(_place(claim), lang),
            )
            for claim in shown
        ],
        width,
    )
    left = len(claimed) - len(shown)
    yield from _more(left, say("and {count} more tokens", count=left), lang)


def _place(claim: Claimed) -> Said:
    if claim.replaces is None:
        return say("unmapped row")
    return say("in place of '{token}'", token=visible(claim.replaces))


def _warnings(cautions: Sequence[Caution], width: int, lang: str) -> Iterator[str]:
    if cautions:
        yield from ("", told(say("warnings"), lang))
    for caution in cautions:
        yield from wrapped(say("{name}: {said}", name=caution.code, said=caution.message), width, "  ", lang)


def _files(plan: ClaimPlan, width: int, lang: str) -> Iterator[str]:
    for edit in plan.files:
        size = len(edit.after) - len(edit.before or b"")
        doing = say("create") if edit.before is None else say("edit")
        line = say("{file}: {action}, {size:+,} bytes", file=visible(edit.name), action=doing, size=size)
        yield from wrapped(line, width, "  ", lang)
        for change in edit.changes[:_MOST]:
            yield from wrapped(change, width, "    ", lang)
        left = len(edit.changes) - _MOST
        yield from _more(left, say("and {count} more changes", count=left), lang)
    for shard in plan.shards:
        size = sum(len(patch.after) for patch in plan.rows if patch.file == shard)
        yield from wrapped(
            say("{file}: patch {size}", file=visible(shard), size=bytes_text(size)), width, "  ", lang
        )


def _rows(plan: ClaimPlan, width: int, show_all: bool, lang: str) -> Iterator[str]:
    if not plan.rows:
        yield f"  {told(say('keep their values'), lang)}"
        return
    for tensor, source in dict.fromkeys((patch.tensor, patch.source) for patch in plan.rows):
        yield from wrapped(say("{name}: {said}", name=visible(tensor), said=source), width, "  ", lang)
    shown = plan.rows if show_all else plan.rows[:_MOST]
    yield from table([_row(patch, lang) for patch in shown], width)
    left = len(plan.rows) - len(shown)
    yield from _more(left, say("and {count} more rows", count=left), lang)


def _row(patch: RowPatch, lang: str) -> tuple[str, ...]:
    place = say("{count:# byte|# bytes} at {offset:d}", count=len(patch.after), offset=patch.offset)
    norm = say("norm {before:.4g} -> {after:.4g}", before=patch.norm_before, after=patch.norm_after)
    return (f"{patch.id:>8}  {patch.role}", patch.dtype, told(place, lang), told(norm, lang))


def _ways(result: ClaimResult) -> Iterator[Said]:
    for how, words in _WAYS.items():
        count = sum(placed == how for placed in result.placed.values())
        if count:
            yield say(words, count=count)


def _more(count: int, sentence: Said, lang: str) -> Iterator[str]:
    if count > 0:
        yield f"    {told(sentence, lang)}"
