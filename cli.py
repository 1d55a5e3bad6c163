"""The command line: parse, call, print, exit. The commands stand in `rowscope.commands`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
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
from rowscope.streams import open_missing
from rowscope.terminal import fail, print_failure, unwritable

GROUPS = {"probe": ("probing", "probe"), "fleet": ("fleet", "fleet")}
"""Commands that have commands of their own, by name: module of `rowscope.commands` and name in it."""

COMMANDS = {
    body.__name__: body for body in (inspect, audit, rows, suspects, diff, claim, undo, mask, study, explain)
}

# What a shell that completes a command line puts into the environment, by the names of the command.
ASKED_BY_SHELLS = ("_ROWSCOPE_COMPLETE", "_HF_ROWSCOPE_COMPLETE")

COMPLETION = ("--install-completion", "--show-completion")


def make_app(*words: str) -> typer.Typer:
    """The application. Where the first of `words` that is no option names a command, it has no other one:
    typer would read the parameters of all of them, which takes longer than to look at a small checkpoint."""
    named = next((word for word in words if not word.startswith("-")), "")
    alone = named in (*COMMANDS, *GROUPS)
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
    for name, body in COMMANDS.items():
        if named == name or not alone:
            made.command(cls=PlainCommand)(with_manner(body))
    for name, (module, group) in GROUPS.items():
        if named == name or not alone:
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
    if None in (sys.stdin, sys.stdout, sys.stderr):
        open_missing()
    _one_blas_thread(sys.argv[1:])
    # The parser's base class, wherever this version of typer keeps it.
    parser_error: type[typer.BadParameter] = typer.BadParameter.__mro__[2]
    try:
        code = _app_for(sys.argv[1:])(standalone_mode=False, prog_name=_program())
    except parser_error as error:
        with suppress(OSError):  # nobody can be told, and the code is the same
            error.show()
        if _asks_json(sys.argv):
            print_failure(UsageError(error.format_message()))
        sys.exit(2)
    except UsageError as error:  # of what comes before any command
        sys.exit(fail(error, "text"))
    except typer.Abort:
        sys.exit(130)
    except SystemExit as stop:
        # Of typer, where the reader of a help page has gone; commands look after that themselves.
        forgotten = isinstance(stop.__context__, BrokenPipeError)
        sys.exit(0 if forgotten else stop.code)
    except OSError as error:
        if not {"-h", "--help", "--version", *COMPLETION}.intersection(sys.argv):
            raise
        sys.exit(fail(unwritable(error), "text"))
    sys.exit(code if isinstance(code, int) else 0)


def _app_for(words: list[str]) -> typer.Typer:
    """The application that these words need; it was started without any where a shell asks to complete."""
    if _asked_by_shell():
        from rowscope.commands.completing import completed_words

        return make_app(*completed_words())
    if words and words[0] in COMPLETION:
        from rowscope.commands.completing import check_shell

        check_shell()
    return make_app(*words)


def _asked_by_shell() -> bool:
    return any(os.environ.get(name) for name in ASKED_BY_SHELLS)


def _program() -> str:
    """What to call the program; `python -m rowscope` is `rowscope` too."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    return "rowscope" if name in ("", "-c", "__main__") else name


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
