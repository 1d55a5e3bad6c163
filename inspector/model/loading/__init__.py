"""The model in memory: how it is loaded, called and bounded."""
