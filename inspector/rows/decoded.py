"""Rows of a quantised table, decoded block by block into float32."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices import Packed
from rowscope.inspector.rows.blocks import GATHERED_ROWS, EngineChoice, Ids
from rowscope.inspector.rows.computed import ComputedRows
from rowscope.inspector.rows.parts import RowPart, open_part, singles, whole
from rowscope.kernels import dispatch, formats
from rowscope.kernels.compile.machine_code import Engine
from rowscope.kernels.decode import decode
from rowscope.kernels.decode.codes import level_steps, unpack_codes
from rowscope.kernels.decode.scaling import Numbers, Scaling, scale_levels, widen
from rowscope.kernels.results import GroupSums, RowColumns

Singles = NDArray[np.float32]

_SCANNED = 16 << 20
"""Bytes of values that are scanned as one piece. They are decoded a few rows at a time, but all of them where
rows are nearly copies of each other: a thread then holds them."""

_WIDE = 16_384
"""Columns from which on everything else that a thread holds takes megabytes: it gets half as many values."""


class DecodedRows(ComputedRows):
    """Reads the rows of a packed table as values; several threads may share one reader.

    Raises:
        UndecodableError: the table's mapping points outside its stored rows.
        CheckpointError, MalformedFileError: see `RowReader`.
    """

    def __init__(self, ref: TensorRef, packed: Packed) -> None:
        super().__init__(ref, packed.rows, packed.width)
        assert packed.codes is not None
        self.packed = packed
        self._engine: Engine = "numpy"
        self._codes = open_part(packed.codes)
        self._scale = [(how, open_part(part)) for how, part in packed.scale]
        self._zero = None if packed.zero is None else open_part(packed.zero)
        self._offset = None if packed.offset is None else open_part(packed.offset)
        self._columns = None if packed.columns is None else _groups_of_columns(packed.columns)
        self._mapping = None if packed.mapping is None else _integers(packed.mapping)
        self._table = None if packed.table is None else singles(packed.table.dtype, whole(packed.table))[0]
        self._check_indices()

    def use(self, engine: EngineChoice, elements: int) -> None:
        """Choose what decodes, by size for `auto`, and make it ready in this thread."""
        coding = self.packed.coding
        if coding is None or self._table is not None or self._columns is not None:
            return  # numpy decodes these whatever is asked for
        zero, offset = self._zero is not None, self._offset is not None
        self._engine = (
            decode.choose_engine(coding, elements, zero=zero, offset=offset) if engine == "auto" else engine
        )
        if self._engine == "numba":
            self.scan_bytes = _SCANNED if self.width < _WIDE else _SCANNED // 2
            decode.prepare(coding, zero=zero, offset=offset)

    def expect(self, ids: Ids | None) -> None:
        index = None if ids is None else np.asarray(ids, dtype=np.int64)
        if index is not None:
            self.check(index)
        for part in self._parts():
            if index is not None and self._mapping is not None and part is self._codes:
                part.expect(self._mapping[index])
            else:
                part.expect(index)

    def _compute(self, ids: Ids, out: Singles) -> None:
        stored = ids if self._mapping is None else self._mapping[np.asarray(ids, dtype=np.int64)]
        if self.packed.coding is None:
            values = self._codes.values(stored)
            out[:] = values if not self._scale else values * widen(self._scales(ids))
            self._scaled(ids)
            return
        raw = self._codes.raw(stored)
        decode.decode(self._engine, self.packed.coding, raw, self._scaling(ids), out, self._table)
        self._codes.done(stored)
        self._scaled(ids)

    def scan(
        self, ids: Ids, out: RowColumns, groups: NDArray[np.int8] | None, sums: GroupSums | None
    ) -> bool:
        """As of the base: decodes and scans in one pass where the compiled kernel knows the packing."""
        coding = self.packed.coding
        if self._engine != "numba" or coding is None or self._table is not None or self._mapping is not None:
            return False
        scaling = self._scaling(ids)
        if not len(ids) or not decode.fits_scan(coding, scaling, self.width):
            self._scaled(ids)
            return False
        raw = self._codes.raw(ids)
        left, again = decode.scan_decoded(coding, raw, scaling, self.width, out, groups, sums)
        self._codes.done(ids)
        self._scaled(ids)
        if again and sums is not None:
            sums.clear()
            return False
        if left.size:
            self._scan_left(np.asarray(ids, dtype=np.int64), left, out, groups, sums)
        return True

    def _scan_left(
        self,
        ids: NDArray[np.int64],
        left: NDArray[np.int64],
        out: RowColumns,
        groups: NDArray[np.int8] | None,
        sums: GroupSums | None,
    ) -> None:
        """Scan the rows at the positions `left` with numpy: they are not finite, or extreme."""
        redone = RowColumns.allocate(left.size)
        members = None if groups is None else groups[left]
        dispatch.scan("numpy", self.form, self.gather(ids[left]), redone, members, sums)
        out.put(left, redone)

    @property
    def stored_dtype(self) -> str:
        return self._codes.reader.dtype

    def stored(self, ids: NDArray[np.int64]) -> NDArray[np.uint8]:
        self.check(ids)
        return self._codes.raw(ids if self._mapping is None else self._mapping[ids])

    @property
    def grain_bits(self) -> int | None:
        return self.packed.bits or None

    def noise(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """As of the base. An element rounded to a grid of step s is off by s / sqrt(12) on average."""
        if self.packed.coding is None:
            return np.zeros(ids.size)
        steps = level_steps(self.packed.coding, self._table)
        stored = ids if self._mapping is None else self._mapping[ids]
        found = np.empty(ids.size)
        for start in range(0, ids.size, GATHERED_ROWS):
            some = slice(start, start + GATHERED_ROWS)
            codes = unpack_codes(self.packed.coding, self._codes.raw(stored[some]), self.width)
            bare = dataclasses.replace(self._scaling(ids[some]), zero=None, offset=None)
            wide = scale_levels(steps[codes], bare).astype(np.float64)
            found[some] = np.sqrt(np.einsum("nd,nd->n", wide, wide) / 12)
        return found

    def _scaling(self, ids: Ids) -> Scaling:
        """Numbers beside rows; views of the file for a range, until `_scaled`."""
        return Scaling(
            group=self.packed.group or self.width,
            scale=self._scales(ids),
            zero=None if self._zero is None else self._zero.numbers(ids),
            offset=None if self._offset is None else self._offset.numbers(ids),
            columns=self._columns,
            factor=self.packed.factor,
        )

    def _scaled(self, ids: Ids) -> None:
        """The numbers beside rows are done with."""
        for part in self._parts():
            part.used(ids)

    def _scales(self, ids: Ids) -> Numbers:
        if len(self._scale) == 1 and self._scale[0][0] == "*":
            return self._scale[0][1].numbers(ids)
        found = np.ones((1, 1), dtype=np.float32)
        with np.errstate(all="ignore"):
            for how, part in self._scale:
                numbers = part.values(ids)
                found = found * numbers if how == "*" else found / numbers
        return found

    def _check_indices(self) -> None:
        assert self.packed.codes is not None
        groups = -(-self.width // (self.packed.group or self.width))
        for found, ref, below, what in (
            (self._columns, self.packed.columns, groups, "groups of columns"),
            (self._mapping, self.packed.mapping, self.packed.codes.ref.shape[0], "stored rows"),
        ):
            if found is None or ref is None or not found.size:
                continue
            low, high = int(found.min()), int(found.max())
            if low < 0 or high >= below:
                self.close()
                raise UndecodableError(
                    f"{ref.name!r} points at {high if high >= below else low}, outside the {below} {what} of "
                    f"{self.ref.name!r}; save the checkpoint again with the tool that quantised it",
                    location=ref.name,
                )

    def _parts(self) -> list[RowPart]:
        others = [part for part in (self._zero, self._offset) if part is not None]
        return [self._codes, *(part for _, part in self._scale), *others]

    def release(self, start: int, stop: int) -> None:
        """Nothing to do: what was read is given back as soon as it is decoded."""

    def close(self) -> None:
        for part in self._parts():
            part.close()


def _groups_of_columns(ref: TensorRef) -> NDArray[np.int64] | None:
    """The group of each column; None where all are -1, as older compressed-tensors writes groups in order."""
    found = _integers(ref)
    return None if ref.name.endswith(".weight_g_idx") and bool((found == -1).all()) else found


def _integers(ref: TensorRef) -> NDArray[np.int64]:
    form = formats.FORMATS[ref.dtype]
    codes = formats.unpack(form, whole(ref))[0]
    numbers = codes.view(f"<{'i' if form.signed else 'u'}{form.lane.itemsize}")
    return np.asarray(numbers, dtype=np.int64)
