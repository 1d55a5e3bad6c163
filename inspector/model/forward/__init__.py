"""The forward probe."""
