"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

PathArgument = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="A folder, a .safetensors file, a .safetensors.index.json, org/name in the local Hugging Face "
        "cache, a URL (hf://org/name, https://...), or demo.",
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", "-f", help="How to print the result.  [default: text]"),
]
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
TitleOption = Annotated[str | None, typer.Option("--title", help="Of an HTML page.")]
LangOption = Annotated[
    str | None, typer.Option("--lang", help="Language of the report: en or zh.  [default: en]")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
DtypeOption = Annotated[
    str, typer.Option("--dtype", help="auto (float32 where it fits), float32, bfloat16, float16 or float64.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of everything random.")]
IdsOption = Annotated[
    str | None, typer.Option("--ids", help="Probe these rows, such as 5,100:110, not the reserved ones.")
]
TrustOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that the checkpoint brings along.")
]
