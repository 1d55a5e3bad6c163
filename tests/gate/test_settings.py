"""Settings files: which one counts, what they may say, and that the command line wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowscope.inspector.errors import UsageError
from rowscope.inspector.gate.settings import Settings, read_settings

ALL_KEYS = """
select = ["ROW", "tok301"]
ignore = ["VOC101"]
fail-on = "warning"
baseline = "known/base.json"
allow-partial = true
format = "sarif"
"""


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with a folder two levels down."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "a" / "b").mkdir(parents=True)
    return tmp_path / "repo"


def test_without_a_file_the_defaults_hold(repository):
    assert read_settings(repository / "a") == Settings()
    assert Settings().fail_on == "error"


def test_every_key_is_read(repository):
    (repository / "rowscope.toml").write_text(ALL_KEYS)
    assert read_settings(repository / "a" / "b") == Settings(
        select=("ROW", "TOK301"),
        ignore=("VOC101",),
        fail_on="warning",
        baseline=repository / "known" / "base.json",
        allow_partial=True,
        format="sarif",
        source=repository / "rowscope.toml",
    )


@pytest.mark.parametrize("name", ["rowscope.toml", "other.toml"])
def test_the_block_of_a_pyproject_is_good_in_any_settings_file(tmp_path, name):
    (tmp_path / name).write_text(f"[tool.rowscope]{ALL_KEYS}")
    table = read_settings(tmp_path, config=tmp_path / name)
    (tmp_path / name).write_text(ALL_KEYS)
    assert table == read_settings(tmp_path, config=tmp_path / name)
    assert table.fail_on == "warning"


def test_keys_beside_the_table_are_refused(tmp_path):
    (tmp_path / "rowscope.toml").write_text('fail-on = "note"\n[tool.rowscope]\nfail-on = "never"\n')
    with pytest.raises(UsageError, match=r"'fail-on' stands beside the table \[tool.rowscope\]"):
        read_settings(tmp_path)


def test_pyproject_is_read_too_and_rowscope_toml_goes_first(repository):
    (repository / "pyproject.toml").write_text('[tool.rowscope]\nfail-on = "note"\n')
    assert read_settings(repository).fail_on == "note"
    (repository / "rowscope.toml").write_text('fail-on = "never"\n')
    assert read_settings(repository).fail_on == "never"


def test_the_nearest_file_counts_and_a_pyproject_without_the_table_is_passed_over(repository):
    (repository / "rowscope.toml").write_text('fail-on = "note"\n')
    (repository / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n[project]\nname = 'n'\n")
    assert read_settings(repository / "a" / "b").fail_on == "note"
    (repository / "a" / "pyproject.toml").write_text('[tool.rowscope]\nfail-on = "warning"\n')
    assert read_settings(repository / "a" / "b").fail_on == "warning"


def test_the_search_ends_at_the_repository_and_does_not_climb_outside_one(repository):
    (repository.parent / "rowscope.toml").write_text('fail-on = "never"\n')
    assert read_settings(repository / "a") == Settings()
    (repository.parent / "plain" / "deep").mkdir(parents=True)
    assert read_settings(repository.parent / "plain" / "deep") == Settings()
    assert read_settings(repository.parent).fail_on == "never"


def test_a_worktree_whose_git_is_a_file_is_a_repository(tmp_path):
    (tmp_path / "rowscope.toml").write_text('format = "json"\n')
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere\n")
    assert read_settings(tmp_path / "tree" / "a") == Settings()


def test_the_command_line_wins():
    settings = Settings(select=("ROW",), fail_on="note", allow_partial=True, baseline=Path("x"))
    assert settings.override(select=(), fail_on=None, allow_partial=None, baseline=None) == settings
    changed = settings.override(select=("TIE",), fail_on="never", allow_partial=False, baseline=Path("y"))
    assert changed == Settings(select=("TIE",), fail_on="never", allow_partial=False, baseline=Path("y"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fail_on = 'error'", ["'fail_on'", "did you mean fail-on?", "allow-partial"]),
        ("failon = 'error'", ["did you mean fail-on?"]),
        ("zzz = 1", ["'zzz'", "the keys are"]),
        ("fail-on = 'fatal'", ["'fatal'", "error, warning, note, never"]),
        ("format = 'xml'", ["'xml'", "github"]),
        ("select = 'ROW'", ["'ROW'", "list of codes"]),
        ("select = [1]", ["list of codes"]),
        ("ignore = ['ROW9']", ["'ROW9'", "did you mean ROW"]),
        ("allow-partial = 'yes'", ["'yes'", "true or false"]),
        ("baseline = 3", ["3", "path"]),
        ("baseline = ''", ["path"]),
        ("select = [", ["is not TOML"]),
        ("a = " + "[" * 100_000, ["is not TOML"]),
        ("\x00", ["is not TOML"]),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_wrong_settings_are_usage_errors_that_name_the_file(tmp_path, text, words):
    (tmp_path / "rowscope.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_settings(tmp_path)
    assert str(tmp_path / "rowscope.toml") in caught.value.message
    assert all(word in caught.value.message for word in words)


@pytest.mark.parametrize("text", ["[tool]\nrowscope = 3", "tool = 3"])
def test_a_table_of_another_kind(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    if "rowscope" in text:
        with pytest.raises(UsageError, match="not a table"):
            read_settings(tmp_path)
    else:
        assert read_settings(tmp_path) == Settings()


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not TOML"):
        read_settings(tmp_path)
