"""What a study writes: known to be possible before any work; its text changes together with its figures."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from rowscope.inspector.model.loading import load as loading

from .. import killing

SAMPLE = 12
WORDS = ("study", "demo", "--no-model", "--output", "out.md")
PART = r"\.rowscope-[0-9a-f]{16}\.part"
FIGURE = r"out-[a-z-]+-[0-9a-f]{8}\.svg"


def named(text):
    """File names of a study's figures."""
    return [unquote(name) for name in re.findall(r"^!\[.*\]\((.+)\)$", text, re.M)]


@pytest.fixture
def start(tmp_path):
    """A folder with the study in Chinese; the command writes it in English."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "state").mkdir(mode=0o700)
    code, _, said = killing.run((*WORDS, "--lang", "zh"), work)
    assert code == 0, said
    return work


def reset(work, kept):
    for path in work.iterdir():
        if path.is_file() and path.name not in kept:
            path.unlink()
    for name, data in kept.items():
        (work / name).write_bytes(data)


def files(work):
    return {path.name: path.read_bytes() for path in sorted(work.iterdir()) if path.is_file()}


def test_a_study_is_exchanged_with_its_figures(start):
    before = files(start)
    code, steps, said = killing.run(WORDS, start)
    assert code == 0, said
    after = files(start)
    assert len(before) == len(after) == 3
    assert before.keys() & after.keys() == {"out.md"}, "figures of the old study are left"
    found = list(killing.points(steps))
    if os.environ.get("ROWSCOPE_KILL_POINTS") != "all":
        found.sort(key=lambda point: (point.at * 7 + len(point.kind)) % 11)
        found = found[:: max(len(found) // SAMPLE, 1)]
    for point in found:
        reset(start, before)
        code, _, said = killing.run(WORDS, start, point)
        assert "Traceback" not in said, (point, said)
        assert code in (killing.EXIT.get(point.kind.split()[0], 0), 0, 5), (point, said)
        now = files(start)
        state = before if now["out.md"] == before["out.md"] else after
        assert now["out.md"] == state["out.md"], point
        assert {name: now.get(name) for name in state} == state, point
        left = now.keys() - state.keys()
        killed = point.kind.startswith("SIGKILL")
        assert all(re.fullmatch(rf"{PART}|{FIGURE}", name) for name in left) if killed else not left, point


def test_both_languages_from_one_run(run, tmp_path):
    words = ("study", "demo", "--no-model", "--lang", "en", "--lang", "zh")
    code, out, err = run(*words, "--output", tmp_path / "my study.{lang}.md")
    assert (code, out) == (0, ""), err
    for lang, title in (("en", "# Reserved vocabulary rows"), ("zh", "# demo 的保留词表行")):
        text = (tmp_path / f"my study.{lang}.md").read_text("utf-8")
        assert text.startswith(title)
        assert len(named(text)) == 2
        assert all((tmp_path / name).is_file() for name in named(text))
        assert " " not in "".join(re.findall(r"\]\((.+)\)", text)), "Markdown ends an address at a blank"
    code, _, err = run(*words, "--output", tmp_path / "one.md")
    assert code == 2
    assert "{lang}" in err


@pytest.mark.parametrize("place", ["missing/out", ".", "file/out"])
@pytest.mark.parametrize("words", [("study", "demo"), ("probe", "train", "demo"), ("audit", "demo")])
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    run, tmp_path, monkeypatch, words, place
):
    def never(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(loading, "load", never)
    (tmp_path / "file").touch()
    code, _, err = run(*words, "--output", tmp_path / place)
    assert code == 5
    assert "cannot write" in err
    assert "give another --output" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_formats_other_than_the_text_have_no_files_beside_them(run, tmp_path):
    for name in ("a.html", "a.json"):
        assert run("study", "demo", "--no-model", "--output", tmp_path / name)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json"]


def test_names_that_a_text_only_mentions_are_left_alone(run, tmp_path):
    """Only what stands as a figure of this very study goes with it."""
    mine = ("other-norms-both-0123abcd.svg", "out-norms-both.svg", "out-mine-12345678.svg")
    for name in mine:
        (tmp_path / name).touch()
    text = "".join(f"![a]({name}) text\n" for name in mine) + f"![a]({mine[0]})\n![b]({mine[1]})\n"
    (tmp_path / "out.md").write_text(text)
    assert run("study", "demo", "--no-model", "--output", tmp_path / "out.md")[0] == 0
    assert {*mine} <= {path.name for path in Path(tmp_path).iterdir()}
