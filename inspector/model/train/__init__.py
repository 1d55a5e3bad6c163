"""The training probe."""
