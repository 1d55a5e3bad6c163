"""Packed tables that are named and counted, and not decoded."""

from __future__ import annotations

from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.model import Packed
from rowscope.inspector.matrices.packed.shapes import refused, two_numbers
from rowscope.inspector.matrices.stored import FORMS


def read_named(beside: Beside, size: tuple[int, int]) -> Packed | None:
    """A table in a form that no reader knows; None for plain ones.

    Args:
        size: rows and columns as far as shapes and config tell.
    """
    form = next((form for form in FORMS if form.packed and form.suffix == beside.suffix), None)
    if form is None:
        return None
    rows, width = _stated(beside) or size
    if beside.main.dtype == "U8" and form.writer == "optimum-quanto" and beside.vocab:
        rows = beside.vocab  # several elements a byte, of rows that lie apart
    return refused(
        Packed(form.writer.lower(), form.writer, 0, rows, width),
        f"{beside.main.name!r} is packed ({form.writer}), which rowscope does not decode",
    )


def _stated(beside: Beside) -> tuple[int, int] | None:
    """Rows and columns that HQQ stores beside its table."""
    ref = beside.side(".shape")
    return None if ref is None else two_numbers(ref, beside.small(ref))
