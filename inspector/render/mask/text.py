"""The mask for people: how many ids, where, and how each serving stack takes them."""

from __future__ import annotations

from collections.abc import Iterator

import rowscope
from rowscope.inspector.mask import FORMATS, Mask
from rowscope.inspector.ranges import format_ranges
from rowscope.inspector.render.lines import Line, to_plain_text
from rowscope.inspector.render.plain import plural, table, wrap
from rowscope.inspector.text import visible


def render_mask_text(mask: Mask, *, width: int = 80) -> str:
    """The summary as plain text of `width` columns."""
    return to_plain_text(mask_lines(mask, width=width))


def mask_lines(mask: Mask, *, width: int = 80) -> Iterator[Line]:
    """The summary as styled lines of `width` columns; every name from a file is made visible."""
    head = f"rowscope {rowscope.__version__} · {visible(mask.path)}"
    yield from (Line(text, "title") for text in wrap(head, width, ""))
    asked = ", ".join(mask.include)
    text = f"{len(mask):,} of {plural(mask.rows, 'id')} must never be sampled ({asked})"
    yield from (Line(line) for line in wrap(text, width, ""))
    if len(mask):
        yield Line("")
        yield Line("ids", "heading")
        rows = [
            (name, f"{group.count:,}", format_ranges(group.ranges, limit=4))
            for name, group in mask.groups.items()
        ]
        yield from (Line(line) for line in table(rows, width))
    if mask.notes:
        yield Line("")
        yield Line("notes", "heading")
        for note in mask.notes:
            yield from (Line(line) for line in wrap(visible(note), width, "  "))
    yield Line("")
    yield Line("--format", "heading")
    for name, form in FORMATS.items():
        yield from (Line(line) for line in wrap(f"{name}: {form.setting}", width, "  "))
