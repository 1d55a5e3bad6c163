"""Rows one by one as an HTML page: a picture of those that were asked for, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import rowscope
from rowscope.inspector.census import GROUPS
from rowscope.inspector.evidence import CONFIDENCES, VERDICTS
from rowscope.inspector.listing import VocabularyRows
from rowscope.inspector.render.html import (
    Layer,
    Scale,
    View,
    Words,
    code_column,
    explorer,
    html_table,
    id_column,
    integer_column,
    note,
    page,
    page_data,
    picture_controls,
    real_column,
    scale_of,
    scatter_svg,
    section,
    sparse_column,
    text,
    text_column,
)
from rowscope.inspector.text import cosine, real, visible
from rowscope.inspector.vocabulary import shown_token

_CUT: Final = 100
_MANY: Final = 50_000


def render_rows_html(rows: VocabularyRows, path: str, *, title: str | None = None, lang: str = "en") -> str:
    """The rows as one HTML5 document that needs nothing else.

    Raises:
        UsageError: a language other than `en` and `zh`.
    """
    words = Words(lang, "rows")
    heading = title or words.say("rows.title", path=visible(path))
    view = _view(rows, words)
    return page(
        _body(rows, view, words, heading), title=heading, language=lang, data=page_data(words, [view])
    )


def _body(rows: VocabularyRows, view: View, words: Words, heading: str) -> Iterator[str]:
    yield f"<h1>{text(heading)}</h1>"
    yield f"<p>{text(words.say('rows.count', count=len(rows)))}</p>"
    judged = rows.judged_on and words.say("rows.judged", on=words.told(rows.judged_on))
    for said in (rows.note and words.told(rows.note), judged):
        if said:
            yield note(said)
    if view.picture is not None:
        yield from section(words.say("part.picture"), _picture(rows, words), "picture")
    table = explorer(words, words.say("part.rows"), _cut(rows, words))
    yield from section(words.say("part.rows"), table, "rows-part")
    yield note(f"rowscope {rowscope.__version__}")


def _codes(values: NDArray[np.object_], names: tuple[str, ...]) -> NDArray[np.uint8]:
    places = {name: at for at, name in enumerate(names)}
    return np.fromiter(map(places.__getitem__, values), dtype=np.uint8, count=values.size)


def _axes(rows: VocabularyRows) -> tuple[Scale, Scale] | None:
    if rows.cosine_to_reference is None:
        return None
    norm, towards = scale_of(rows.norm, magnitude=True), scale_of(rows.cosine_to_reference)
    return None if norm is None or towards is None else (norm, towards)


def _view(rows: VocabularyRows, words: Words) -> View:
    label = words.section("label")
    verdict = None if rows.verdict is None else _codes(rows.verdict, VERDICTS)
    coarse = verdict == 0 if verdict is not None and len(rows) > _MANY else None
    shown = words.section("verdict")
    columns: list[Mapping[str, Any]] = [id_column(label["id"], rows.id)]
    if rows.token is not None and rows.text is not None:
        tokens = (shown_token(*pair) for pair in zip(rows.token, rows.text, strict=True))
        columns.append(text_column("token", label["token"], tokens))
    if verdict is not None:
        names = [shown[name] for name in VERDICTS]
        if rows.cosine_to_reference is None or not np.isfinite(rows.cosine_to_reference).any():
            names[0] = shown["untold"]  # without a reference nothing tells that a row is trained
        columns.append(code_column("verdict", label["verdict"], verdict, names, list(VERDICTS)))
    if rows.group is not None:
        groups = words.section("group")
        codes = _codes(rows.group, GROUPS)
        columns.append(code_column("group", label["group"], codes, [groups[name] for name in GROUPS]))
    if rows.confidence is not None:
        sure = words.section("confidence")
        codes = _codes(rows.confidence, CONFIDENCES)
        columns.append(code_column("confidence", label["confidence"], codes, [sure[c] for c in CONFIDENCES]))
    columns += _numbers(rows, label, coarse)
    if rows.recipe is not None and any(rows.recipe):
        recipes = {at: visible(words.told(said)) for at, said in enumerate(rows.recipe.tolist()) if said}
        columns.append(sparse_column("recipe", label["recipe"], recipes))
    listed = np.ones(len(rows), dtype=np.uint8)
    if coarse is not None:
        listed[coarse] = 0
    picture = None if _axes(rows) is None else ("norm", "cosine")
    return View(
        name=visible(path_of(rows)),
        rows=len(rows),
        columns=columns,
        by="verdict",
        groups="group",
        listed=listed,
        order=np.flatnonzero(listed),
        picture=picture,
        rough=coarse is not None,
        start=0,
    )


def path_of(rows: VocabularyRows) -> str:
    """Which matrix the rows are of."""
    return str(rows.matrix[0]) if rows.matrix is not None and len(rows) else "rows"


def _numbers(
    rows: VocabularyRows, label: Mapping[str, str], coarse: NDArray[np.bool_] | None
) -> Iterator[Mapping[str, Any]]:
    for key, values, form in (
        ("norm", rows.norm, ""),
        ("cosine", rows.cosine_to_reference, "cosine"),
        ("mean", rows.mean, ""),
        ("std", rows.std, ""),
        ("min", rows.min, ""),
        ("max", rows.max, ""),
    ):
        scale = None if values is None else scale_of(values, magnitude=key in ("norm", "std"))
        if values is not None and scale is not None:
            yield real_column(key, label[key], values, scale, form=form, coarse=coarse)
    for key, counts in (("nonzero", rows.nonzero), ("nan", rows.nan), ("inf", rows.inf)):
        yield integer_column(key, label[key], counts)
    if rows.duplicates is not None:
        yield integer_column("copies", label["copies"], rows.duplicates, zero="")


def _picture(rows: VocabularyRows, words: Words) -> Iterator[str]:
    axes = _axes(rows)
    assert axes is not None
    assert rows.cosine_to_reference is not None
    assert rows.verdict is not None
    verdict = _codes(rows.verdict, VERDICTS)
    layers = [Layer(np.flatnonzero(verdict == at), name, at == 0) for at, name in enumerate(VERDICTS)]
    titles = (words.say("label.norm"), words.say("label.cosine"))
    label = words.say("picture.cloud", matrix=path_of(rows))
    drawing = scatter_svg(rows.norm, rows.cosine_to_reference, layers, axes, titles, label)
    yield note(words.say("picture.meaning"))
    yield from picture_controls(words, [f"<figure>{drawing}</figure>"])


def _cut(rows: VocabularyRows, words: Words) -> Iterator[str]:
    """What stands there without a script."""
    cells = [tuple(words.say(f"label.{key}") for key in _CELLS)]
    for at in range(min(len(rows), _CUT)):
        cells.append(tuple(cell(rows, at) for cell in _CELLS.values()))
    yield from html_table(cells, {0, 4, 5}, words.say("part.rows"))
    if len(rows) > _CUT:
        yield note(words.say("rows.more", shown=_CUT, all=len(rows)))


def _token(rows: VocabularyRows, at: int) -> str:
    known = rows.token is not None and rows.text is not None
    return shown_token(rows.token[at], rows.text[at]) if known else "-"  # type: ignore[index]


_CELLS: Final[Mapping[str, Callable[[VocabularyRows, int], str]]] = {
    "id": lambda rows, at: str(rows.id[at]),
    "token": lambda rows, at: _token(rows, at),
    "verdict": lambda rows, at: "-" if rows.verdict is None else str(rows.verdict[at]),
    "group": lambda rows, at: "-" if rows.group is None else str(rows.group[at]),
    "norm": lambda rows, at: real(float(rows.norm[at])),
    "cosine": lambda rows, at: cosine(
        None if rows.cosine_to_reference is None else float(rows.cosine_to_reference[at])
    ),
}
