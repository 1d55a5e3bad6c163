"""Files that are given back to the tool and that somebody else may have written: results, lists, caches."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector.errors import RemoteError, UsageError
from rowscope.inspector.fleet import place_of
from rowscope.inspector.listing import find_suspects
from rowscope.inspector.storage.remote.spool import Spool

NOT_JSON = {
    "nothing": b"",
    "deep": b"[" * 200_000,
    "digits": b'{"probe": ' + b"9" * 400_000 + b"}",
    "values": b'{"probe": [' + b"0," * 2_100_000 + b"0]}",
    "no UTF-8": b'{"probe": "\xff"}',
    "machine code": b"\x7fELF" + bytes(100),
}


def document(**changes: object) -> str:
    """As `probe verify` writes it of the demo checkpoint, but for what is changed of its one token."""
    token = {"id": 4003, "token": "<|fim_prefix|>", "state": "verified", "largest": 0.5, **changes}
    return json.dumps({"probe": "verify", "settings": {"input_rows": 4096}, "results": {"tokens": [token]}})


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_is_no_document_of_the_probe(tmp_path: Path, kind: str) -> None:
    (tmp_path / "v.json").write_bytes(NOT_JSON[kind])
    with pytest.raises(UsageError, match="is no document of the verify probe"):
        find_suspects("demo", verified=tmp_path / "v.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "\x1b[31mred"},
        {"state": ["verified"]},
        {"largest": "1"},
        {"largest": True},
        {"largest": 1e300},
        {"largest": float("nan")},
        {"id": 4003.0},
        {"id": [4003]},
    ],
)
def test_no_value_but_those_of_the_probe_is_shown(tmp_path: Path, changes: dict[str, object]) -> None:
    (tmp_path / "v.json").write_text(document())
    assert any(row.verified for row in find_suspects("demo", verified=tmp_path / "v.json").rows)
    (tmp_path / "v.json").write_text(document(**changes))
    with pytest.raises(UsageError):
        find_suspects("demo", verified=tmp_path / "v.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO here")
def test_a_document_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.json")
    with pytest.raises(UsageError, match="cannot read"):
        find_suspects("demo", verified=tmp_path / "v.json")


@pytest.mark.parametrize("source", ["http://[", "https://user:secret@[", "s3://[::", "x" * 300_000, "a\0b"])
def test_no_line_of_a_list_stops_a_fleet(source: str) -> None:
    place = place_of(source)
    assert "secret" not in f"{place.path} {place.series} {place.model}"


def test_a_long_line_of_a_list_is_a_failure_of_its_own(tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("pyarrow", reason="extra table")
    (tmp_path / "list").write_text("x" * 5_000 + "\nhttp://[\n")
    words = ("fleet", "run", "--list", tmp_path / "list", "--out", tmp_path / "out", "--workers", "1")
    code, out, err = run(*words)
    assert code == 3
    assert "Traceback" not in out + err


CHANGES = {
    "a link": lambda path, home: (path.unlink(), path.symlink_to(home / "other")),
    "a FIFO": lambda path, home: (path.unlink(), os.mkfifo(path)),
    "ranges of another size": lambda path, home: path.write_text("0 900000\n"),
    "no ranges": lambda path, home: path.write_text("x y\n\xff"),
    "many ranges": lambda path, home: path.write_text("0 4\n" * 5_000_000),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO here")
@pytest.mark.parametrize("kind", CHANGES)
def test_a_record_of_a_cache_that_is_none_is_not_believed(tmp_path: Path, kind: str) -> None:
    kept = tmp_path / "cache" / "k.bytes"
    spool = Spool(8, "x", kept)
    spool.write(0, memoryview(b"12345678"))
    del spool
    record = kept.with_name("k.bytes.ranges")
    assert record.read_text() == "0 8\n"
    (tmp_path / "other").write_text("0 8\n" if kind != "a link" else "0 9\n")
    CHANGES[kind](record, tmp_path)
    again = Spool(8, "x", kept)
    assert again.missing([(0, 8)]) == [(0, 8)]
    again.write(0, memoryview(b"12345678"))
    del again
    assert record.is_fifo() or record.read_text() == "0 8\n"
    assert not record.is_symlink()
    assert sorted(os.listdir(kept.parent)) == ["k.bytes", "k.bytes.ranges"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
@pytest.mark.parametrize(("mode", "who"), [(0o777, "everybody"), (0o702, "everybody"), (0o770, "a group")])
@pytest.mark.parametrize("what", ["cache", "cache/k.bytes"])
def test_a_cache_that_others_can_write_to_is_refused(tmp_path: Path, mode: int, who: str, what: str) -> None:
    kept = tmp_path / "cache" / "k.bytes"
    Spool(8, "x", kept).write(0, memoryview(b"12345678"))
    (tmp_path / what).chmod(mode)
    with pytest.raises(RemoteError, match=f"{who} may write to .*{re.escape(what)}.*chmod go-w"):
        Spool(8, "x", kept)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
def test_a_cache_made_under_a_lax_umask_is_read_again(tmp_path: Path) -> None:
    kept, before = tmp_path / "deep" / "cache" / "k.bytes", os.umask(0o002)
    try:
        Spool(8, "x", kept).write(0, memoryview(b"12345678"))
        assert Spool(8, "x", kept).missing([(0, 8)]) == []
    finally:
        os.umask(before)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["cache", "cache/k.bytes", "cache/k.bytes.ranges"])
def test_nothing_of_a_cache_of_somebody_else_is_served(tmp_path: Path, what: str) -> None:
    kept = tmp_path / "cache" / "k.bytes"
    Spool(8, "x", kept).write(0, memoryview(b"evil\0\0\0\0"))
    os.chown(tmp_path / what, 65534, 65534)
    if what.endswith("ranges"):  # without its record nothing counts as fetched
        assert Spool(8, "x", kept).missing([(0, 8)]) == [(0, 8)]
        return
    with pytest.raises(RemoteError, match=f"{re.escape(what)}' belongs to somebody else"):
        Spool(8, "x", kept)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", '="a,b"'])
def test_csv_holds_a_formula_as_the_token_that_it_is(text: str) -> None:
    """A cell is the token to the character: whoever opens it in a spreadsheet imports it as text."""
    from rowscope.inspector.render.suspects import render_suspects

    found = find_suspects("demo")
    first = dataclasses.replace(found.rows[0], token=text, text=text)
    table = dataclasses.replace(found, rows=(first,))
    (line,) = csv.DictReader(io.StringIO(str(render_suspects(table, "csv"))))
    assert (line["token"], line["text"]) == (text, text)


def test_a_notebook_and_the_steps_of_a_workflow_show_text() -> None:
    """What a token says is no markup in a notebook, and no command to the runner that prints the report."""
    from rowscope.inspector.render.audit import render_report

    report = rowscope.audit("demo")
    evil = "<img src=x onerror=alert(1)>\n::set-output name=a::b\n##[group]c"
    worst = dataclasses.replace(report.findings[0], message=evil, hint=evil, location=evil)
    hostile = dataclasses.replace(report, findings=(worst,), summary=(evil,), notes=(evil,))
    assert "<img" not in hostile._repr_html_()
    for format in ("github", "text"):
        lines = render_report(hostile, format, exit_code=1).splitlines()
        assert not [line for line in lines if line.startswith(("::set-output", "##[group]"))]
