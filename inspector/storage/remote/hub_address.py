"""Addresses of models on the Hugging Face hub, as people write and paste them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.frozen import record
from rowscope.inspector.storage.remote.hub_environment import endpoint

_NAME: Final = re.compile(r"[\w][\w.-]*", re.ASCII)
_SPECIAL: Final = re.compile(r"refs/(convert|pr)/[\w-]+", re.ASCII)
_PAGES: Final = ("tree", "resolve", "blob", "raw")
# Pages of the hub itself, its short name too, mean its models even where a mirror is asked for them.
_OF_THE_HUB: Final = frozenset({("https", "huggingface.co"), ("https", "hf.co")})


@record
class HubAddress:
    """A folder of a model repository at a revision."""

    repository: str
    revision: str
    below: str

    @property
    def spelled(self) -> str:
        """`hf://org/name`, with the revision where it is not the usual one."""
        return f"hf://{self.repository}" + ("" if self.revision == "main" else f"@{self.revision}")


def hub_address(url: str) -> HubAddress:
    """`hf://org/name[@revision][/folder]`; a revision with a slash is `refs/pr/7` or has it as `%2F`.

    Raises:
        CheckpointError: no address of a model.
    """
    words = url.partition("://")[2].strip("/").removeprefix("models/")
    before, mark, after = words.partition("@")
    parts = [part for part in before.split("/") if part]
    revision, below = "main", parts[2:]
    if mark:
        special = _SPECIAL.match(after)
        revision, _, rest = (special[0], "", after[special.end() :]) if special else after.partition("/")
        revision, below = unquote(revision), [part for part in rest.split("/") if part]
        parts = parts[:2] if len(parts) <= 2 else []
    name = parts[:2]
    sound = name and all(_NAME.fullmatch(part) for part in name) and revision and ".." not in below
    if not sound or name[0] in ("datasets", "spaces"):
        raise CheckpointError(
            f"{url!r} is no address of a model; give hf://org/name, hf://org/name@REVISION or "
            "hf://org/name/FOLDER",
            location=url,
        )
    return HubAddress("/".join(name), revision, "/".join(unquote(part) for part in below))


def pasted(url: SplitResult) -> HubAddress | None:
    """The model that a page of the hub shows, `https://huggingface.co/org/name/tree/main`, or None."""
    hub = urlsplit(endpoint())
    if (url.scheme, url.netloc) in _OF_THE_HUB:
        hub = urlsplit(f"https://{url.netloc}")
    parts = [unquote(part) for part in url.path.removeprefix(hub.path).split("/") if part]
    if (url.scheme, url.netloc) != (hub.scheme, hub.netloc) or not url.path.startswith(hub.path):
        return None
    if (
        len(parts) < 2
        or not all(_NAME.fullmatch(part) for part in parts[:2])
        or parts[0] in ("datasets", "api")
    ):
        return None
    name = "/".join(parts[:2])
    if len(parts) == 2:
        return HubAddress(name, "main", "")
    if parts[2] not in _PAGES or len(parts) < 4:
        return None
    return HubAddress(name, parts[3], "/".join(parts[4:]))
