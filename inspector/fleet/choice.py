"""An engine by its name; its library loads with it."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Final

from rowscope.inspector.errors import UsageError, require, unknown_value
from rowscope.inspector.fleet.engines import Engine, Limits

ENGINES: Final = ("local", "shard", "ray")
"""`shard` is `local` on a part of the list."""


def engine_named(name: str, limits: Limits, ray_address: str | None) -> Engine:
    """An engine by its name.

    Raises:
        UsageError: an unknown name, a limit not above 0, or an option that the engine does not have.
    """
    if not isinstance(name, str) or name not in ENGINES:
        raise unknown_value("--engine", name, ENGINES)
    for option, value, kind in (
        ("--workers", limits.workers, Integral),
        ("--memory", limits.memory, Integral),
        ("--time-limit", limits.seconds, Real),
    ):
        if value is not None:
            require(option, value, kind, "a number" if kind is Real else "a whole number")
            if not value > 0:
                raise UsageError(f"{option} {value!r} is not above 0", location=option)
    if name == "ray":
        from rowscope.inspector.fleet.on_ray import RayEngine

        return RayEngine(limits, ray_address)
    if ray_address is not None:
        raise UsageError(f"--ray-address is of --engine ray, not of {name}", location="--ray-address")
    from rowscope.inspector.fleet.local import LocalEngine

    return LocalEngine(limits)
