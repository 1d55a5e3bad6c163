"""An engine by its name; its library loads with it."""

from __future__ import annotations

from typing import Final

from rowscope.inspector.errors import UsageError, unknown_value
from rowscope.inspector.fleet.engines import Engine, Limits

ENGINES: Final = ("local", "shard", "ray")
"""`shard` is `local` on a part of the list."""


def engine_named(name: str, limits: Limits, ray_address: str | None) -> Engine:
    """An engine by its name.

    Raises:
        UsageError: an unknown name, or an option that the engine does not have.
    """
    if name not in ENGINES:
        raise unknown_value("--engine", name, ENGINES)
    if name == "ray":
        from rowscope.inspector.fleet.on_ray import RayEngine

        return RayEngine(limits, ray_address)
    if ray_address is not None:
        raise UsageError(f"--ray-address is of --engine ray, not of {name}", location="--ray-address")
    from rowscope.inspector.fleet.local import LocalEngine

    return LocalEngine(limits)
