"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

PathArgument = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="A folder, a .safetensors file, a .safetensors.index.json, org/name in the local Hugging Face "
        "cache, or demo.",
    ),
]
FormatOption = Annotated[str, typer.Option("--format", "-f", help="How to print the result.")]
OutputOption = Annotated[str | None, typer.Option("--output", "-o", help="Write to this file instead.")]
TokenizerOption = Annotated[
    str | None,
    typer.Option("--tokenizer", help="Folder of the tokenizer files, where they are not beside the weights."),
]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", help="Where PATH is a PEFT adapter: the model that it was trained on."),
]
MatrixOption = Annotated[
    str, typer.Option("--matrix", help="input, output, or a vocabulary table by its name.")
]
