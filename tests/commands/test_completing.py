"""Completion as the shells ask for it: commands, options, values; and nothing out of a checkpoint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
import typer

from rowscope.cli import app
from rowscope.commands import completing
from rowscope.commands.completing import finding_codes, values_of
from rowscope.commands.panels import OPTIONS
from rowscope.inspector.checks import RULES
from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet import ENGINES
from rowscope.inspector.listing.table import COLUMNS
from rowscope.inspector.model import VARIANTS
from rowscope.inspector.model.loading.fit import DEVICES, DTYPES

SHELLS = ("bash", "zsh", "fish")
ROOT = typer.main.get_command(app)


def asked(shell, line):
    """What a shell puts into the environment of the command to complete a line."""
    if shell == "bash":
        # Bash makes words of its own of the sign in `--format=te`.
        words = re.sub("=", " = ", line).split(" ")
        words = [word for at, word in enumerate(words) if word or at == len(words) - 1]
        return {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    more = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    return {"_TYPER_COMPLETE_ARGS": line, **more}


def offered(shell, out):
    if shell == "zsh":
        return re.findall(r'^(?:_arguments \'\*: :\(\()?"([^"]+)"', out, flags=re.MULTILINE)
    return [line.partition("\t")[0] for line in out.splitlines() if line]


@pytest.fixture
def complete(run, monkeypatch):
    """complete(shell, line) -> what is offered for the last word of the line."""

    def call(shell, line):
        with monkeypatch.context() as patch:
            patch.setenv("_ROWSCOPE_COMPLETE", f"complete_{shell}")
            for name, value in asked(shell, line).items():
                patch.setenv(name, value)
            code, out, err = run()
        assert (code, err) == (0, "")
        return offered(shell, out)

    return call


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rowscope au", ["audit"]),
        ("rowscope s", ["suspects", "study"]),
        ("rowscope probe ", ["forward", "gradient", "leak", "train", "verify"]),
        ("rowscope fleet re", ["report"]),
        ("rowscope audit --fo", ["--format"]),
        ("rowscope audit demo --format m", ["markdown", "model-card"]),
        ("rowscope audit demo --fail-on ", ["error", "warning", "note", "never"]),
        ("rowscope explain tie", ["TIE401", "TIE402"]),
        ("rowscope audit demo --select RO", ["ROW", *(code for code in RULES if code.startswith("ROW"))]),
        ("rowscope audit demo --ignore ROW,TIE40", ["ROW,TIE401", "ROW,TIE402"]),
        ("rowscope audit de", ["demo"]),
        ("rowscope diff demo d", ["demo"]),
        ("rowscope fleet de", ["demo"]),
        ("rowscope fleet --o", ["--out", "--output"]),
        ("rowscope rows demo --matrix ", ["input", "output"]),
        ("rowscope probe leak demo --device c", ["cpu", "cuda"]),
        ("rowscope audit demo -o ", []),
        ("rowscope audit ", []),
    ],
)
def test_commands_options_and_values(complete, tmp_path, monkeypatch, shell, line, expected):
    monkeypatch.chdir(tmp_path)
    assert sorted(complete(shell, line)) == sorted(expected)


@pytest.mark.parametrize(
    ("shell", "expected"), [("bash", "json"), ("zsh", "--format=json"), ("fish", "--format=json")]
)
def test_values_behind_an_equals_sign(complete, shell, expected):
    assert complete(shell, "rowscope audit demo --format=js") == [expected]


def test_files_of_ones_own_go_before_the_demo(complete, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert complete("bash", "rowscope audit d") == []
    assert complete("bash", "rowscope audit de") == ["demo"]


@pytest.mark.parametrize("shell", SHELLS)
def test_no_name_of_a_file_reaches_a_shell(complete, tmp_path, monkeypatch, shell):
    """Zsh evaluates what is offered."""
    for name in ("$(touch pwned)", "\\$(touch pwned)", "`touch pwned`", "demo'; touch pwned; '", "-x"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "rowscope.inspector.checkpoint.open_checkpoint", lambda *a, **k: pytest.fail("opened")
    )
    for typed in ("", "$", "\\", "d", "-"):
        assert not any("pwned" in word for word in complete(shell, f"rowscope audit {typed}"))
    assert "--format" in complete(shell, "rowscope audit '$(id)' --f")
    assert sorted(os.listdir()) == sorted(os.listdir(tmp_path))
    assert not (tmp_path / "pwned").exists()


def _commands(command, words=()):
    inside = getattr(command, "commands", None)
    if inside is None:
        yield " ".join(words), command
        return
    for name, inner in inside.items():
        yield from _commands(inner, (*words, name))


FILES = {"FILE", "DIR", "PATH", "FORMAT=FILE", ""}
ASKED = [
    (words, one)
    for words, command in _commands(ROOT)
    for one in command.params
    if one.param_type_name == "option"
    and (OPTIONS.get(f"{words} {one.name}") or OPTIONS[one.name])[1] not in FILES
]
ARGUMENTS = {
    "explain": [], "diff": ["demo", "demo"], "claim": ["demo", "<A>", "--dry-run"],
    "undo": ["nowhere"], "fleet run": ["demo", "--out", "store"], "fleet status": ["nowhere"],
    "fleet report": ["nowhere"],
}  # fmt: skip
CONSTANTS = {"device": DEVICES, "dtype": DTYPES, "variant": VARIANTS, "engine": ENGINES}


@pytest.mark.parametrize(("words", "one"), ASKED, ids=[f"{words} {one.opts[0]}" for words, one in ASKED])
def test_what_is_offered_is_what_the_command_says_that_it_takes(run, tmp_path, monkeypatch, words, one):
    """A wrong value is refused with the list of the right ones, and with the nearest."""
    monkeypatch.chdir(tmp_path)
    values = values_of(words, one.name)
    if one.name in CONSTANTS:
        assert sorted(values) == sorted(CONSTANTS[one.name])
        return
    wrong = f"{values[0][:-1]}" if values else "nonsense"
    option = max(one.opts, key=len)
    paged = one.name == "lang" and "html" in values_of(words, "format")  # the language of a page
    more = ["--output", "x.html"] if paged else []
    arguments = [*ARGUMENTS.get(words, ["demo"]), *more]
    code, _, err = run(*words.split(), *arguments, f"{option}={wrong}")
    listed = re.search(r"is not known; (?:did you mean ([^ ]+)\? )?use (.*?) \[USAGE\]", err)
    if listed is None:
        free = {"--select", "--ignore", "--sort", "--matrix", "--values"}
        assert option in free or not values, err
        return
    assert code == 2
    known = listed[2].split(", or ")[0].split(", ")
    assert sorted(known) == sorted(values)
    assert listed[1] in values


def test_columns_and_codes_are_those_of_the_code():
    assert [name for name in values_of("rows", "sort") if name[0] != "-"] == list(COLUMNS)
    assert finding_codes() == tuple(sorted(RULES))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_is_one(run, monkeypatch, tmp_path, shell):
    monkeypatch.setenv("_ROWSCOPE_COMPLETE", f"source_{shell}")
    code, out, err = run()
    assert (code, err) == (0, "")
    assert f"complete_{shell}" in out
    if shutil.which(shell):
        (tmp_path / "script").write_text(out)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


@pytest.mark.parametrize("found", [None, "tcsh"])
def test_without_a_shell_that_has_one(run, monkeypatch, found):
    shellingham = pytest.importorskip("shellingham")

    def detect():
        if found is None:
            raise shellingham.ShellDetectionFailure
        return found, f"/bin/{found}"

    monkeypatch.setattr(shellingham, "detect_shell", detect)
    with pytest.raises(UsageError, match="_ROWSCOPE_COMPLETE=source_bash"):
        completing.check_shell()
    for option in ("--show-completion", "--install-completion"):
        code, out, err = run(option)
        assert (code, out) == (2, "")
        assert "[USAGE]" in err


@pytest.mark.parametrize("line", ["audit demo", "rows demo --ids 0", "explain ROW201"])
def test_no_command_waits_for_help_or_completion(line):
    code = (
        f"import sys; sys.argv = ['rowscope', *{line.split()!r}]\n"
        "from rowscope.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "late = {'rowscope.commands.' + name for name in ('completing', 'helping', 'manual')}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
