"""The part of a page that people work with: a table of all rows to search, sort and filter, and a cloud of
them to select a region in. Markup of the controls, and the data that the script fills them with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.frozen import record
from rowscope.inspector.render.html.markup import text
from rowscope.inspector.render.html.packing import packed_integers, packed_reals, packed_texts
from rowscope.inspector.render.html.scale import Scale
from rowscope.inspector.render.html.wording import Words

Column = Mapping[str, Any]


@record
class View:
    """One table of rows, as the script gets it.

    Attributes:
        name: for the choice between several, plain text.
        rows: how many rows there are.
        columns: from the functions below, in order; one has the key `id`.
        by, groups: keys of columns of classes to filter by; the first colours the picture.
        listed: bits of every row, uint8 [rows]: 1 a row to look at, 2 one with a part of its own.
        order: the rows with a bit, int64, in the order in which they are shown first.
        picture: keys of the two columns of numbers that are drawn, None for no picture.
        rough: whether rows without a bit were packed coarsely.
        start: bits of the rows that are shown first; 0 for all rows.
    """

    name: str
    rows: int
    columns: Sequence[Column]
    by: str
    groups: str
    listed: NDArray[np.uint8]
    order: NDArray[np.int64]
    picture: tuple[str, str] | None
    rough: bool = False
    start: int = 3

    def packed(self) -> dict[str, Any]:
        """JSON values for the page's script."""
        picture = None if self.picture is None else dict(zip("xy", self.picture, strict=True))
        return {
            "name": self.name,
            "rows": self.rows,
            "columns": self.columns,
            "by": self.by,
            "groups": self.groups,
            "listed": packed_integers(self.listed, 1),
            "order": packed_integers(self.order),
            "picture": picture,
            "rough": self.rough,
            "start": self.start,
        }


def id_column(label: str, ids: NDArray[np.int64] | None) -> Column:
    """Row ids; None where row i has id i."""
    values = None if ids is None else packed_integers(ids)
    return {"key": "id", "label": label, "kind": "id", "right": True, "values": values}


def text_column(key: str, label: str, texts: Iterable[str] | None) -> Column:
    """Texts without line feeds; None for those that all views share."""
    return {
        "key": key,
        "label": label,
        "kind": "text",
        "texts": None if texts is None else packed_texts(texts),
    }


def sparse_column(key: str, label: str, values: Mapping[int, str]) -> Column:
    """Texts of a few rows, by position."""
    return {"key": key, "label": label, "kind": "sparse", "values": {str(at): v for at, v in values.items()}}


def integer_column(
    key: str, label: str, values: NDArray[Any], zero: str = "0", *, hidden: bool = False
) -> Column:
    """Counts; `zero` is what stands for none. A hidden column is not shown: `same` holds 1 + the lowest id of
    equal values, 0 for a row like no other."""
    column = {"key": key, "label": label, "kind": "integer", "right": True, "values": packed_integers(values)}
    return {**column, "zero": zero, "hidden": hidden}


def code_column(
    key: str, label: str, codes: NDArray[Any], names: Sequence[str], styles: Sequence[str] | None = None
) -> Column:
    """Classes: index [n] into `names`; `styles` are their colours in the style sheet."""
    packed = packed_integers(codes, 1)
    return {"key": key, "label": label, "kind": "code", "values": packed, "names": names, "styles": styles}


def real_column(
    key: str,
    label: str,
    values: NDArray[np.float64],
    scale: Scale,
    *,
    form: str = "",
    coarse: NDArray[np.bool_] | None = None,
    few: bool = True,
) -> Column:
    """Numbers along a scale; `form` is `cosine` for numbers shown as these are, more in `packed_reals`."""
    packed = packed_reals(values, scale, coarse, few=few)
    return {"key": key, "label": label, "kind": "real", "right": True, "values": packed, "form": form}


def page_data(words: Words, views: Sequence[View], texts: Iterable[str] | None = None) -> dict[str, Any]:
    """What the page's script is given; `texts` are those that the views share."""
    return {
        "words": words.section("script"),
        "views": [view.packed() for view in views],
        "texts": None if texts is None else packed_texts(texts),
    }


def picture_controls(words: Words, still: Iterable[str]) -> Iterator[str]:
    """The cloud: `still` stands there without a script and in print, the live one in its place with one."""
    yield '<div class="still">'
    yield from still
    yield '</div><div class="live" hidden><div id="plot-live">'
    yield f'<p class="dim">{text(words.say("picture.how"))}</p>'
    label = text(words.say("picture.legend"))
    yield f'<div class="legend" id="plot-legend" role="group" aria-label="{label}"></div>'
    yield '<div class="controls">'
    yield f'<button type="button" id="plot-zoom">{text(words.say("picture.zoom"))}</button>'
    yield f'<button type="button" id="plot-whole">{text(words.say("picture.whole"))}</button></div>'
    yield f'<div class="plot" id="plot" role="img" aria-label="{text(words.say("picture.live"))}"></div>'
    yield "</div></div>"


def explorer(words: Words, label: str, cut: Iterable[str] = ()) -> Iterator[str]:
    """The table and its controls; `cut` is markup that stands in its place without a script."""
    yield '<div class="cut">'
    yield from cut
    yield "</div>"
    yield f'<p id="failed" class="partial" hidden>{text(words.say("table.failed"))}</p>'
    yield '<div class="live" hidden><div class="controls">'
    yield _labelled("view", words, '<select id="rows-view"></select>')
    yield _labelled("search", words, f'<input type="search" id="rows-search" {_hint(words)}>')
    for name in ("show", "by", "group"):
        yield _labelled(name, words, f'<select id="rows-{name}"></select>')
    yield f'<button type="button" id="rows-clear">{text(words.say("table.clear"))}</button></div>'
    yield f"<details><summary>{text(words.say('table.region'))}</summary>"
    yield '<form class="controls" id="rows-region">'
    for name in ("x-from", "x-to", "y-from", "y-to"):
        yield _labelled(name, words, f'<input type="number" step="any" id="rows-{name}">')
    yield f'<button type="submit">{text(words.say("table.apply"))}</button></form></details>'
    yield '<p role="status" id="rows-status"></p><div class="controls">'
    yield f'<button type="button" id="rows-copy">{text(words.say("table.copy"))}</button>'
    yield f'<button type="button" id="rows-before">{text(words.say("table.before"))}</button>'
    yield '<span id="rows-page"></span>'
    yield f'<button type="button" id="rows-after">{text(words.say("table.after"))}</button></div>'
    yield f'<textarea id="rows-ids" readonly hidden aria-label="{text(words.say("table.ids"))}"></textarea>'
    yield f'<div class="wide" id="rows" tabindex="0" role="region" aria-label="{text(label)}"><table>'
    yield '<thead id="rows-head"></thead><tbody id="rows-body"></tbody></table></div></div>'


def _labelled(name: str, words: Words, control: str) -> str:
    return f"<label>{text(words.say(f'table.{name}'))} {control}</label>"


def _hint(words: Words) -> str:
    return f'placeholder="{text(words.say("table.search_hint"))}" autocomplete="off"'
