"""What the environment says of the Hugging Face hub, by the variables that huggingface_hub reads."""

from __future__ import annotations

import os
from pathlib import Path

from rowscope.inspector.errors import RemoteError

_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def endpoint() -> str:
    """The hub's address, or that of the mirror in use."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def hub_home() -> Path:
    """The folder of token and cache."""
    home = os.environ.get("HF_HOME")
    if not home:
        home = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(os.path.expandvars(home)).expanduser()


def hub_cache() -> Path:
    """The folder of downloaded repositories."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(variable):
            return Path(os.path.expandvars(value)).expanduser()
    return hub_home() / "hub"


def token() -> str | None:
    """The user's token: of the environment, else as `hf auth login` stored it; None where there is none.

    Raises:
        RemoteError: it cannot be a token, and would break the request that carries it.
    """
    found = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    if not found and not _is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        path = os.environ.get("HF_TOKEN_PATH")
        try:
            found = (Path(path).expanduser() if path else hub_home() / "token").read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
    found = (found or "").strip()
    if found and not (found.isascii() and found.isprintable()):
        raise RemoteError(
            "the Hugging Face token holds characters that no token has; set HF_TOKEN anew, "
            "or run 'hf auth login'",
            location="HF_TOKEN",
        )
    return found or None


def require_online(url: str) -> None:
    """Raise RemoteError where HF_HUB_OFFLINE forbids the network."""
    if _is_true("HF_HUB_OFFLINE"):
        raise RemoteError(
            f"{url!r} needs the network, which HF_HUB_OFFLINE forbids; unset it, or give org/name to read "
            "what the local cache holds",
            location=url,
            code="OFFLINE",
        )


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in _TRUE
