"""The application: a command's module is imported when the command is named, or all are listed."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import typer

from rowscope.commands.coercion import PlainCommand, PlainGroup
from rowscope.commands.manner import with_manner
from rowscope.inspector.errors import UsageError
from rowscope.terminal import fail, print_failure, unwritable

COMMANDS: Final = {
    "inspect": "listing",
    "audit": "audit",
    "rows": "listing",
    "suspects": "listing",
    "diff": "acting",
    "claim": "claiming",
    "undo": "claiming",
    "mask": "acting",
    "study": "study",
    "explain": "listing",
}
"""Commands by name: the module of `rowscope.commands` that has a function of that name."""

GROUPS: Final = {"probe": "probing", "fleet": "fleet"}
"""Commands that have commands of their own, in the same way."""

# What a shell that completes a command line puts into the environment, by the names of the command.
ASKED_BY_SHELLS: Final = ("_ROWSCOPE_COMPLETE", "_HF_ROWSCOPE_COMPLETE")

COMPLETION: Final = ("--install-completion", "--show-completion")


def run(words: list[str]) -> int:
    """Parse the words of a command line and do what they say; the exit code."""
    # The parser's base class, wherever this version of typer keeps it.
    parser_error: type[typer.BadParameter] = typer.BadParameter.__mro__[2]
    try:
        code = _app_for(words)(words, standalone_mode=False, prog_name=_program())
    except parser_error as error:
        with suppress(OSError):  # nobody can be told, and the code is the same
            error.show()
        if _asks_json(words):
            print_failure(UsageError(error.format_message()))
        return 2
    except UsageError as error:  # of what comes before any command
        return fail(error, "text")
    except typer.Abort:
        return 130
    except SystemExit as stop:
        # Of typer, where the reader of a help page has gone; commands look after that themselves.
        if isinstance(stop.__context__, BrokenPipeError):
            return 0
        raise
    except OSError as error:
        if not {"-h", "--help", "--version", *COMPLETION}.intersection(words):
            raise
        return fail(unwritable(error), "text")
    return code if isinstance(code, int) else 0


def make_app(*words: str) -> typer.Typer:
    """The application. Where the first of `words` that is no option names a command, it has no other one,
    and where all are options it has every one without its own: typer would read the parameters of every
    command, which takes longer than to look at a small checkpoint."""
    named = next((word for word in words if not word.startswith("-")), "")
    alone = named in (*COMMANDS, *GROUPS)
    listed = bool(words) and not named
    made = typer.Typer(
        name="rowscope",
        cls=PlainGroup,
        help="What is in the vocabulary rows of this checkpoint? Answers from the files alone.",
        no_args_is_help=True,
        add_completion=not alone or _asked_by_shell(),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, module in COMMANDS.items():
        if named == name or not alone:
            body = _home(name, module)
            made.command(cls=PlainCommand)(_told(body) if listed else with_manner(body))
    for name, module in GROUPS.items():
        if named == name or not alone:
            made.add_typer(_home(name, module))
    made.callback(invoke_without_command=True)(version)
    return made


def _app_for(words: list[str]) -> typer.Typer:
    """The application that these words need; it was started without any where a shell asks to complete."""
    if _asked_by_shell():
        from rowscope.commands.completing import completed_words

        return make_app(*completed_words())
    if words and words[0] in COMPLETION:
        from rowscope.commands.completing import check_shell

        check_shell()
    return make_app(*(words or ["--help"]))


def _asked_by_shell() -> bool:
    return any(os.environ.get(name) for name in ASKED_BY_SHELLS)


def _program() -> str:
    """What to call the program; `python -m rowscope` is `rowscope` too."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    return "rowscope" if name in ("", "-c", "__main__") else name


def version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """What is in the vocabulary rows of this checkpoint? Answers from the files alone."""
    if show:
        import rowscope

        print(f"rowscope {rowscope.__version__}")
        raise typer.Exit(0)


def _home(name: str, module: str) -> Any:  # noqa: ANN401 - a function or a group
    return getattr(import_module(f"rowscope.commands.{module}"), name)


def _told(body: Callable[..., None]) -> Callable[[], None]:
    """A command as a list of commands tells of it: its name and what it says of itself."""

    def tell() -> None: ...

    tell.__name__, tell.__doc__ = body.__name__, inspect.getdoc(body)
    return tell


def _asks_json(words: list[str]) -> bool:
    asked = (("--format", "json"), ("-f", "json"))
    return "--format=json" in words or any(pair in asked for pair in pairwise(words))
