"""What a shell offers behind TAB: the values that an option can have, where they are known beforehand.

Nothing is opened and nothing is asked of PATH, so that no name out of a checkpoint reaches a shell, which
would evaluate it. Values are written here rather than imported, since what defines them takes longer to
import than a finger rests on TAB; a test compares them with what each command says that it takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final

from rowscope.commands.manual import own_name
from rowscope.inspector.errors import UsageError

_GROUPS: Final = ("used", "reserved", "unmapped", "placeholder", "added", "base")
_TABLE: Final = ("text", "json", "csv", "jsonl", "parquet")
_COLUMNS: Final = (
    "id", "token", "text", "group", "matrix", "norm", "mean", "std", "min", "max", "nonzero", "nan", "inf",
    "fingerprint", "verdict", "confidence", "cosine_to_reference", "duplicates", "duplicate_of", "recipe",
    "displacement", "grade",
)  # fmt: skip

# By the parameter's name, as in `panels.OPTIONS`.
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "format": ("text", "json"),
    "audit format": ("text", "json", "markdown", "html", "sarif", "github", "model-card"),
    "rows format": (*_TABLE, "html"),
    "suspects format": _TABLE,
    "diff format": (*_TABLE, "html"),
    "mask format": (
        "text", "json", "ids", "ranges", "generation-config", "logit-bias", "vllm", "sglang", "trl", "verl",
        "tensorrt-llm", "mlx", "xgrammar", "llama.cpp", "llama.cpp-server", "numpy", "python",
    ),
    "study format": ("markdown", "html", "json", "text"),
    "explain format": ("text", "markdown", "json"),
    "fleet report format": ("text", "json", "markdown", "html", "csv"),
    "color": ("auto", "always", "never"),
    "fail_on": ("error", "warning", "note", "never"),
    "lang": ("en", "zh"),
    "group": _GROUPS,
    "suspects group": (*_GROUPS, "all"),
    "verdict": ("nonfinite", "zero", "vanishing", "initial", "collapsed", "fresh", "damaged", "trained"),
    "sort": (*_COLUMNS, *(f"-{name}" for name in _COLUMNS)),
    "matrix": ("input", "output"),
    "include": ("reserved", "unmapped", "untrained"),
    "values": ("mean", "normal", "keep"),
    "link": ("auto", "hard", "reflink", "copy"),
    "device": ("auto", "cpu", "cuda", "mps"),
    "dtype": ("auto", "float32", "bfloat16", "float16", "float64"),
    "variant": ("full", "full-no-decay", "frozen-embeddings", "token-only", "token-only-decay"),
    "rl_optimizer": ("adamw", "sgd"),
    "engine": ("local", "shard", "ray"),
    "by": ("all", "model", "step"),
}  # fmt: skip

# Values that may be joined by commas.
_JOINED: Final = frozenset({"verdict", "include", "select", "ignore"})
_PATHS: Final = frozenset({"path", "paths", "base", "tuned"})
_SHELLS: Final = ("bash", "zsh", "fish", "powershell", "pwsh")


def completed_words() -> list[str]:
    """The words of the command line that a shell asks to complete, without the program; none where none asks.

    Bash splits `--format=te` at the sign: its parts are put into the environment as those of `--format te`.
    """
    words = os.environ.get("COMP_WORDS", "").splitlines()
    at = int(os.environ.get("COMP_CWORD") or 0)
    if 1 < at < len(words) and words[at - 1] == "=" and words[at - 2].startswith("--"):
        os.environ["COMP_WORDS"] = "\n".join([*words[: at - 1], *words[at:]])
        os.environ["COMP_CWORD"] = str(at - 1)
    return words[1:] or _line().split()[1:]


def _line() -> str:
    """What zsh, fish and PowerShell say of the command line."""
    return os.environ.get("_TYPER_COMPLETE_ARGS", "")


def offer_values(ctx: Any, parameters: Iterable[Any]) -> None:  # noqa: ANN401 - typer's own type
    """Let each parameter offer its values."""
    command = own_name(ctx)
    for parameter in parameters:
        offers = _offers(command, parameter)
        if offers is not None:
            # What the argument `shell_complete` of click's parameters sets.
            setattr(parameter, "_custom_shell_complete", _completer(offers))  # noqa: B010


def values_of(command: str, name: str) -> tuple[str, ...]:
    """All values of an option of a command, by the parameter's name."""
    if name in ("select", "ignore", "code"):
        codes = finding_codes()
        return codes if name == "code" else (*dict.fromkeys(code[:3] for code in codes), *codes)
    return VALUES.get(f"{command} {name}", VALUES.get(name, ()))


def finding_codes() -> tuple[str, ...]:
    """The codes of findings, from the names of their pages."""
    from importlib.resources import files

    pages = (page.name for page in files("rowscope").joinpath("findings").iterdir())
    return tuple(sorted(name[:-3] for name in pages if name.endswith(".md") and name != "README.md"))


def _offers(command: str, parameter: Any) -> Callable[[str], list[str]] | None:  # noqa: ANN401
    name = parameter.name
    if name in _PATHS and parameter.param_type_name == "argument":
        return _path
    values = values_of(command, name)
    if not values:
        return None
    return lambda typed: _begun(values, typed, joined=name in _JOINED)


def _begun(values: Iterable[str], typed: str, *, joined: bool) -> list[str]:
    """The values that begin with what is typed, behind its last comma where they may be joined."""
    done, comma, last = typed.rpartition(",") if joined else ("", "", typed)
    return [f"{done}{comma}{value}" for value in values if value.lower().startswith(last.lower())]


def _path(typed: str) -> list[str]:
    """`demo`, where no file begins like it: everything else the shell finds by itself."""
    if not typed or not "demo".startswith(typed):
        return []
    try:
        taken = any(entry.name.startswith(typed) for entry in os.scandir())
    except OSError:
        taken = False
    return [] if taken else ["demo"]


def _completer(offers: Callable[[str], list[str]]) -> Callable[[Any, Any, str], list[str]]:
    """Offers for a word; of `--format=te` these shells compare the whole, and the parser gives the value."""
    last = _line().rpartition(" ")[2]
    option, sign, _ = last.partition("=") if last.startswith("--") else ("", "", "")
    return lambda ctx, parameter, typed: [f"{option}{sign}{value}" for value in offers(typed)]


def check_shell() -> None:
    """Before a script is shown or installed: is there a shell that has one?

    Raises:
        UsageError: none, with what prints the script of a shell by its name.
    """
    shellingham = import_module("shellingham")  # typer's own, without types
    try:
        name = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        name = ""
    if name not in _SHELLS:
        said = f"the shell {name!r} has no completion here" if name else "no shell started this process"
        raise UsageError(
            f"{said}; print the script for one: _ROWSCOPE_COMPLETE=source_bash rowscope (or source_zsh, "
            "source_fish, source_powershell)",
            location="--show-completion",
        )
