"""The record of claims as a reader meets it: a hint from a file that anybody may have written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.checkpoint import CLAIM_RECORD, ClaimedRow, ClaimRecord, read_claim_record
from rowscope.inspector.checkpoint.claim_record import MOST_ROWS
from rowscope.inspector.storage.local import LocalFolder

ROW = {
    "id": 3,
    "token": "<A>",
    "tensor": "wte.weight",
    "dtype": "BF16",
    "recipe": "like:the",
    "sha256": "0a" * 32,
}


def written(folder: Path, document: object) -> ClaimRecord:
    (folder / CLAIM_RECORD).write_text(json.dumps(document), encoding="utf-8")
    return read_claim_record(LocalFolder(folder))


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rows = tuple(ClaimedRow(id, f"<{id}>", "wte.weight", "F32", "mean", "0f" * 32) for id in range(5))
    (tmp_path / CLAIM_RECORD).write_bytes(ClaimRecord(rows).encode())
    assert read_claim_record(LocalFolder(tmp_path)) == ClaimRecord(rows)


def test_nothing_is_said_where_there_is_none(tmp_path: Path) -> None:
    assert read_claim_record(LocalFolder(tmp_path)) == ClaimRecord()


@pytest.mark.parametrize(
    "change",
    [
        {"id": -1},
        {"id": True},
        {"id": 1.0},
        {"id": 10**30},
        {"id": "3"},
        {"token": None},
        {"token": "x" * 1001},
        {"recipe": "keep"},
        {"recipe": "mean\x1b[31m"},
        {"sha256": "0A" * 32},
        {"sha256": "0a" * 31},
        {"more": 1},
    ],
    ids=str,
)
def test_one_wrong_entry_spoils_the_record(tmp_path: Path, change: dict[str, object]) -> None:
    found = written(tmp_path, {"rowscope_claim": 1, "rows": [ROW, {**ROW, **change}]})
    assert found.rows == ()
    assert "ignored" in found.note
    assert found.note.isprintable()


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        1,
        {},
        {"rowscope_claim": 2, "rows": []},
        {"rowscope_claim": 1},
        {"rowscope_claim": 1, "rows": {}},
    ],
    ids=str,
)
def test_another_document_is_ignored_with_a_note(tmp_path: Path, document: object) -> None:
    found = written(tmp_path, document)
    assert found.rows == ()
    assert CLAIM_RECORD in found.note


def test_size_and_length_are_bounded(tmp_path: Path) -> None:
    found = written(tmp_path, {"rowscope_claim": 1, "rows": [ROW] * (MOST_ROWS + 1)})
    assert found.rows == ()
    assert found.note
    with (tmp_path / CLAIM_RECORD).open("wb") as file:
        file.truncate(1 << 40)
    assert "limit" in read_claim_record(LocalFolder(tmp_path)).note
    many = tuple(ClaimedRow(id, "x", "t", "F32", "mean", "0f" * 32) for id in range(MOST_ROWS))
    more = ClaimRecord(many).extended((ClaimedRow(MOST_ROWS, "x", "t", "F32", "mean", "0f" * 32),))
    assert len(more.rows) == MOST_ROWS
    assert more.rows[-1].id == MOST_ROWS


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling"])
def test_what_is_no_file_is_ignored(tmp_path: Path, kind: str) -> None:
    path = tmp_path / CLAIM_RECORD
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    found = read_claim_record(LocalFolder(tmp_path))
    assert found.rows == ()
    assert "ignored" in found.note


@given(data=st.binary(max_size=200))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / CLAIM_RECORD).write_bytes(data)
    assert read_claim_record(LocalFolder(folder)).rows == ()


def test_an_opened_checkpoint_notes_a_record_that_it_ignored(tmp_path: Path) -> None:
    rowscope.claim_into("demo", "<A>", tmp_path / "out")
    opened = rowscope.open_checkpoint(tmp_path / "out")
    assert [(row.id, row.recipe) for row in opened.claims.rows] == [(4016, "mean")]
    assert opened.notes == ()
    (tmp_path / "out" / CLAIM_RECORD).write_text("[")
    opened = rowscope.open_checkpoint(tmp_path / "out")
    assert opened.claims.rows == ()
    assert any(CLAIM_RECORD in note for note in opened.notes)
    assert rowscope.audit(opened).exit_code() == 0
