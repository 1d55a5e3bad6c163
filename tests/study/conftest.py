"""The study reads the models that the probes' tests make."""

from ..model.conftest import demo, load_zoo, one_thread, reserved, write_model, zoo

__all__ = ["demo", "load_zoo", "one_thread", "reserved", "write_model", "zoo"]
