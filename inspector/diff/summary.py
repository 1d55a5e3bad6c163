"""The comparison in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.diff.result import Background, ClaimedChange, MatrixDiff, RowChange, TokenizerDiff
from rowscope.inspector.text import Said, joined, say, template
from rowscope.inspector.vocabulary import quoted_token

_NAMES: Final = {
    "both": say("Input and output (tied on both sides)"),
    "input": say("Input"),
    "output": say("Output"),
}
_NEW: Final = {
    "moved": template("{count} moved"),
    "drifted": template("{count} only drifted"),
    "unmoved": template("{count} did not move"),
    "new-row": template("{count} have a row that the base lacks"),
    "no-row": template("{count} have no row"),
}
_SHOWN: Final = 4


def summarise(matrices: tuple[MatrixDiff, ...], tokenizer: TokenizerDiff | None) -> tuple[str, ...]:
    """One paragraph on the tokenizers, one for each matrix."""
    texts = [] if tokenizer is None else [_tokenizer(tokenizer)]
    named = [(_NAMES[matrix.role], joined(" ", _matrix(matrix))) for matrix in matrices]
    return (*texts, *(say("{name}: {said}", name=name, said=said) for name, said in named))


def _tokenizer(diff: TokenizerDiff) -> Said:
    counts = (
        (len(diff.added), template("{count:# id|# ids} added")),
        (len(diff.removed), template("{count:# id|# ids} removed")),
        (len(diff.renamed), template("{count:# id|# ids} with another token")),
        (len(diff.moved), template("{count:# token|# tokens} under another id")),
    )
    found = joined(", ", [say(words, count=count) for count, words in counts if count])
    text = say("The tokenizers give every id the same token")
    if not diff.same:
        text = say("The tokenizers differ: {found}", found=found)
    flags = len(diff.specials_gained) + len(diff.specials_lost)
    return say("{text}; special flags changed: {flags}." if flags else "{text}.", text=text, flags=flags)


def _matrix(matrix: MatrixDiff) -> Iterator[Said]:
    total = matrix.total
    if total.changed == 0:
        yield say("none of the {rows} common rows changed.", rows=total.rows)
    else:
        yield say("{count} of {rows} common rows changed.", count=total.changed, rows=total.rows)
    if total.identical_after_rounding:
        yield say(
            "{count:# row differs|# rows differ} only by rounding between {base} and {tuned}.",
            count=total.identical_after_rounding,
            base=matrix.base.dtype,
            tuned=matrix.tuned.dtype,
        )
    if total.nonfinite:
        yield say("{count:# row holds|# rows hold} NaN or infinities on either side.", count=total.nonfinite)
    for side, span in (
        (say("base"), matrix.only_in_base),
        (say("tuned checkpoint"), matrix.only_in_tuned),
    ):
        if span is not None:
            first, last = span[0], span[1] - 1
            yield say("Rows {first} to {last} exist in the {side} alone.", first=first, last=last, side=side)
    if total.changed:
        yield from _reserved(matrix)
    yield from _tokens(matrix)


def _reserved(matrix: MatrixDiff) -> Iterator[Said]:
    reserved = matrix.groups_tuned.get("reserved")
    if reserved is None:
        return
    drift = _drift(matrix.background) if reserved.changed else joined("", [])
    yield say(
        "{count} of {rows} reserved rows changed{drift}.",
        count=reserved.changed,
        rows=reserved.rows,
        drift=drift,
    )


def _drift(background: Background) -> Said:
    if not background.rows:
        return joined("", [])
    return say(
        "; rows that no token uses moved by {median:.3g} (median), so only a distance above {limit:.3g} "
        "counts "
        "as moved",
        median=background.median,
        limit=background.limit,
    )


def _tokens(matrix: MatrixDiff) -> Iterator[Said]:
    if matrix.new_tokens:
        counts = {
            kind: sum(row.movement == kind for row in matrix.new_tokens)
            for kind in ("moved", "drifted", "unmoved", "new-row", "no-row")
        }
        listed = joined(", ", [say(_NEW[kind], count=count) for kind, count in counts.items() if count])
        yield say(
            "Of {count:# new token|# new tokens} {listed}.", count=len(matrix.new_tokens), listed=listed
        )
    if matrix.claimed:
        yield _claimed(matrix.claimed)
    if matrix.still_specials and matrix.total.changed:
        names = _names(matrix.still_specials)
        yield say("Special tokens whose rows did not move: {names}.", names=names)


def _claimed(rows: tuple[ClaimedChange, ...]) -> Said:
    still = [row for row in rows if row.state == "initial"]
    moved = [row.displacement for row in rows if row.state == "moved"]
    parts = []
    if still:
        parts.append(say("{count} still {count:holds its|hold their} initial value", count=len(still)))
    if moved:
        span: str = f"{min(moved):.2g}"
        if len(moved) > 1:
            span = say("{low:.2g} to {high:.2g}", low=min(moved), high=max(moved))
        parts.append(say("{count} moved by {span}", count=len(moved), span=span))
    if len(rows) > len(still) + len(moved):
        left = len(rows) - len(still) - len(moved)
        parts.append(say("{count} changed before, so the way cannot be told", count=left))
    return say("Of {count:# claimed row|# claimed rows} {parts}.", count=len(rows), parts=joined(", ", parts))


def _names(rows: tuple[RowChange, ...]) -> Said:
    shown = joined(
        ", ", [quoted_token(row.token, row.text) if row.token else f"id {row.id}" for row in rows[:_SHOWN]]
    )
    if len(rows) <= _SHOWN:
        return shown
    return say("{shown} and {more} more", shown=shown, more=len(rows) - _SHOWN)
