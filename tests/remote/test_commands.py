"""Commands on URLs: what is fetched, what is said of it, what is refused, what is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.commands.remote import remote_options
from rowscope.inspector.errors import UsageError

from ..remote_hub import NAME, Hub, files_of
from ..remote_server import Handler

DEMO = Path(rowscope.__file__).parent / "demo"
URL = f"hf://{NAME}"
ROWS, WIDTH = 40_000, 128
INTERRUPTIBLE = """
import signal, rowscope.cli
signal.signal(signal.SIGINT, signal.default_int_handler)
rowscope.cli.main()
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with Hub(files_of(DEMO)) as found:
        for variable, value in {**found.environment, "HF_HUB_CACHE": str(tmp_path / "hub")}.items():
            monkeypatch.setenv(variable, value)
        yield found


@pytest.fixture(scope="module")
def made(write_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A table of 10 MB beside 20 MB of other weights; the last 271 rows are unmapped."""
    table = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype("f2")
    tokens = {f"token{number}": number for number in range(ROWS - 271)}
    folder = write_checkpoint(
        tmp_path_factory.mktemp("large"),
        {"model.embed_tokens.weight": table, "model.layers.0.weight": np.zeros((80_000, WIDTH), "f2")},
        {"vocab_size": ROWS, "hidden_size": WIDTH, "tie_word_embeddings": True},
        tokens,
    )
    return files_of(folder)


@pytest.fixture
def large(hub: Hub, made: dict[str, bytes]) -> Hub:
    hub.files = made
    return hub


def test_an_audit_fetches_headers_tokenizer_and_table(large: Hub, run: Run) -> None:
    code, out, _ = run("audit", URL, "--format", "json", "--fail-on", "never")
    coverage = json.loads(out)["coverage"]
    assert code == 0
    assert 0 <= large.sent - coverage["bytes_fetched"] < 100  # the redirects have bodies of some bytes
    assert coverage["requests"] == large.requests
    small = sum(len(data) for name, data in large.files.items() if name != "model.safetensors")
    assert large.sent <= 1.02 * (ROWS * WIDTH * 2 + small + 65536)


def test_a_local_audit_has_fetched_nothing(run: Run) -> None:
    coverage = json.loads(run("audit", "demo", "--format", "json")[1])["coverage"]
    assert (coverage["requests"], coverage["bytes_fetched"]) == (0, 0)
    assert "fetched" not in run("audit", "demo")[1]


def test_the_text_says_how_much_was_fetched(hub: Hub, run: Run) -> None:
    out = run("audit", URL)[1]
    assert f"of 2.16 MB fetched, {hub.requests} requests" in out


def test_few_rows_fetch_few_bytes(large: Hub, run: Run) -> None:
    code, out, _ = run("rows", URL, "--group", "reserved", "--no-evidence", "--format", "csv")
    assert (code, len(out.splitlines())) == (0, 272)
    assert large.cdn.sent.total() < len(large.files["tokenizer.json"]) + 65_536 + 1.1 * 271 * WIDTH * 2
    assert large.requests < 12


def test_inspect_fetches_headers(large: Hub, run: Run) -> None:
    assert run("inspect", URL)[0] == 0
    assert large.sent < 70_000
    assert large.requests < 8


def test_diff_and_mask_take_urls_beside_paths(hub: Hub, run: Run, tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "copy", copy_function=shutil.copyfile)
    local = [
        run("diff", "demo", tmp_path / "copy", "--format", "jsonl")[1],
        run("mask", "demo", "--format", "ids"),
    ]
    assert run("diff", URL, tmp_path / "copy", "--format", "jsonl")[1] == local[0]
    assert run("diff", (tmp_path / "copy").as_uri(), URL, "--format", "jsonl")[1] == local[0]
    assert run("mask", URL, "--format", "ids") == local[1]
    assert run("suspects", URL)[0] == run("suspects", "demo")[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("claim", URL, "<A>", "--out", "x"),
        ("claim", URL, "<A>", "--dry-run"),
        ("undo", URL),
        ("mask", URL, "--apply"),
    ],
)
def test_what_writes_refuses_with_the_way_out(hub: Hub, run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (5, "")
    assert f"hf download {NAME} --local-dir DIR" in err
    assert hub.sent < 70_000


def test_the_limit_is_an_option(large: Hub, run: Run) -> None:
    code, out, err = run("audit", URL, "--max-download", "10MB", "--format", "json")
    assert (code, json.loads(out)["error"]["code"]) == (3, "MAX_DOWNLOAD")
    assert "nothing of it was fetched; allow it with --max-download" in err
    assert large.sent < 5_000_000
    wanted = err.partition("--max-download ")[2].split()[0]
    again = run("audit", URL, "--max-download", wanted, "--fail-on", "never")
    assert again[0] == 0, again


@pytest.mark.parametrize(
    ("words", "bytes"),
    [("5GB", 5 * 10**9), ("1.5 GiB", 3 << 29), ("70", 70), ("2k", 2000), ("3MB", 3 * 10**6), ("0", 0)],
)
def test_sizes(words: str, bytes: int) -> None:
    assert remote_options(None, words).max_download == bytes


@pytest.mark.parametrize("words", ["", "five", "-1", "5XB", "1e9", "5GBB"])
def test_what_is_no_size(words: str) -> None:
    with pytest.raises(UsageError, match="no size"):
        remote_options(None, words)


def test_what_was_fetched_is_kept_where_that_is_asked_for(hub: Hub, run: Run, tmp_path: Path) -> None:
    first = run("audit", URL, "--cache", tmp_path / "kept")[1]
    sent = hub.sent
    code = "import sys, rowscope.cli; rowscope.cli.main()"
    words = [sys.executable, "-c", code, "audit", URL, "--cache", str(tmp_path / "kept")]
    assert (
        subprocess.run(words, capture_output=True).returncode == 0
    )  # what is kept is recorded as a run ends
    again = hub.sent
    second = run("audit", URL, "--cache", tmp_path / "kept")[1]
    assert hub.sent - again < 20_000 < sent  # the list of files and redirects alone
    assert first.splitlines()[:-4] == second.splitlines()[:-4]
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_a_cache_that_everybody_may_write_to_is_not_believed(hub: Hub, run: Run, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    code, _, err = run("audit", URL, "--cache", tmp_path / "open")
    assert code == 3
    assert "everybody may write" in err


def test_a_cache_that_cannot_be_made_is_named(hub: Hub, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("audit", URL, "--cache", tmp_path / "file" / "kept")
    assert code == 3
    assert f"in '{tmp_path}/file/kept'" in err
    assert "--cache folder that can be written to" in err


def test_nothing_of_the_weights_is_kept_else(
    hub: Hub, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    run("audit", URL)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert all(path.stat().st_size < 1_000_000 for path in (tmp_path / "hub").rglob("*"))


def test_a_disk_that_takes_nothing(hub: Hub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    code, _, err = run("audit", URL)
    assert code == 3
    assert "cannot keep what is fetched" in err
    assert "TMPDIR" in err


def test_interrupted_while_it_waits_for_a_server(hub: Hub, tmp_path: Path) -> None:
    """At once, not when the server's time is up; one line, and nothing left."""
    asked = tmp_path / "asked"

    def hang(handler: Handler) -> bool:
        if handler.headers.get("Range", "").startswith("bytes=0-"):
            return hub._content(handler)
        asked.touch()
        time.sleep(20)
        return True

    hub.cdn.fallback = hang
    (tmp_path / "temporary").mkdir()
    words = [sys.executable, "-c", INTERRUPTIBLE, "audit", URL, "--output", str(tmp_path / "out")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
    while not asked.exists():
        time.sleep(0.05)
        assert process.poll() is None
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert time.monotonic() - began < 5
    assert (process.returncode, err) == (130, "interrupted\n")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_failure_is_a_document(hub: Hub, run: Run) -> None:
    hub.hub.faults[f"/api/models/{NAME}/revision/main"] = lambda handler: handler.answer(401) is None
    code, out, err = run("audit", URL, "--format", "json")
    assert (code, json.loads(out)["exit_code"]) == (3, 3)
    assert "hf_secret" not in out + err
