"""Settings that came with what is audited do not count, and the report says which ones do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.gate import FORMATS, Settings, read_settings

DEMO = Path(rowscope.__file__).parent / "demo"
HOSTILE = 'ignore = ["ROW", "TOK", "VOC"]\nallow-partial = true\nfail-on = "never"\n'


@pytest.fixture
def model(tmp_path):
    """A downloaded checkpoint with settings of its own."""
    shutil.copytree(DEMO, tmp_path / "model")
    (tmp_path / "model" / "rowscope.toml").write_text(HOSTILE)
    (tmp_path / "model" / "sub").mkdir()
    return tmp_path / "model"


@pytest.mark.parametrize("start", [".", "sub"])
@pytest.mark.parametrize("way", ["plain", "link to the folder", "link to the file", "pyproject"])
def test_settings_within_the_checkpoint_are_passed_over(model, start, way):
    where, file = model, model / "rowscope.toml"
    if way == "link to the folder":
        where = model.parent / "link"
        where.symlink_to(model)
        file = where / "rowscope.toml"
    elif way == "link to the file":
        shutil.move(file, model.parent / "elsewhere.toml")
        file.symlink_to(model.parent / "elsewhere.toml")
    elif way == "pyproject":
        file.unlink()
        file = model / "pyproject.toml"
        file.write_text('[tool.rowscope]\nfail-on = "never"\n')
    (model / ".git").mkdir()
    (model.parent / ".git").mkdir()
    read = read_settings(where / start, [where if way == "link to the folder" else model])
    assert (read.source, read.passed_over) == (None, file)
    assert read == Settings(passed_over=file)
    assert read_settings(where / start, [model]).source is None


def test_the_settings_above_the_checkpoint_count_whatever_it_brings(model):
    """Neither its own settings nor its own `.git` hide those of the repository that it lies in."""
    (model.parent / ".git").mkdir()
    (model / ".git").mkdir()
    (model.parent / "rowscope.toml").write_text('fail-on = "warning"\n')
    read = read_settings(model, [model])
    assert (read.fail_on, read.source) == ("warning", model.parent / "rowscope.toml")
    assert read.passed_over == model / "rowscope.toml"


@pytest.mark.parametrize("text", ["select = [", "nonsense = 1", "\0", HOSTILE])
def test_what_is_passed_over_is_no_reason_for_an_error(model, text):
    (model / "rowscope.toml").write_text(text)
    assert read_settings(model, [model]).passed_over == model / "rowscope.toml"


def test_a_pyproject_without_the_table_is_not_worth_a_word(model):
    (model / "rowscope.toml").unlink()
    (model / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_settings(model, [model]) == Settings()


def test_a_named_file_counts_wherever_it_lies(model):
    read = read_settings(model, [model], model / "rowscope.toml")
    assert (read.fail_on, read.source, read.passed_over) == ("never", model / "rowscope.toml", None)
    for text, words in (("", "has no table"), ("[tool.rowscope]\nx = 1\n", "unknown key")):
        (model / "pyproject.toml").write_text(text)
        with pytest.raises(UsageError, match=words):
            read_settings(model, [model], model / "pyproject.toml")
    with pytest.raises(UsageError, match="nowhere"):
        read_settings(model, [model], model / "nowhere.toml")


def test_a_file_without_end_is_refused(tmp_path):
    (tmp_path / "rowscope.toml").write_text("#" * (2 << 20))
    with pytest.raises(UsageError, match="above the limit"):
        read_settings(tmp_path)


@pytest.mark.parametrize("options", [("--tokenizer", "DIR"), ("--base", "DIR")])
def test_every_audited_folder_is_one_that_settings_do_not_come_from(run, model, monkeypatch, options):
    monkeypatch.chdir(model)
    words = [str(model) if word == "DIR" else word for word in options]
    _, out, _ = run("audit", "demo", *words, "--format", "json")
    settings = json.loads(out).get("settings")
    assert settings is None or settings["passed_over"] == str(model / "rowscope.toml")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_what_was_passed_over(run, model, monkeypatch, format):
    monkeypatch.chdir(model)
    code, out, err = run("audit", ".", "--format", format, "--fail-on", "warning")
    assert code == 1
    said = out if format != "github" else err
    assert "rowscope.toml" in said.replace("\\", "")
    assert format == "json" or "--config" in said.replace("\\", "").replace("\n", " ")
    if format == "json":
        settings = json.loads(out)["settings"]
        assert settings["file"] is None
        assert settings["passed_over"] == str(model / "rowscope.toml")
        assert settings["ignore"] == []


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_what_was_used_and_what_it_leaves_out(run, tmp_path, monkeypatch, format):
    (tmp_path / "rowscope.toml").write_text('ignore = ["VOC101"]\nfail-on = "warning"\n')
    monkeypatch.chdir(tmp_path)
    code, out, err = run("audit", "demo", "--format", format, "--fail-on", "never")
    assert code == 0
    said = " ".join((err if format == "github" else out).replace("\\", "").split())  # lines are wrapped
    assert "rowscope.toml" in said
    assert "ignore VOC101" in said
    assert "fail-on warning" not in said  # the command line has the word
    if format == "json":
        settings = json.loads(out)["settings"]
        assert settings["file"] == str(tmp_path / "rowscope.toml")
        assert (settings["ignore"], settings["fail_on"]) == (["VOC101"], "never")


def test_the_command_line_chooses(run, model, monkeypatch):
    monkeypatch.chdir(model)
    words = ("audit", ".", "--format", "json")
    _, out, _ = run(*words, "--config", "rowscope.toml")
    assert json.loads(out)["settings"]["file"] == "rowscope.toml"
    assert json.loads(out)["findings"] == []
    _, out, _ = run(*words, "--no-config")
    assert json.loads(out)["settings"]["passed_over"] is None
    assert run(*words, "--no-config", "--config", "x")[0] == 2
