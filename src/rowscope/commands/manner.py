"""Options that every command has on a terminal: colours, and how much is said."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from rowscope.terminal import check_manner, manner

ColorOption = Annotated[str, typer.Option("--color", help="auto (on a terminal), always or never.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress bar.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Whole lists in the text format.")]


def with_manner(body: Callable[..., None]) -> Callable[..., None]:
    """The command with the three options, which it does not see itself."""
    own = inspect.signature(body, eval_str=True)

    @functools.wraps(body)
    def run(color: str = "auto", quiet: bool = False, verbose: bool = False, **given: object) -> None:
        check_manner(color, str(given.get("format") or "text"))
        manner.set((color, quiet, verbose))
        body(**given)

    kinds = {
        "color": (ColorOption, "auto"),
        "quiet": (QuietOption, False),
        "verbose": (VerboseOption, False),
    }
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in kinds.items()
    ]
    seen = own.replace(parameters=[*own.parameters.values(), *more], return_annotation=None)
    run.__signature__ = seen  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in seen.parameters.items()}
    del run.__wrapped__
    return run
