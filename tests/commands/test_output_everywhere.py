"""`--output` of every command, and `--write-baseline`, in a folder that somebody else prepared."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import rowscope
from rowscope.commands.application import COMMANDS

LINES = {
    "inspect": "inspect demo",
    "audit": "audit demo",
    "audit html": "audit demo --format html",
    "audit sarif": "audit demo --format sarif",
    "rows": "rows demo --ids 0:3",
    "rows parquet": "rows demo --ids 0:3 --format parquet",
    "suspects": "suspects demo --limit 3",
    "diff": "diff demo demo",
    "claim": "claim demo <A> --values keep --dry-run",
    "mask": "mask demo",
    "mask numpy": "mask demo --format numpy",
    "study": "study demo --no-model",
    "explain": "explain ROW203",
}


def test_every_command_is_here():
    """`undo` writes its output as `claim` does, and has a checkpoint to change first; so have the probes."""
    assert {line.split()[0] for line in LINES.values()} == set(COMMANDS) - {"undo"}


NAMES = ("out", "baseline", f"out.{os.getpid()}.part", f"baseline.{os.getpid()}.part")


@pytest.fixture(scope="module")
def figures():
    """What the study of demo writes beside its text: names that anybody can know."""
    from rowscope.inspector.render.study import study_files
    from rowscope.inspector.study import compose

    return tuple(study_files(compose("demo", with_model=False), "out")[1])


@pytest.fixture
def prepared(tmp_path, monkeypatch, figures):
    """Here `out` and `baseline` are links to a file of the user's, and the names once used are there too."""
    victim = tmp_path / "home" / "victim"
    victim.parent.mkdir()
    victim.write_text("mine")
    victim.chmod(0o600)
    here = tmp_path / "here"
    here.mkdir()
    for name in (*NAMES, *figures):
        (here / name).symlink_to(victim)
    monkeypatch.chdir(here)
    return victim


@pytest.mark.parametrize("line", LINES)
def test_no_link_is_followed_and_no_name_guessed(run, prepared, line, figures):
    more = ["--write-baseline", "baseline"] if line == "audit" else []
    code, out, _ = run(*LINES[line].split(), *more, "--output", "out")
    assert (code, out) == (0, "")
    assert prepared.read_text() == "mine"
    assert not os.path.islink("out")
    assert os.path.getsize("out") > 0
    assert line != "audit" or not os.path.islink("baseline")
    assert line != "study" or not any(os.path.islink(name) for name in figures)
    assert sorted(os.listdir()) == sorted((*NAMES, *figures))


def test_undo_too(run, prepared):
    shutil.copytree(Path(rowscope.__file__).parent / "demo", "model", copy_function=shutil.copyfile)
    for words in (("claim", "model", "<A>", "--values", "keep", "--in-place"), ("undo", "model")):
        if not os.path.islink("out"):
            os.unlink("out")
            os.symlink(prepared, "out")
        assert run(*words, "--output", "out")[0] == 0
        assert prepared.read_text() == "mine"
        assert os.path.getsize("out") > 10


@pytest.mark.parametrize("option", ["--output", "--write-baseline"])
def test_a_fifo_that_nobody_reads_does_not_hang_the_command(run, tmp_path, monkeypatch, option):
    monkeypatch.setattr("rowscope.inspector.storage.writing.PATIENCE", 0.2)
    os.mkfifo(tmp_path / "fifo")
    code, _, err = run("audit", "demo", option, tmp_path / "fifo")
    assert code == 5
    assert "fifo" in err
