"""Which format a command writes: the one asked for, or the one that the name of the file says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from rowscope.inspector.documents import format_of
from rowscope.inspector.errors import UsageError
from rowscope.streams import writing
from rowscope.terminal import check_choice, chosen_format

SPOKEN: Final = ("text", "json", "markdown", "html")
"""Formats whose sentences come in every language; JSON keeps its keys, codes and verdicts."""

# Formats that a name of another one suits as well.
_ALSO: Final = {"sarif": ("json",), "model-card": ("markdown",)}


def pick_format(
    given: str | None,
    output: str | None,
    known: Sequence[str],
    *,
    default: str = "text",
    files: Mapping[str, str] | None = None,
    makes_folder: bool = False,
) -> str:
    """The format to write, before any work is done; failures are told in it too.

    So is an output that could not be written when the work is done.

    Args:
        given: the value of `--format`, None where it was not given.
        output: the value of `--output`.
        known: the command's formats.
        default: where neither says one.
        files: file names that suit a format of this command alone, as `mask` has them.
        makes_folder: the command makes a folder that `output` may lie in.

    Raises:
        UsageError: an unknown format, or a file name that says another one.
        RefusedError: no file can be written there.
    """
    if given is not None:
        check_choice("--format", given, tuple(known))
    said = _said(output)
    if given is None:
        if said is not None and said not in known:
            raise UsageError(
                f"--output {output!r} is the name of a file in the format {said}, which this command does "
                f"not write; its formats are {', '.join(known)}: choose another name, or give --format",
                location="--output",
            )
        given = said or default
    else:
        check_name("--output", given, output, files or {})
    chosen_format.set(given)
    if output is not None and not makes_folder:
        check_output(output)
    return given


def check_output(output: str) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        RefusedError: as `emit` would.
    """
    from rowscope.inspector.storage import check_place

    with writing(output):
        check_place(output)


def page_options(
    formats: Collection[str], title: str | None, lang: str | None, spoken: Sequence[str] = SPOKEN
) -> str:
    """The language of a page or of another format in `spoken`, before any work is done.

    Raises:
        UsageError: an unknown language, or options of formats of which none is written.
    """
    if title is not None and "html" not in formats:
        raise UsageError(
            f"--title {title!r} is for an HTML page, and none is written; add --output FILE.html",
            location="--title",
        )
    if lang is not None and not set(spoken) & set(formats):
        raise UsageError(
            f"--lang {lang!r} is for {', '.join(spoken)}, and none of them is written; add --format "
            f"{spoken[0]}",
            location="--lang",
        )
    if lang is not None:
        check_choice("--lang", lang, ("en", "zh"))
    return lang or "en"


def check_name(option: str, format: str, file: str | None, files: Mapping[str, str]) -> None:
    """Refuse a file whose name says another format than the one that is written to it.

    Raises:
        UsageError: it does.
    """
    said = _said(file)
    fits = {format, *_ALSO.get(format, ()), _said(files.get(format))}
    if said is not None and said not in fits:
        raise UsageError(
            f"{option} {file!r} is the name of a file in the format {said}, and the format asked for is "
            f"{format}; change one of the two",
            location=option,
        )


def _said(file: str | None) -> str | None:
    """The format that a file's name says. What ends in .txt is text of any kind."""
    said = format_of(file or "")
    return None if said == "text" else said
