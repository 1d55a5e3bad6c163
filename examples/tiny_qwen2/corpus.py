"""Text that every Python has: the source and the docstrings of its standard library.

Order is by path inside the library, so one Python version always gives one corpus. Code written
by the build (`_sysconfigdata*`, `config-*`) is left out: it holds the paths of the building machine.
"""

from __future__ import annotations

import ast
import sysconfig
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "ensurepip"}
)
BUILD_OUTPUT = ("_sysconfigdata", "config-")

# Read by the tokenizer, never by the model. Character tables spell thousands of names that occur
# nowhere else, which is how real tokenizers come to hold entries their model never saw.
TOKENIZER_ONLY = frozenset({"encodings", "pydoc_data", "turtledemo", "msilib", "lib2to3", "idlelib"})

HELD_OUT_FIRST, HELD_OUT_EVERY = 7, 40


@dataclass(frozen=True)
class Module:
    """One source file of the standard library: its path inside the library and its text."""

    path: str
    text: str

    @property
    def tokenizer_only(self) -> bool:
        return self.path.split("/")[0] in TOKENIZER_ONLY


@dataclass(frozen=True)
class Split:
    """Modules the model learns from, and modules kept back to measure its loss."""

    train: tuple[Module, ...]
    held_out: tuple[Module, ...]


def read_modules() -> list[Module]:
    """Every `.py` file of the running interpreter's library, ordered by path."""
    root = Path(sysconfig.get_path("stdlib"))
    modules = []
    for path in sorted(root.rglob("*.py"), key=lambda p: p.relative_to(root).as_posix()):
        inside = path.relative_to(root)
        if LEFT_OUT.intersection(inside.parts) or inside.parts[0].startswith(BUILD_OUTPUT):
            continue
        with tokenize.open(path) as stream:  # obeys the coding line
            modules.append(Module(inside.as_posix(), stream.read()))
    return modules


def split_modules(modules: list[Module]) -> Split:
    """Keep every 40th module back. A docstring stays on the side of its module."""
    seen = [module for module in modules if not module.tokenizer_only and module.text.strip()]
    held_out = seen[HELD_OUT_FIRST::HELD_OUT_EVERY]
    paths = {module.path for module in held_out}
    return Split(tuple(m for m in seen if m.path not in paths), tuple(held_out))


def questions(module: Module) -> Iterator[tuple[str, str]]:
    """(signature, docstring) of each documented function and class of a module."""
    for node in ast.walk(ast.parse(module.text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            signature = f"def {node.name}({ast.unparse(node.args)})"
        elif isinstance(node, ast.ClassDef):
            signature = f"class {node.name}"
        else:
            continue
        docstring = ast.get_docstring(node)
        if docstring:
            yield signature, docstring
