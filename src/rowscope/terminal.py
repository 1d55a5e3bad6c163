"""What every command needs at the terminal's edge: errors to exit codes, output, colours, progress."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import typer

from rowscope.inspector.errors import RefusedError, RowscopeError, UsageError, unknown_value
from rowscope.signals import interruptible, words_of
from rowscope.streams import blocks, encoded, forget_output, writing

if TYPE_CHECKING:
    from rowscope.inspector.render import Line

Options = ParamSpec("Options")

COLOR: Final = ("auto", "always", "never")
# Select Graphic Rendition of ECMA-48: 1 bold, 2 faint, 31 red, 32 green, 33 yellow, 36 cyan.
_COLOURS: Final = {
    "title": "1",
    "heading": "1;36",
    "dim": "2",
    "error": "1;31",
    "warning": "33",
    "note": "",
    "good": "32",
    "": "",
}


# The format that the command settled on, for failures: the command line need not show it.
chosen_format: ContextVar[str] = ContextVar("chosen_format", default="text")


# How to show things: --color, --quiet, --verbose.
manner: ContextVar[tuple[str, bool, bool]] = ContextVar("manner", default=("auto", False, False))


def quiet() -> bool:
    """Whether notes and bars are not wanted."""
    return manner.get()[1]


def verbose() -> bool:
    """Whether lists are wanted whole."""
    return manner.get()[2]


def check_manner(color: str, format: str) -> None:
    """Refuse an unknown value of `--color`, as a command refuses its own; ends the process."""
    if color in COLOR:
        return
    raise typer.Exit(fail(unknown_value("--color", color, COLOR), format))


def coloured() -> bool:
    """Whether text on standard output is coloured: by `--color`, NO_COLOR, FORCE_COLOR, or on a terminal."""
    choice = manner.get()[0]
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def command(body: Callable[Options, int]) -> Callable[Options, None]:
    """A command's body returns its exit code; every error of ours becomes one line and its own code."""

    @functools.wraps(body)
    def run(*args: Options.args, **kwargs: Options.kwargs) -> None:
        chosen_format.set("text")
        try:
            with interruptible(), _plain_warnings():
                try:
                    code = body(*args, **kwargs)
                    _to_standard_output()
                except RowscopeError as error:
                    code = fail(error, str(kwargs.get("format") or chosen_format.get()))
        except BrokenPipeError:
            forget_output()
            code = 0
        except KeyboardInterrupt as stop:
            words, code = words_of(stop)
            say(words)
        raise typer.Exit(code)

    return run


def fail(error: RowscopeError, format: str) -> int:
    """Tell of an error, on standard output too where the format has a way to; the exit code."""
    from rowscope.inspector.text import visible

    try:
        if format == "json":
            print_failure(error)
        elif format == "github":
            from rowscope.inspector.render.audit import annotation

            print(annotation("error", error.message, title=f"rowscope {error.code}"))
        sys.stdout.flush()
    except BrokenPipeError:
        forget_output()
    except OSError:  # the disk behind standard output is full: the line on standard error is what is left
        forget_output()
    say(f"rowscope: {visible(error.message)} [{error.code}]")
    return error.exit_code


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings of ours are notes for people, without the line of code that they come from."""
    shown: Callable[..., None] = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:  # noqa: ANN401
        if category.__module__.startswith("rowscope."):
            say(f"note: {message}")
        else:
            shown(message, category, *where, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


def say(words: str) -> None:
    """A line on standard error, which may be closed or full: that is no reason for another exit code."""
    if quiet() and words.startswith("note: "):
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{words}\n")


def _to_standard_output(data: Iterable[bytes] = ()) -> None:
    """Hand everything to the system, the blocks of `data` last. Where the reader has gone (`| head`) it goes
    nowhere, and the exit code stays that of the command: a gate fails whoever reads its report.

    Raises:
        RefusedError: standard output cannot take it.
    """
    try:
        sys.stdout.flush()
        for block in data:
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        forget_output()
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> RefusedError:
    """The refusal where standard output cannot take what is printed; what is left of that is dropped."""
    forget_output()
    step = "open it" if error.errno == errno.EBADF else "free space there"
    return RefusedError(
        f"cannot write to standard output: {error.strerror}; {step}, or give --output FILE",
        location="standard output",
    )


def print_failure(error: RowscopeError) -> None:
    """Print the JSON document of a failed run."""
    body = {"code": error.code, "message": error.message, "location": error.location}
    print(json.dumps({"schema_version": "1", "error": body, "exit_code": error.exit_code}, indent=2))


def emit(text: str | bytes | Iterable[str], output: str | None) -> None:
    """Print, or write to a file, which is there in full afterwards, or as it was.

    A text may come in pieces, which are written as they come: what is long need not be whole in memory.

    Raises:
        UsageError: bytes for a terminal.
        RefusedError: the file cannot be written.
    """
    if isinstance(text, bytes) and output is None and sys.stdout.isatty():
        raise UsageError(
            "this format is binary: give --output FILE, or send it through a pipe", location="--output"
        )
    if not isinstance(text, bytes) and output is None and sys.stdout.isatty():
        from rowscope.inspector.text import visible

        # CSV and the like carry names as they are; a terminal would obey the escapes in them.
        text = "".join(visible(line) + "\n" for line in "".join(text).splitlines())
    pieces: Iterable[str] = (text,) if isinstance(text, str) else () if isinstance(text, bytes) else text
    if output is None:
        _to_standard_output((text,) if isinstance(text, bytes) else blocks(pieces, encoded))
        return
    data = text if isinstance(text, bytes) else blocks(pieces)
    from rowscope.inspector.storage import write_output

    with writing(output):
        sys.stdout.flush()
        write_output(output, data)


def emit_text(text: str, output: str | None) -> None:
    """Print text for people. In a GitHub workflow no line of it can pass for a command to the runner."""
    emit(text if output is not None else (f"{_inert(line)}\n" for line in text.splitlines()), output)


def _inert(line: str) -> str:
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return line
    from rowscope.inspector.render.audit import inert

    return inert(line)


def tool() -> dict[str, str]:
    """The `tool` entry of a JSON document."""
    import rowscope

    return {"name": "rowscope", "version": rowscope.__version__}


def emit_json(document: Mapping[str, Any], output: str | None, lang: str = "en") -> None:
    """Print one JSON document of results or JSON values, ASCII only, so that no encoding can break it.

    Its sentences are said in `lang`.
    """
    from rowscope.inspector.plain import json_pieces

    emit(json_pieces(document, lang), output)


def emit_lines(lines: Iterable[Line], output: str | None) -> None:
    """Print styled lines as they come: coloured on a terminal, plain elsewhere."""
    if output is not None:
        emit((f"{line.text.rstrip()}\n" for line in lines), output)
        return
    if not coloured():
        parts = (part for line in lines for part in line.text.rstrip().splitlines() or [""])
        emit((f"{_inert(part)}\n" for part in parts), None)
        return
    from rowscope.inspector.text import visible

    if os.name == "nt":
        os.system("")  # the console of Windows begins to read escapes
    styled = (f"{_styled(_inert(visible(line.text)), line.style)}\n" for line in lines)
    _to_standard_output(blocks(styled, encoded))


def _styled(text: str, style: str) -> str:
    code = _COLOURS[style]
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def text_width() -> int:
    """Columns to lay text out for, 60 to 140: what COLUMNS says, else the terminal's, else 80."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        columns = int(said)
    elif sys.stdout.isatty():
        import shutil

        columns = shutil.get_terminal_size().columns
    else:
        return 80
    return max(60, min(columns, 140))


def check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse an unknown value of an option before any work is done."""
    if value not in known:
        raise unknown_value(option, value, known)
