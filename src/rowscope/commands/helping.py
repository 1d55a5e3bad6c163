"""How `--help` is laid out: options by what they are for, examples, exit codes. Imported for help alone."""

from __future__ import annotations

from textwrap import wrap
from typing import Any, Final

import typer

from rowscope.commands.completing import values_of
from rowscope.commands.manual import COMMAND_GROUPS, PAGES, own_name, words_of
from rowscope.commands.panels import OPTIONS, PANELS
from rowscope.terminal import coloured

# Columns beyond which a line is tiring to read, and those of the longest name that stands beside its words.
_WIDEST: Final = 100
_NAMES: Final = 26
# Options whose values are too many to list; `explain` does.
_UNLISTED: Final = frozenset({"select", "ignore", "code"})


def prepare(ctx: Any) -> None:  # noqa: ANN401 - typer's own type, as below
    """Colours and width of what is about to be printed: as of every other output."""
    ctx.color = coloured()
    ctx.max_content_width = _WIDEST


def usage_pieces(parameters: list[Any]) -> list[str]:
    """`[OPTIONS] PATH [CODE]`: what may be left out stands in brackets."""
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    return ["[OPTIONS]", *(_shown(one) if one.required else f"[{_shown(one)}]" for one in arguments)]


def write_options(ctx: Any, parameters: list[Any], formatter: Any) -> None:  # noqa: ANN401
    """Arguments, then the options by panel."""
    arguments = [(_shown(one), one.help or "") for one in parameters if one.param_type_name == "argument"]
    _section(formatter, "Arguments", arguments)
    command = own_name(ctx)
    panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
    for one in parameters:
        if one.param_type_name != "option" or one.hidden:
            continue
        panel, metavar = OPTIONS.get(f"{command} {one.name}") or OPTIONS.get(one.name, ("Measurement", ""))
        one.metavar = metavar or None
        names, words = one.get_help_record(ctx)
        panels[panel].append((names, _with_values(command, one.name, words)))
    for panel, records in panels.items():
        _section(formatter, panel, records)


def write_commands(ctx: Any, commands: dict[str, Any], formatter: Any) -> None:  # noqa: ANN401
    """The commands with what each does, of the program itself by group."""
    groups = COMMAND_GROUPS if ctx.parent is None else {"Commands": tuple(commands)}
    longest = max(map(len, commands), default=0)
    for title, names in groups.items():
        here = (name for name in names if name in commands)
        rows = [(name.ljust(longest), _first_sentence(commands[name].help or "")) for name in here]
        _section(formatter, title, rows)


def write_page(ctx: Any, formatter: Any) -> None:  # noqa: ANN401
    """Examples and exit codes."""
    command = own_name(ctx)
    page = PAGES[command]
    with formatter.section(_title("Examples")):
        longest = max(len(example.line) for example in page.examples)
        for example in page.examples:
            remark = f"# {example.says}"
            fits = formatter.current_indent + longest + 2 + len(remark) <= formatter.width
            lines = [f"{example.line:<{longest}}  {remark}"] if fits else [remark, example.line]
            _write(formatter, lines)
    _section(formatter, "Exit codes", [(str(code), words_of(command, code)) for code in page.exit_codes])


def _with_values(command: str, name: str, words: str) -> str:
    """The words of an option and, where they do not name them, the values that it takes."""
    values = [value for value in values_of(command, name) if not value.startswith("-")]
    if name in _UNLISTED or not values or (name != "format" and all(value in words for value in values)):
        return words
    listed = f"{', '.join(values[:-1])} or {values[-1]}"
    said, gap, default = words.partition("  [")
    if name == "format":
        return f"{listed}; left out, as the name of --output says.{gap}{default}"
    return f"{said.rstrip('.')}: {listed}.{gap}{default}"


def _first_sentence(text: str) -> str:
    return text.replace("\n", " ").split(". ")[0].rstrip(".") + "."


def _shown(argument: Any) -> str:  # noqa: ANN401
    return str(argument.metavar or argument.name.upper())


def _title(words: str) -> str:
    return typer.style(words, bold=True) if coloured() else words


def _section(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:  # noqa: ANN401
    """Names and what they are, in two columns; a name too long for its column has a line of its own."""
    if not rows:
        return
    longest = max((len(name) for name, _ in rows if len(name) <= _NAMES), default=_NAMES)
    with formatter.section(_title(title)):
        room = formatter.width - formatter.current_indent - longest - 2
        for name, words in rows:
            lines = wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]
            if len(name) > longest:
                _write(formatter, [name])
                name = ""
            _write(formatter, [f"{name:<{longest}}  {lines[0]}".rstrip()])
            _write(formatter, [f"{'':<{longest}}  {line}" for line in lines[1:]])


def _write(formatter: Any, lines: list[str]) -> None:  # noqa: ANN401
    for line in lines:
        formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
