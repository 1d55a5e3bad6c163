"""Reads checkpoints, knows their tokens, judges their rows."""
