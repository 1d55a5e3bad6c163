"""Rows as bytes and as values; what cannot be read is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rowscope.inspector.errors import MalformedFileError, UndecodableError, UsageError
from rowscope.inspector.header.tensors import TensorRef
from rowscope.inspector.rows import scan_rows
from rowscope.inspector.rows.blocks import RowReader

from .. import naive

Store = Callable[..., RowReader]


@pytest.mark.parametrize("dtype", naive.DTYPES)
def test_blocks_copies_and_values(dtype: str, store: Store) -> None:
    values = np.abs(naive.normal()) if dtype.startswith(("U", "F8_E8M0")) else naive.normal()
    with store(dtype, values) as reader:
        raw = naive.encode(dtype, values)
        assert (reader.rows, reader.width, reader.dtype, reader.row_bytes) == (60, 24, dtype, raw.shape[1])
        np.testing.assert_array_equal(reader.block(7, 31), raw[7:31])
        ids = np.array([3, 59, 0, 3, 17])
        np.testing.assert_array_equal(reader.gather(ids), raw[ids])
        expected = [naive.decode(dtype, raw[at].tobytes()) for at in ids]
        np.testing.assert_array_equal(reader.decode(ids), expected)
        np.testing.assert_array_equal(reader.decode(ids, 8, 16), np.array(expected)[:, 8:16])
        assert (reader.assumption is not None) == dtype.startswith("F6_")


def test_blocks_are_views_that_cannot_be_written(store: Store) -> None:
    with store("F32", naive.normal()) as reader:
        block = reader.block(0, 5)
        assert not block.flags.writeable
        assert block.base is not None


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "word"),
    [
        ("BOOL", (4, 8), 32, "'rows' holds BOOL"),
        ("C64", (4, 8), 256, "'rows' holds C64"),
        ("F4", (2, 3), 3, "rows of 3 F4 elements"),
        ("F6_E2M3", (4, 6), 18, "rows of 6 F6_E2M3 elements"),
        ("F32", (32,), 128, r"shape \[32\]"),
        ("F32", (4, 4, 2), 128, r"shape \[4, 4, 2\]"),
    ],
)
def test_what_cannot_be_decoded_is_said(
    dtype: str, shape: tuple[int, ...], size: int, word: str, tmp_path: Path, write: Callable[..., TensorRef]
) -> None:
    with pytest.raises(UndecodableError, match=word) as caught:
        RowReader(write(tmp_path / "a.safetensors", dtype, shape, bytes(size)))
    assert caught.value.location == "rows"


@pytest.mark.parametrize("wrong", [-1, 60, 10**12])
def test_ids_that_are_no_rows_are_named(wrong: int, store: Store) -> None:
    with store("BF16", naive.normal()) as reader:
        for ask in (reader.gather, reader.decode, lambda ids: scan_rows(reader, ids=ids)):
            with pytest.raises(UsageError, match=f"row {wrong} .*60 rows; give ids from 0 to 59"):
                ask(np.array([5, wrong, 6]))


def test_a_file_that_shrinks_meanwhile_is_an_error(store: Store) -> None:
    with store("F32", naive.normal()) as reader:
        os.truncate(reader.ref.shard.path, reader.ref.offset + 100)
        with pytest.raises(MalformedFileError, match="shrank"):
            scan_rows(reader)
