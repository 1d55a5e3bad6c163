"""Plain option values mean what typer says that they mean, without the library that typer asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rowscope.cli import app
from rowscope.commands.coercion import PlainCoercion, PlainCommand, PlainGroup

LAZY = pytest.mark.skipif(
    not hasattr(typer.core.TyperOption, "get_runtime_param"), reason="this typer coerces in another way"
)
TEXTS = (
    "",
    " ",
    "0",
    "-0",
    "007",
    "7",
    "-12",
    "+3",
    " 5 ",
    "1_000",
    "1.0",
    "2.50",
    "-0.001",
    ".5",
    "5.",
    "1e-3",
    "1E3",
    "1e400",
    "0.1e-99",
    "nan",
    "inf",
    "-Infinity",
    "0x10",
    "٣",
    "9" * 18,
    "9" * 19,
    "9" * 40,
    "0." + "1" * 15,
    "123456789012345.123456789012345",
    "x",
    "true",
    "No",
    "no/such/file",
    ".",
    "-",
    "\x1b[31m",
    "Ġ\ud800",
)
VALUES = (None, *TEXTS, 0, 40, -1, True, False, 0.95, 5, 1e300, b"raw", Path("x"), (), [], ("a", "b"), ["7"])


def parameters(command, words=()):
    """(words of the command, parameter) of every command below; those that are not ours left out."""
    if isinstance(command, (PlainCommand, PlainGroup)):
        for parameter in command.get_params(typer.Context(command)):
            yield " ".join((*words, parameter.name)), parameter
    for name, inner in getattr(command, "commands", {}).items():
        yield from parameters(inner, (*words, name))


ROOT = typer.main.get_command(app)
PARAMETERS = dict(parameters(ROOT))
CONTEXT = typer.Context(ROOT)


def outcome(coercion, parameter, value):
    """The value with its type, or the refusal's message."""
    try:
        result = coercion.coerce(value, param=parameter, ctx=CONTEXT)
    except (typer.BadParameter, TypeError, AttributeError, ValueError) as error:
        return type(error), str(error), getattr(error, "message", "")
    kinds = [type(item) for item in result] if isinstance(result, (list, tuple)) else []
    return type(result), repr(result), kinds


@LAZY
def test_every_parameter_of_our_commands_is_coerced_plainly():
    assert len(PARAMETERS) > 50
    ours = [type(parameter.get_runtime_param()) is PlainCoercion for parameter in PARAMETERS.values()]
    assert all(ours)


@LAZY
@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_values_and_refusals_are_those_of_typer(name):
    parameter = PARAMETERS[name]
    ours = parameter.get_runtime_param()
    theirs = ours.others()
    assert type(theirs) is not PlainCoercion
    for value in VALUES:
        assert outcome(ours, parameter, value) == outcome(theirs, parameter, value), value


@LAZY
def test_parameters_of_other_kinds_stay_with_typer():
    other = typer.Typer(add_completion=False)

    @other.command(cls=PlainCommand)
    def body(
        bounded: int = typer.Option(1, min=0),
        parsed: str = typer.Option("", parser=str.upper),
        pair: tuple[int, int] = (1, 2),
        plain: int = 1,
    ) -> None: ...

    command = typer.main.get_command(other)
    kinds = {p.name: type(p.get_runtime_param()) for p in command.get_params(typer.Context(command))}
    assert [name for name, kind in kinds.items() if kind is PlainCoercion] == ["plain", "help"]


@LAZY
@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "demo"],
        ["rows", "demo", "--group", "reserved", "--no-evidence", "--limit", "0"],
        ["audit", "demo"],
        ["mask", "demo"],
        ["explain", "ROW201"],
        ["--version"],
        ["rows", "--help"],
    ],
)
def test_commands_import_no_pydantic(words):
    code = (
        f"import sys; sys.argv = ['rowscope', *{words!r}]\n"
        "from rowscope.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "assert 'pydantic' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["x", "1.5", ""])
def test_a_bad_number_is_refused_as_ever(value):
    done = subprocess.run(
        [sys.executable, "-m", "rowscope", "rows", "demo", "--limit", value],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--limit'" in done.stderr
