"""The proxy that the environment names for an origin."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from rowscope.inspector.errors import UsageError
from rowscope.inspector.storage.http.connection import Origin


def proxy_for(origin: Origin) -> SplitResult | None:
    """The proxy of `http_proxy`, `https_proxy`, `all_proxy`, unless `no_proxy` names the host.

    Raises:
        UsageError: the variable holds no address of an HTTP proxy.
    """
    from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

    scheme, host, port = origin
    proxies = getproxies_environment()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or proxy_bypass_environment(f"{host}:{port}", proxies):
        return None
    found = urlsplit(address if "://" in address else f"http://{address}")
    if found.scheme != "http" or not found.hostname:
        raise UsageError(
            f"the environment names the proxy {found.scheme}://{found.hostname or ''} for {scheme}://, and "
            "only http:// proxies are spoken to; set another, or name the host in no_proxy",
            location=f"{scheme}_proxy",
        )
    return found
