"""How fast rowscope is, measured beside what a user would write otherwise: `python -m bench`."""
