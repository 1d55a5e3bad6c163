"""The comparison in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rowscope.inspector.diff.result import Background, ClaimedChange, MatrixDiff, RowChange, TokenizerDiff
from rowscope.inspector.vocabulary import quoted_token

_NAMES: Final = {"both": "Input and output (tied on both sides)", "input": "Input", "output": "Output"}
_SHOWN: Final = 4


def summarise(matrices: tuple[MatrixDiff, ...], tokenizer: TokenizerDiff | None) -> tuple[str, ...]:
    """One paragraph on the tokenizers, one for each matrix."""
    texts = [] if tokenizer is None else [_tokenizer(tokenizer)]
    return (*texts, *(f"{_NAMES[matrix.role]}: {' '.join(_matrix(matrix))}" for matrix in matrices))


def _tokenizer(diff: TokenizerDiff) -> str:
    counts = (
        (len(diff.added), "id", "added"),
        (len(diff.removed), "id", "removed"),
        (len(diff.renamed), "id", "with another token"),
        (len(diff.moved), "token", "under another id"),
    )
    found = ", ".join(
        f"{count:,} {noun}{'' if count == 1 else 's'} {words}" for count, noun, words in counts if count
    )
    text = "The tokenizers give every id the same token" if diff.same else f"The tokenizers differ: {found}"
    flags = len(diff.specials_gained) + len(diff.specials_lost)
    return text + (f"; special flags changed: {flags:,}." if flags else ".")


def _matrix(matrix: MatrixDiff) -> Iterator[str]:
    total = matrix.total
    if total.changed == 0:
        yield f"none of the {total.rows:,} common rows changed."
    else:
        yield f"{total.changed:,} of {total.rows:,} common rows changed."
    if total.identical_after_rounding:
        yield (
            f"{total.identical_after_rounding:,} rows differ only by rounding between "
            f"{matrix.base.dtype} and {matrix.tuned.dtype}."
        )
    if total.nonfinite:
        yield f"{total.nonfinite:,} rows hold NaN or infinities on either side."
    for side, span in (("base", matrix.only_in_base), ("tuned checkpoint", matrix.only_in_tuned)):
        if span is not None:
            yield f"Rows {span[0]:,} to {span[1] - 1:,} exist in the {side} alone."
    if total.changed:
        yield from _reserved(matrix)
    yield from _tokens(matrix)


def _reserved(matrix: MatrixDiff) -> Iterator[str]:
    reserved = matrix.groups_tuned.get("reserved")
    if reserved is None:
        return
    text = f"{reserved.changed:,} of {reserved.rows:,} reserved rows changed"
    yield text + (_drift(matrix.background) if reserved.changed else "") + "."


def _drift(background: Background) -> str:
    if not background.rows:
        return ""
    return (
        f"; rows that no token uses moved by {background.median:.3g} (median), "
        f"so only a distance above {background.limit:.3g} counts as moved"
    )


def _tokens(matrix: MatrixDiff) -> Iterator[str]:
    if matrix.new_tokens:
        counts = {
            kind: sum(row.movement == kind for row in matrix.new_tokens)
            for kind in ("moved", "drifted", "unmoved", "new-row", "no-row")
        }
        words = {
            "moved": "moved",
            "drifted": "only drifted",
            "unmoved": "did not move",
            "new-row": "have a row that the base lacks",
            "no-row": "have no row",
        }
        listed = ", ".join(f"{count:,} {words[kind]}" for kind, count in counts.items() if count)
        yield f"Of {len(matrix.new_tokens):,} new tokens {listed}."
    if matrix.claimed:
        yield _claimed(matrix.claimed)
    if matrix.still_specials and matrix.total.changed:
        yield f"Special tokens whose rows did not move: {_names(matrix.still_specials)}."


def _claimed(rows: tuple[ClaimedChange, ...]) -> str:
    still = [row for row in rows if row.state == "initial"]
    moved = [row.displacement for row in rows if row.state == "moved"]
    parts = []
    if still:
        parts.append(f"{len(still):,} still {'holds its' if len(still) == 1 else 'hold their'} initial value")
    if moved:
        span = f"{min(moved):.2g}" if len(moved) == 1 else f"{min(moved):.2g} to {max(moved):.2g}"
        parts.append(f"{len(moved):,} moved by {span}")
    if len(rows) > len(still) + len(moved):
        parts.append(f"{len(rows) - len(still) - len(moved):,} changed before, so the way cannot be told")
    return f"Of {len(rows):,} claimed row{'' if len(rows) == 1 else 's'} {', '.join(parts)}."


def _names(rows: tuple[RowChange, ...]) -> str:
    shown = ", ".join(
        quoted_token(row.token, row.text) if row.token else f"id {row.id}" for row in rows[:_SHOWN]
    )
    return shown + (f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else "")
