"""The command line: parse, call, print, exit. The commands stand in `rowscope.commands`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module

import typer

from rowscope.commands.acting import diff, mask
from rowscope.commands.audit import audit
from rowscope.commands.claiming import claim, undo
from rowscope.commands.coercion import PlainCommand, PlainGroup
from rowscope.commands.listing import explain, inspect, rows, suspects
from rowscope.commands.manner import with_manner
from rowscope.commands.study import study
from rowscope.inspector.errors import UsageError
from rowscope.terminal import print_failure

GROUPS = {"probe": ("probing", "probe"), "fleet": ("fleet", "fleet")}
"""Commands that have commands of their own, by name: module of `rowscope.commands` and name in it."""

COMMANDS = {
    body.__name__: body for body in (inspect, audit, rows, suspects, diff, claim, undo, mask, study, explain)
}


EPILOG = (
    "Start with `rowscope audit demo`. Exit codes: 0 done, 1 a finding at or above --fail-on, 2 usage, 3 "
    "not or only partly audited, 4 an extra is missing, 5 refused and nothing written, 130 interrupted."
)


def make_app(*words: str) -> typer.Typer:
    """The application. Where the first of `words` that is no option names a command, it has no other one:
    typer would read the parameters of all of them, which takes longer than to look at a small checkpoint."""
    made = typer.Typer(
        name="rowscope",
        cls=PlainGroup,
        help="What is in the vocabulary rows of this checkpoint? Answers from the files alone.",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    named = next((word for word in words if not word.startswith("-")), "")
    for name, body in COMMANDS.items():
        if named == name or named not in (*COMMANDS, *GROUPS):
            made.command(cls=PlainCommand)(with_manner(body))
    for name, (module, group) in GROUPS.items():
        if named == name or named not in (*COMMANDS, *GROUPS):
            made.add_typer(getattr(import_module(f"rowscope.commands.{module}"), group))
    made.callback(invoke_without_command=True)(version)
    return made


def version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """What is in the vocabulary rows of this checkpoint? Answers from the files alone."""
    if show:
        import rowscope

        print(f"rowscope {rowscope.__version__}")
        raise typer.Exit(0)


def __getattr__(name: str) -> typer.Typer:
    """`app`, the application with all commands, for tools that read it; made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_app()


def main() -> None:
    """Entry point of the command `rowscope`."""
    # As it ends the interpreter searches all objects for circles, several times: 30 ms for nothing.
    atexit.register(gc.freeze)
    _one_blas_thread(sys.argv[1:])
    # The parser's base class, wherever this version of typer keeps it.
    parser_error: type[typer.BadParameter] = typer.BadParameter.__mro__[2]
    try:
        code = make_app(*sys.argv[1:])(standalone_mode=False)
    except parser_error as error:
        error.show()
        if _asks_json(sys.argv):
            print_failure(UsageError(error.format_message()))
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _one_blas_thread(words: list[str]) -> None:
    """Keep numpy's OpenBLAS to this thread, unless the user says otherwise.

    Its products here are small: threads that start and wait cost a fifth of an audit's processor time and
    make nothing faster. Whoever loads the model keeps them, since torch may share the library.
    """
    if not {"probe", "study"}.intersection(words):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _asks_json(words: list[str]) -> bool:
    pairs = zip(words, [*words[1:], ""], strict=True)
    return any((a, b) in (("--format", "json"), ("-f", "json")) or a == "--format=json" for a, b in pairs)


if __name__ == "__main__":
    main()
