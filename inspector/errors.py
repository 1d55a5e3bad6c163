"""Every error that rowscope raises on purpose: one subclass per cause, each with a code and a location."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, ClassVar, Final

_MOST_TEXT: Final = 8_000
"""Characters of one message, several times the longest path that systems allow."""
_MOST_GUESSED: Final = 200
"""Characters of a word that is compared with others: that takes time with the square of them."""


def bounded(text: str) -> str:
    """`text`, or its beginning and its end where values of megabytes from somebody's file stand in it."""
    if len(text) <= _MOST_TEXT:
        return text
    return f"{text[:6_000]} […{len(text) - 7_000:,} characters left out…] {text[-1_000:]}"


class RowscopeError(Exception):
    """Base of all of rowscope's errors.

    Attributes:
        code: a finding code (`FIL001`) where one exists, else an upper-case word (`NO_MATRIX`).
        message: one sentence that quotes the offending value and ends in the next step.
        location: the file, tensor or option that the message is about, or None.
        exit_code: what the command line exits with.
    """

    default_code: ClassVar[str] = "ROWSCOPE"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, location: str | None = None, code: str | None = None) -> None:
        self.message = bounded(message)
        super().__init__(self.message)
        self.location = location
        self.code = code or self.default_code


class UsageError(RowscopeError):
    """An argument or option that rowscope cannot act on."""

    default_code = "USAGE"
    exit_code = 2


class CheckpointError(RowscopeError):
    """The path holds nothing that rowscope can audit."""

    default_code = "CHECKPOINT"


class MalformedFileError(CheckpointError):
    """A file breaks its own format."""

    default_code = "FIL001"


class IndexMismatchError(CheckpointError):
    """A sharded index names a tensor that its shard does not hold."""

    default_code = "FIL002"


class MissingShardError(CheckpointError):
    """A shard that the index names is not there."""

    default_code = "FIL003"


class UnfinishedDownloadError(CheckpointError):
    """Weights whose download has not finished, and nothing else to read."""

    default_code = "FIL005"


class UnsafeShardError(CheckpointError):
    """A shard name in the index would leave the checkpoint's folder."""

    default_code = "FIL004"


class NoMatrixError(CheckpointError):
    """No tensor looks like a vocabulary matrix."""

    default_code = "NO_MATRIX"


class UndecodableError(CheckpointError):
    """A matrix whose values rowscope cannot decode (a dtype or a packing)."""

    default_code = "UNDECODABLE"


class TokenizerError(CheckpointError):
    """Tokenizer files that are there but cannot be read."""

    default_code = "TOKENIZER"


class MissingExtraError(RowscopeError):
    """An optional dependency is missing; the message names the extra that brings it."""

    default_code = "MISSING_EXTRA"
    exit_code = 4

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed: "
            f"pip install 'rowscope[{extra}]'",
            location=package,
        )


class RemoteError(RowscopeError):
    """A remote place that did not give what was asked for: the network, a server's refusal, a limit.

    It says nothing of the checkpoint, so that nothing goes on without what was not read: it is no
    `CheckpointError`.
    """

    default_code = "REMOTE"


class RefusedError(RowscopeError):
    """The action is not possible; nothing was written."""

    default_code = "REFUSED"
    exit_code = 5


def guess(word: str, known: Iterable[str]) -> str:
    """`did you mean trained? `, or nothing where no known word is near."""
    if len(word) > _MOST_GUESSED:
        return ""
    from difflib import get_close_matches  # 3 ms, and only for an error

    spelled = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), spelled, n=1)
    return f"did you mean {spelled[near[0]]}? " if near else ""


def unknown_value(
    option: str, value: object, known: Iterable[str], *, location: str | None = None
) -> UsageError:
    """The refusal of a value that is none of those which an option has; `location` is the option, too."""
    names = tuple(known)
    near = guess(value, names) if isinstance(value, str) else ""
    return UsageError(
        f"{option} {value!r} is not known; {near}use {', '.join(names)}", location=location or option
    )


def require(option: str, value: object, kind: type, what: str) -> None:
    """Refuses an argument of another type, which else comes up far from the call as a bare TypeError.

    Args:
        kind: `numbers.Integral` for whole numbers: numpy's are some, and a bool is none.
        what: it, in words: `a text`.

    Raises:
        UsageError: it is no such thing.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{option} {value!r} is not {what}", location=option)


def optional(package: str, extra: str, purpose: str) -> Any:  # noqa: ANN401 - a module
    """An optional dependency, imported.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError(package, extra, purpose) from error
