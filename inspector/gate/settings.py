"""Settings of `audit` from `rowscope.toml`, or from `[tool.rowscope]` in `pyproject.toml`."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.audit import FAIL_ON, SettingsFacts
from rowscope.inspector.errors import CheckpointError, UsageError, guess
from rowscope.inspector.frozen import record
from rowscope.inspector.gate.selection import check_codes
from rowscope.inspector.storage import local_file

FORMATS: Final = ("text", "json", "markdown", "html", "sarif", "github", "model-card")

_LIMIT: Final = 1 << 20


@record
class Settings:
    """What `audit` does where the command line does not say.

    Attributes:
        select, ignore: codes or beginnings of codes.
        fail_on: one of `FAIL_ON`.
        baseline: file of known findings, or None.
        allow_partial: whether a partial audit may exit 0.
        format: one of `FORMATS`.
        source: the file that they come from, None for the defaults.
        keys: names of the settings that the file decides.
        passed_over: the nearest settings file within what is audited, which was not used.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str = "error"
    baseline: Path | None = None
    allow_partial: bool = False
    format: str = "text"
    source: Path | None = None
    keys: tuple[str, ...] = field(default=(), compare=False)
    passed_over: Path | None = None

    def override(self, **given: Any) -> Settings:  # noqa: ANN401 - values of the fields
        """The settings with every value that the command line gives (is neither None nor empty)."""
        named = {key: value for key, value in given.items() if value not in (None, ())}
        kept = tuple(key for key in self.keys if key not in named)
        return dataclasses.replace(self, **named, keys=kept)

    def facts(self) -> SettingsFacts:
        """What the report says about them."""
        return SettingsFacts(
            file=None if self.source is None else str(self.source),
            keys=tuple(f"{key.replace('_', '-')} {_shown(getattr(self, key))}" for key in self.keys),
            passed_over=None if self.passed_over is None else str(self.passed_over),
            select=self.select,
            ignore=self.ignore,
            fail_on=self.fail_on,
            allow_partial=self.allow_partial,
            baseline=None if self.baseline is None else str(self.baseline),
        )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_settings(start: Path, audited: Sequence[Path] = (), config: Path | None = None) -> Settings:
    """The settings nearest to a folder: its own, or those of a folder above within the same repository.

    In one folder `rowscope.toml` goes before `pyproject.toml`; a `pyproject.toml` without `[tool.rowscope]`
    is passed over. The search ends at the folder that holds `.git`; outside a repository it does not climb.
    What lies in an audited folder may have been downloaded with it, and could switch checks off: neither its
    settings nor its `.git` count.

    Args:
        start: where the search begins.
        audited: folders that are audited.
        config: the file to read instead, wherever it lies.

    Raises:
        UsageError: a file that is no TOML, an unknown key, or a value that the key cannot have; `config` is
            not there, or a `pyproject.toml` without the table.
    """
    if config is not None:
        return _named(config)
    passed_over: Path | None = None
    for path in _candidates(start.absolute(), audited):
        if not path.is_file():
            continue
        if _lies_in(path, audited):
            passed_over = passed_over or (path if _has_settings(path) else None)
            continue
        values = _values(path)
        if values is not None:
            return dataclasses.replace(_settings(values, path), passed_over=passed_over)
    return Settings(passed_over=passed_over)


def _named(path: Path) -> Settings:
    values = _values(path)
    if values is None:
        raise UsageError(f"--config: {str(path)!r} has no table [tool.rowscope]", location=str(path))
    return _settings(values, path)


def _candidates(start: Path, audited: Sequence[Path]) -> Iterator[Path]:
    for folder in _folders(start, audited):
        yield from (folder / "rowscope.toml", folder / "pyproject.toml")


def _values(path: Path) -> Mapping[str, Any] | None:
    """What a file sets; None for a `pyproject.toml` that sets nothing.

    The other files hold the keys alone, or the same table as a `pyproject.toml`: a block that was written for
    the one is good in the other.
    """
    document = _parse(path)
    values = _table(document, path)
    if path.name == "pyproject.toml":
        return values
    if values is None:
        return document
    beside = [key for key in document if key != "tool"]
    if beside:
        raise UsageError(
            f"{str(path)!r}: {beside[0]!r} stands beside the table [tool.rowscope]; write all keys in it, or "
            "none",
            location=f"{path}: {beside[0]}",
        )
    return values


def _has_settings(path: Path) -> bool:
    """Whether a file that is not used would have been; one that cannot be read is no reason for an error."""
    try:
        return _values(path) is not None
    except UsageError:
        return path.name == "rowscope.toml"


def _lies_in(path: Path, audited: Sequence[Path]) -> bool:
    """Whether a path, links followed or not, lies in one of the folders."""
    places = (path.absolute(), path.resolve(), path.parent.resolve() / path.name)
    homes = {home for folder in audited for home in (folder.absolute(), folder.resolve())}
    return any(home in place.parents for home in homes for place in places)


def _folders(start: Path, audited: Sequence[Path]) -> tuple[Path, ...]:
    chain = (start, *start.parents)
    for at, folder in enumerate(chain):
        if (folder / ".git").exists() and not _lies_in(folder / ".git", audited):
            return chain[: at + 1]
    return (start,)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(local_file(path).read(_LIMIT, "settings").decode("utf-8"))
    except CheckpointError as error:
        raise UsageError(error.message, location=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} is not TOML: {error}; correct it", location=str(path)) from error


def _table(document: dict[str, Any], path: Path) -> Mapping[str, Any] | None:
    tools = document.get("tool")
    values = tools.get("rowscope") if isinstance(tools, dict) else None
    if values is not None and not isinstance(values, dict):
        raise UsageError(
            f"{str(path)!r}: tool.rowscope is {values!r}, not a table; write [tool.rowscope]",
            location=str(path),
        )
    return values


def _settings(values: Mapping[str, Any], path: Path) -> Settings:
    fields: dict[str, Any] = {"source": path, "keys": tuple(key.replace("-", "_") for key in values)}
    for key, value in values.items():
        reader = _READERS.get(key)
        if reader is None:
            near = guess(key, _READERS)
            raise UsageError(
                f"{str(path)!r}: unknown key {key!r}; {near}the keys are {', '.join(_READERS)}",
                location=f"{path}: {key}",
            )
        fields[key.replace("-", "_")] = reader(value, key, path)
    return Settings(**fields)


def _codes(value: object, key: str, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(value, key, path, 'a list of codes such as ["ROW", "TOK301"]')
    return check_codes(value, f"{path}: {key}")


def _choice(choices: tuple[str, ...]) -> Callable[[object, str, Path], str]:
    def read(value: object, key: str, path: Path) -> str:
        if not isinstance(value, str) or value not in choices:
            raise _wrong(value, key, path, f"one of {', '.join(choices)}")
        return value

    return read


def _flag(value: object, key: str, path: Path) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, key, path, "true or false")
    return value


def _file(value: object, key: str, path: Path) -> Path:
    """A path relative to the settings file's own folder."""
    if not isinstance(value, str) or not value:
        raise _wrong(value, key, path, "the path of a file")
    return path.parent / value


def _wrong(value: object, key: str, path: Path, expected: str) -> UsageError:
    return UsageError(
        f"{str(path)!r}: {key} is {value!r}; write {expected}",
        location=f"{path}: {key}",
    )


_READERS: Final[Mapping[str, Callable[[object, str, Path], Any]]] = {
    "select": _codes,
    "ignore": _codes,
    "fail-on": _choice(FAIL_ON),
    "baseline": _file,
    "allow-partial": _flag,
    "format": _choice(FORMATS),
}
