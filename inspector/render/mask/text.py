"""The mask for people: how many ids, where, and how each serving stack takes them."""

from __future__ import annotations

from collections.abc import Iterator

import rowscope
from rowscope.inspector.mask import FORMATS, Mask
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.lines import Line, to_plain_text
from rowscope.inspector.render.plain import table, wrap
from rowscope.inspector.render.spoken import heading_lines, in_language, spoken_lines
from rowscope.inspector.text import say, visible


def render_mask_text(mask: Mask, *, width: int = 80, lang: str = "en") -> str:
    """The summary as plain text of `width` columns."""
    return to_plain_text(mask_lines(mask, width=width, lang=lang))


def mask_lines(mask: Mask, *, width: int = 80, lang: str = "en") -> Iterator[Line]:
    """The summary as styled lines of `width` columns; every name from a file is made visible."""
    head = f"rowscope {rowscope.__version__} · {visible(mask.path)}"
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    said = say(
        "{count} of {rows:# id|# ids} must never be sampled ({asked})",
        count=len(mask),
        rows=mask.rows,
        asked=", ".join(mask.include),
    )
    yield from spoken_lines([said], width, "", lang)
    if len(mask):
        yield from heading_lines(say("ids"), lang)
        rows = [
            (name, f"{group.count:,}", format_ranges(group.ranges, limit=4))
            for name, group in mask.groups.items()
        ]
        yield from (Line(line) for line in table(in_language([("",) * 3, *rows], lang)[1:], width))
    if mask.notes:
        yield from heading_lines(say("notes"), lang)
        yield from spoken_lines(mask.notes, width, "  ", lang)
    yield Line("")
    yield Line("--format", "heading")
    forms = [say("{name}: {said}", name=name, said=form.setting) for name, form in FORMATS.items()]
    yield from spoken_lines(forms, width, "  ", lang)
