"""The study of a checkpoint's reserved tokens, with the model where it can be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowscope.commands.formats import page_options, pick_format
from rowscope.commands.options import (
    DeviceOption,
    DtypeOption,
    OutputOption,
    PathArgument,
    SeedOption,
    TitleOption,
    TrustOption,
)
from rowscope.progress import StageProgress
from rowscope.terminal import command, emit, emit_json, tool

if TYPE_CHECKING:
    from rowscope.inspector.study import Study


@command
def study(
    path: PathArgument,
    lang: Annotated[str, typer.Option("--lang", help="en or zh.")] = "en",
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
    from rowscope.inspector.study import compose

    format = pick_format(
        format, output, ("text", "markdown", "json", "html"), default="markdown", files={"text": "study.md"}
    )
    page_options({format}, title, None)
    with StageProgress() as progress:
        found = compose(
            path,
            lang,
            with_model="auto" if model is None else model,
            device=device,
            dtype=dtype,
            seed=seed,
            steps=steps,
            ask=verify,
            trust_remote_code=trust_remote_code,
            progress=progress,
        )
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
    return 0


def _is_file(output: str) -> bool:
    """Whether figures can lie beside it: a pipe or a device has no neighbours."""
    import os

    return os.path.isfile(output) or not os.path.exists(output)


def _with_figures(found: Study, output: str) -> None:
    """The figures first: a study that is there has them."""
    from pathlib import Path

    from rowscope.inspector.render.study import study_files

    text, figures = study_files(found, Path(output).stem)
    for name, drawing in figures.items():
        emit(drawing, str(Path(output).with_name(name)))
    emit(text, output)
