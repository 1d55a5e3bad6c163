"""A comparison as an HTML page: what changed, by how much, whose rows they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.census import GROUPS, RESERVED
from rowscope.inspector.diff import Diff, MatrixDiff, RowChange
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.diff.text import changes_rows, tokenizer_lists
from rowscope.inspector.render.html import (
    BLOCK,
    Answer,
    Layer,
    View,
    Words,
    answers,
    code_column,
    explorer,
    html_table,
    id_column,
    note,
    page,
    page_data,
    picture_controls,
    prose,
    real_column,
    scale_of,
    scatter_svg,
    section,
    sparse_column,
    strip_svg,
    text,
    text_column,
)
from rowscope.inspector.render.spoken import in_language
from rowscope.inspector.text import cosine, real, visible
from rowscope.inspector.vocabulary import shown_token

_MOVEMENTS: Final = ("unmoved", "drifted", "moved", "nonfinite")
_STYLES: Final = ("c0", "c3", "c1", "nonfinite")
_UNMOVED, _DRIFTED, _MOVED, _NONFINITE = range(4)
_LISTED: Final = 40
_MANY: Final = 50_000


def render_diff_html(diff: Diff, *, title: str | None = None, lang: str = "en") -> str:
    """The whole comparison as one HTML5 document that needs nothing else.

    Raises:
        UsageError: a language other than `en` and `zh`.
    """
    words = Words(lang, "diff")
    base, tuned = visible(diff.base.path), visible(diff.tuned.path)
    heading = title or words.say("diff.title", base=base, tuned=tuned)
    shown = [_view(diff, matrix, words) for matrix in diff.matrices if len(matrix.table)]
    data = page_data(words, shown) if shown else None
    return page(_body(diff, words, heading, bool(shown)), title=heading, language=lang, data=data)


def _body(diff: Diff, words: Words, heading: str, live: bool) -> Iterator[str]:
    yield f"<h1>{text(heading)}</h1>"
    yield from _verdict(diff, words)
    yield from answers(_answers(diff, words))
    yield from section(
        words.say("part.words"), [f"<p>{text(words.told(said))}</p>" for said in diff.summary], "words"
    )
    if live:
        yield from section(words.say("part.picture"), _pictures(diff, words), "picture")
        yield from section(words.say("part.strip"), _strips(diff, words), "strip")
        table = explorer(words, words.say("part.rows"))
        yield from section(words.say("part.rows"), table, "rows-part")
    for at, matrix in enumerate(diff.matrices):
        yield from section(text(_name(matrix, words)), _matrix(matrix, words), f"matrix-{at}")
    yield from _tokenizer(diff, words)
    notes = [note(words.say("page.note", note=visible(words.told(said)))) for said in diff.notes]
    notes.append(note(words.say("diff.made", version=rowscope.__version__, code=diff.exit_code)))
    yield from section(words.say("part.provenance"), notes, "provenance")


def _verdict(diff: Diff, words: Words) -> Iterator[str]:
    if diff.expected_unchanged is None:
        return
    where = format_ranges(diff.expected_unchanged, limit=3)
    level, key = ("error", "diff.broken") if diff.findings else ("good", "diff.kept")
    yield f'<div class="verdict {level}"><p><strong>{text(words.say(key, where=where))}</strong></p>'
    for finding in diff.findings:
        yield f"<p>{prose(words.told(finding.message))}</p>"
        yield f'<p class="next">{prose(words.told(finding.hint))}</p>'
    yield "</div>"


def _answers(diff: Diff, words: Words) -> Iterator[Answer]:
    for key, count in (
        ("compared", lambda matrix: matrix.total.rows),
        ("changed", lambda matrix: matrix.total.changed),
        ("reserved", lambda matrix: len(matrix.drifted_reserved)),
        ("new", lambda matrix: len(matrix.new_tokens)),
        ("still", lambda matrix: len(matrix.still_specials)),
    ):
        counts = [count(matrix) for matrix in diff.matrices]
        lines = [
            words.say("banner.slots_of", matrix=words.say(f"role.{matrix.role}"), tally=f"{found:,}")
            for matrix, found in zip(diff.matrices, counts, strict=True)
        ]
        detail = "<br>".join(map(text, lines)) if len(lines) > 1 else ""
        yield Answer(words.say(f"diff.{key}"), f"{max(counts, default=0):,}", detail)


def _name(matrix: MatrixDiff, words: Words) -> str:
    tensor = visible(matrix.tuned.tensor)
    return words.say("page.matrix", role=words.say(f"role.{matrix.role}"), tensor=tensor)


def movements(matrix: MatrixDiff) -> NDArray[np.int8]:
    """int8 [common rows], an index into unmoved, drifted, moved and not finite."""
    table = matrix.table
    further = table.distance > matrix.background.limit
    changed = np.where(table.finite, np.where(further, _MOVED, _DRIFTED), _NONFINITE)
    return np.where(table.changed, changed, _UNMOVED).astype(np.int8)


def _layers(matrix: MatrixDiff) -> list[Layer]:
    codes = movements(matrix)
    return [Layer(np.flatnonzero(codes == at), style, background=at == 0) for at, style in enumerate(_STYLES)]


def _view(diff: Diff, matrix: MatrixDiff, words: Words) -> View:
    table, rows = matrix.table, len(matrix.table)
    codes = movements(matrix)
    groups = diff.names.tuned_codes[:rows]
    roles = {id: ", ".join(token.roles) for id, token in diff.names.roles.items() if id < rows}
    listed = np.where(codes != _UNMOVED, 1, 0).astype(np.uint8)
    listed[[id for id, role in roles.items() if role]] |= 2
    coarse = listed == 0 if rows > _MANY else None
    label = words.section("label")
    order = np.flatnonzero(listed)
    farthest = np.nan_to_num(-table.distance[order], nan=-np.inf)
    order = order[np.lexsort((order, farthest, np.isin(groups[order], RESERVED)))]
    numbers = [
        real_column(key, label[key], values, scale, form=form, coarse=coarse)
        for key, values, form in (
            ("distance", table.distance, ""),
            ("norm", table.norm_base, ""),
            ("norm_tuned", table.norm_tuned, ""),
            ("cosine", table.cosine, "cosine"),
        )
        if (scale := scale_of(values, magnitude=key != "cosine")) is not None
    ]
    keys = {column["key"] for column in numbers}
    return View(
        name=_name(matrix, words),
        rows=rows,
        columns=[
            id_column(label["id"], None),
            text_column("token", label["token"], _texts(diff, rows)),
            code_column("verdict", label["verdict"], codes, _movement_names(words), _STYLES),
            code_column("group", label["group"], groups, [words.say(f"group.{name}") for name in GROUPS]),
            sparse_column("roles", label["roles"], {id: role for id, role in roles.items() if role}),
            *numbers,
        ],
        by="verdict",
        groups="group",
        listed=listed,
        order=order,
        picture=("norm", "distance") if {"norm", "distance"} <= keys else None,
        rough=coarse is not None,
    )


def _movement_names(words: Words) -> list[str]:
    return [words.say(f"movement.{name}") for name in _MOVEMENTS]


def _texts(diff: Diff, rows: int) -> Iterator[str]:
    vocabulary = diff.names.tuned or diff.names.base
    return (vocabulary.shown(id) if vocabulary else "-" for id in range(rows))


def _legend(matrix: MatrixDiff, words: Words) -> str:
    counts = np.bincount(movements(matrix), minlength=len(_MOVEMENTS)).tolist()
    marks = (
        f'<span><span class="mark {style}"></span>{text(name)} ({count:,})</span>'
        for style, name, count in zip(_STYLES, _movement_names(words), counts, strict=True)
        if count
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def _pictures(diff: Diff, words: Words) -> Iterator[str]:
    yield note(words.say("picture.meaning"))
    yield from picture_controls(words, _clouds(diff, words))


def _clouds(diff: Diff, words: Words) -> Iterator[str]:
    for matrix in diff.matrices:
        table = matrix.table
        across, up = (scale_of(v, magnitude=True) for v in (table.norm_base, table.distance))
        if across is None or up is None:
            continue
        titles = (words.say("label.norm"), words.say("label.distance"))
        label = words.say("picture.cloud", matrix=_name(matrix, words))
        drawing = scatter_svg(table.norm_base, table.distance, _layers(matrix), (across, up), titles, label)
        yield f"<figure><h3>{text(_name(matrix, words))}</h3>{_legend(matrix, words)}{drawing}</figure>"


def _strips(diff: Diff, words: Words) -> Iterator[str]:
    yield note(words.say("picture.strip", block=BLOCK))
    for matrix in diff.matrices:
        if not len(matrix.table):
            continue
        label = words.say("picture.strip_label", matrix=_name(matrix, words))
        drawing = strip_svg(len(matrix.table), _layers(matrix), words.say("label.token_id"), label)
        yield f"<figure><h3>{text(_name(matrix, words))}</h3>{_legend(matrix, words)}{drawing}</figure>"


def _matrix(matrix: MatrixDiff, words: Words) -> Iterator[str]:
    yield from html_table(
        in_language(changes_rows(matrix), words.language, "diff"), set(range(1, 8)), _name(matrix, words)
    )
    for key, rows in (
        ("reserved", matrix.drifted_reserved),
        ("new", matrix.new_tokens),
        ("still", matrix.still_specials if matrix.total.changed else ()),
    ):
        if rows:
            yield f"<h3>{text(words.say(f'diff.{key}'))}</h3>"
            yield from html_table(_changed(rows, words), {0, 3, 4, 5}, words.say(f"diff.{key}"))
            if len(rows) > _LISTED:
                yield note(words.say("diff.more", shown=_LISTED, all=len(rows)))


def _changed(rows: Sequence[RowChange], words: Words) -> list[tuple[str, ...]]:
    heads = ("id", "token", "verdict", "distance", "relative", "cosine")
    cells = [tuple(words.say(f"label.{head}") for head in heads)]
    for row in rows[:_LISTED]:
        numbers = (real(row.distance), real(row.relative), cosine(row.cosine))
        moved = words.maybe(f"movement.{row.movement}") or row.movement
        cells.append((str(row.id), shown_token(row.token, row.text), moved, *numbers))
    return cells


def _tokenizer(diff: Diff, words: Words) -> Iterator[str]:
    if diff.tokenizer is None:
        return
    body = []
    for name, items in tokenizer_lists(diff.tokenizer):
        shown = ", ".join(items[:_LISTED])
        more = f" {words.say('page.more_ids', count=len(items) - _LISTED)}" if len(items) > _LISTED else ""
        body.append(f"<p><b>{text(words.told(name))} ({len(items):,})</b>: {text(shown)}{text(more)}</p>")
    yield from section(words.say("diff.tokenizer"), body or [note(words.say("diff.same"))], "tokenizer")
