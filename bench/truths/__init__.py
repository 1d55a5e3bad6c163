"""The parts of `python -m bench.truth`."""
