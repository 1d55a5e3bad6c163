"""The original study, written again for any checkpoint from measured numbers, in English or Chinese."""

from rowscope.inspector.study.compose import LANGUAGES, study

__all__ = ["LANGUAGES", "study"]
