"""Tokens, slots and values -> a plan with its cautions; writes nothing."""
