"""`claim` and `undo` for people: the plan, what was done, what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rowscope.inspector.checkpoint import CLAIM_RECORD
from rowscope.inspector.claim import Caution, Claimed, ClaimPlan, ClaimResult, RowPatch, UndoResult
from rowscope.inspector.render.plain import bytes_text, plural, table, wrap
from rowscope.inspector.text import visible

_MOST = 12


def render_plan(plan: ClaimPlan, *, width: int = 80, show_all: bool = False) -> str:
    """The plan, as `claim --dry-run` prints it.

    Args:
        width: columns.
        show_all: every token and row, where otherwise the first few stand.
    """
    lines = wrap(f"{visible(plan.path)} · plan: nothing is written", width, "")
    lines += ["", "tokens", *_tokens(plan.claimed, width, show_all)]
    entries = f"len(tokenizer): {plan.entries_before:,} -> {plan.entries_after:,}"
    lines += [f"  {entries}", "", "files", *_files(plan, width), "", "rows", *_rows(plan, width, show_all)]
    lines += _warnings(plan.cautions, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_result(result: ClaimResult, *, width: int = 80) -> str:
    """What a claim did."""
    where = "in place" if result.in_place else "written"
    lines = wrap(f"{visible(str(result.out))} · claim {where}", width, "")
    lines += ["", "tokens", *_tokens(result.claimed, width, show_all=False), "", "files"]
    rows = [(visible(name), "written", "") for name in result.written if name != CLAIM_RECORD]
    rows += [(visible(name), "patched", bytes_text(count)) for name, count in result.patched.items()]
    lines += table(rows, width)
    lines += [f"  {plural(count, 'file')} {how}" for how, count in _ways(result)]
    if CLAIM_RECORD in result.written:
        lines += wrap(f"{CLAIM_RECORD} notes the rows as written, for audit and diff", width, "  ")
    for note in result.notes:
        lines += wrap(visible(note), width, "  ")
    lines += _warnings(result.cautions, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_undo(result: UndoResult, *, width: int = 80) -> str:
    """What an undo took back."""
    tokens = ", ".join(f"'{visible(token)}' ({id})" for token, id in result.tokens)
    lines = wrap(f"{visible(str(result.root))} · claim of {tokens} undone", width, "")
    lines += [f"  restored {visible(name)}" for name in result.restored]
    lines += [f"  removed {visible(name)}" for name in result.removed]
    if result.left:
        lines += wrap(f"{plural(result.left, 'earlier claim')} can still be undone", width, "  ")
    return "\n".join(lines) + "\n"


def _tokens(claimed: Sequence[Claimed], width: int, show_all: bool) -> Iterator[str]:
    shown = claimed if show_all else claimed[:_MOST]
    yield from table(
        [
            (
                f"{claim.id:>8}  '{visible(claim.token)}'",
                "special" if claim.special else "plain",
                f"in place of '{visible(claim.replaces)}'" if claim.replaces is not None else "unmapped row",
            )
            for claim in shown
        ],
        width,
    )
    yield from _more(len(claimed) - len(shown), "tokens")


def _warnings(cautions: Sequence[Caution], width: int) -> Iterator[str]:
    if cautions:
        yield from ("", "warnings")
    for caution in cautions:
        yield from wrap(f"{caution.code}: {visible(caution.message)}", width, "  ")


def _files(plan: ClaimPlan, width: int) -> Iterator[str]:
    for edit in plan.files:
        size = len(edit.after) - len(edit.before or b"")
        action = "create" if edit.before is None else "edit"
        yield from wrap(f"{visible(edit.name)}: {action}, {size:+,} bytes", width, "  ")
        for change in edit.changes[:_MOST]:
            yield from wrap(visible(change), width, "    ")
        yield from _more(len(edit.changes) - _MOST, "changes")
    for shard in plan.shards:
        size = sum(len(patch.after) for patch in plan.rows if patch.file == shard)
        yield from wrap(f"{visible(shard)}: patch {bytes_text(size)}", width, "  ")


def _rows(plan: ClaimPlan, width: int, show_all: bool) -> Iterator[str]:
    if not plan.rows:
        yield "  keep their values"
        return
    for source in dict.fromkeys((patch.tensor, patch.source) for patch in plan.rows):
        yield from wrap(f"{visible(source[0])}: {source[1]}", width, "  ")
    shown = plan.rows if show_all else plan.rows[:_MOST]
    yield from table([_row(patch) for patch in shown], width)
    yield from _more(len(plan.rows) - len(shown), "rows")


def _row(patch: RowPatch) -> tuple[str, ...]:
    return (
        f"{patch.id:>8}  {patch.role}",
        patch.dtype,
        f"{plural(len(patch.after), 'byte')} at {patch.offset}",
        f"norm {patch.norm_before:.4g} -> {patch.norm_after:.4g}",
    )


def _ways(result: ClaimResult) -> Iterator[tuple[str, int]]:
    words = {"hard": "hard-linked", "reflink": "sharing blocks (reflink)", "copy": "copied"}
    for how, text in words.items():
        count = sum(placed == how for placed in result.placed.values())
        if count:
            yield text, count


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"    and {count:,} more {noun}"
