"""The study reads the models that the probes' tests make."""

from __future__ import annotations

from typing import Any

import pytest

from ..model.conftest import demo, load_zoo, one_thread, reserved, write_model, zoo

__all__ = ["demo", "demo_study", "load_zoo", "one_thread", "reserved", "write_model", "zoo"]


@pytest.fixture(scope="session")
def demo_study() -> Any:
    """The study of demo in English, with all that it was written from: measured once, with the defaults."""
    from rowscope.commands.starting import studied_rows
    from rowscope.inspector.study import compose

    starts = studied_rows("demo", None, 0)
    return compose("demo", with_model=True, device="cpu", dtype="float32", starts=starts)
