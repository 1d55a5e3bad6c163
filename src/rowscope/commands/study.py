"""The study of a checkpoint's reserved tokens, with the model where it can be loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rowscope.commands.formats import check_output, page_options, pick_format
from rowscope.commands.options import (
    DeviceOption,
    DtypeOption,
    OutputOption,
    PathArgument,
    SeedOption,
    TitleOption,
    TrustOption,
)
from rowscope.inspector.errors import UsageError
from rowscope.progress import StageProgress
from rowscope.streams import writing
from rowscope.terminal import check_choice, command, emit, emit_json, tool

if TYPE_CHECKING:
    from rowscope.inspector.study import Study

LANGUAGE = "{lang}"
"""In the name of an output: the language that is written there."""


@command
def study(
    path: PathArgument,
    lang: Annotated[
        list[str] | None,
        typer.Option("--lang", help="en or zh; given twice, both, with {lang} in --output.  [default: en]"),
    ] = None,
    model: Annotated[
        bool | None, typer.Option("--model/--no-model", help="Insist on the model, or leave it out.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Steps of the training experiment.")] = 60,
    verify: Annotated[
        int,
        typer.Option(
            "--verify", help="Rows that the model is asked about, and as many controls; 0 for none."
        ),
    ] = 40,
    rl_steps: Annotated[
        int, typer.Option("--rl-steps", help="Policy-gradient steps on the model's own text; 0 for none.")
    ] = 4,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--values",
            help="Compare the lesson from these initial rows, as in probe train; repeatable; none for none.  "
            "[default: mean, normal, text:number, distil:...]",
        ),
    ] = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    seed: SeedOption = 0,
    trust_remote_code: TrustOption = False,
    title: TitleOption = None,
    format: Annotated[
        str | None, typer.Option("--format", "-f", help="How to write it.  [default: markdown]")
    ] = None,
    output: OutputOption = None,
) -> int:
    """Write the study of a checkpoint's reserved tokens from measured numbers, as Markdown."""
    places = _places(lang or ["en"], output)
    first = next(iter(places.values()))
    format = pick_format(
        format, first, ("text", "markdown", "json", "html"), default="markdown", files={"text": "study.md"}
    )
    for place in places.values():
        if place is not None:
            check_output(place)
    page_options({format}, title, None)
    from rowscope.commands.starting import studied_rows
    from rowscope.inspector.study import compose

    starts = None if model is False else studied_rows(path, values, seed)
    with StageProgress() as progress:
        found = compose(
            path,
            next(iter(places)),
            with_model="auto" if model is None else model,
            device=device,
            dtype=dtype,
            seed=seed,
            steps=steps,
            ask=verify,
            rl_steps=rl_steps,
            starts=starts,
            trust_remote_code=trust_remote_code,
            progress=progress,
        )
    for language, place in places.items():
        _write(found.said_in(language), path, language, format, title, place)
    return 0


def _places(languages: Sequence[str], output: str | None) -> Mapping[str, str | None]:
    """Where the study goes, by language.

    Raises:
        UsageError: an unknown language; several, and one place for all.
    """
    for language in languages:
        check_choice("--lang", language, ("en", "zh"))
    found = {
        language: None if output is None else output.replace(LANGUAGE, language) for language in languages
    }
    if len(found) > 1 and len(set(found.values())) < len(found):
        raise UsageError(
            f"--lang {' --lang '.join(found)}: a document in each language needs a file of its own; give "
            f"--output with {LANGUAGE} in the name, such as --output 'study.{LANGUAGE}.md'",
            location="--lang",
        )
    return found


def _write(found: Study, path: str, lang: str, format: str, title: str | None, output: str | None) -> None:
    if format == "json":
        document = {"schema_version": "1", "tool": tool(), "exit_code": 0}
        emit_json({**document, "path": path, "lang": lang, "study": found.without_figures}, output)
    elif format == "html":
        from rowscope.inspector.render.study import render_study_html

        emit(render_study_html(found, title=title, lang=lang), output)
    elif output is None or not _is_file(output):
        emit(found.without_figures, output)
    else:
        _with_figures(found, output)


def _is_file(output: str) -> bool:
    """Whether figures can lie beside it: a pipe or a device has no neighbours."""
    import os

    return os.path.isfile(output) or not os.path.exists(output)


def _with_figures(found: Study, output: str) -> None:
    """The text and its figures, exchanged for those of the study that is there."""
    from rowscope.inspector.render.study import figures_named, study_files
    from rowscope.inspector.storage import write_together

    text, figures = study_files(found, output)
    with writing(output):
        write_together(
            output,
            text.encode(),
            {name: drawing.encode() for name, drawing in figures.items()},
            figures_named(output),
        )
