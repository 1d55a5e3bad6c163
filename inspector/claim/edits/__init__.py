"""Edits of tokenizer and config files that leave every other byte alone."""
