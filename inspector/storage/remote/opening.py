"""A URL -> a folder behind it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.storage.http.connection import origin_of
from rowscope.inspector.storage.remote.folder import RemoteFolder
from rowscope.inspector.storage.remote.hub_address import HubAddress, hub_address, pasted
from rowscope.inspector.storage.remote.options import RemoteOptions
from rowscope.inspector.storage.remote.place import Place, Probe
from rowscope.inspector.storage.remote.session import Session


def open_remote(url: str, known: Mapping[str, Probe], options: RemoteOptions) -> RemoteFolder:
    """The folder at a URL; nothing is fetched yet.

    Args:
        url: `https://`, `http://`, `hf://`, `s3://`, `gs://` or `az://`.
        known: names that checkpoints have, to ask for where a place cannot be listed.

    Raises:
        CheckpointError: not a URL of these.
        MissingExtraError: an object store without the extra `remote`.
        RemoteError: HF_HUB_OFFLINE forbids it.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            origin_of(parts)
    except ValueError as error:
        raise CheckpointError(f"{url!r} is no URL: {error}; check it", location=url) from error
    place, below = _place(url, parts, known, options)
    return RemoteFolder(Session(place), below)


def _place(
    url: str, parts: SplitResult, known: Mapping[str, Probe], options: RemoteOptions
) -> tuple[Place, str]:
    if parts.scheme == "hf":
        return _hub(hub_address(url), options)
    if parts.scheme in ("http", "https"):
        shown = pasted(parts)
        if shown is not None:
            return _hub(shown, options)
        from rowscope.inspector.storage.remote.web import WebPlace

        return WebPlace(parts, known, options), ""
    if parts.scheme in ("s3", "gs", "az"):
        from rowscope.inspector.storage.remote.objects import ObjectPlace

        return ObjectPlace(url, options), ""
    raise CheckpointError(
        f"{url!r}: {parts.scheme}:// is no kind of address that rowscope reads; give https://, hf://, s3://, "
        "gs://, az:// or file://",
        location=url,
    )


def _hub(address: HubAddress, options: RemoteOptions) -> tuple[Place, str]:
    from rowscope.inspector.storage.remote.hub import HubPlace

    return HubPlace(address, options), address.below
