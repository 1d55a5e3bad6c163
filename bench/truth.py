"""`python -m bench.truth`: verdicts of rowscope against what is known of real checkpoints' rows.

Writes the tables of docs/truth.md, which says how the truth is found and how to read them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.report import Table, write_below
from bench.truths import resizes, sections
from bench.truths.corpus import Corpus, usual_roots
from bench.truths.subjects import Subject, is_tied_decoder, subjects

MARKER: Final = "<!-- below: the tables of `python -m bench.truth` -->"
SECTIONS: Final = ("scores", "made", "padding", "resizes")


def main() -> None:
    """Parse the command line, judge everything, write the report."""
    arguments = _parser().parse_args()
    wanted = arguments.only.split(",")
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.exit(f"--only {unknown[0]!r} is no section; choose from {', '.join(SECTIONS)}")
    models = dict(_pair(text) for text in arguments.model)
    lists: dict[str, list[Path]] = {}
    for name, path in map(_pair, arguments.truth):
        lists.setdefault(name, []).append(path)
    corpus = Corpus(tuple(arguments.corpus) or usual_roots(), False, arguments.characters)
    with tempfile.TemporaryDirectory(prefix="rowscope-truth-") as folder:
        cache = arguments.cache or Path(folder)
        cache.mkdir(parents=True, exist_ok=True)
        names = arguments.models.split(",") if arguments.models else []
        report = _Report(arguments.tokens)
        for subject in subjects(names, models, lists, corpus, cache):
            print(f"judging {subject.name} …", file=sys.stderr, flush=True)
            for part in report.add(subject, wanted, Path(folder) / subject.name):
                print(f"  {part}", file=sys.stderr, flush=True)
                if arguments.output is not None:  # what fails later does not cost this
                    write_below(arguments.output, MARKER, report.render())
    if arguments.output is None:
        sys.stdout.write(report.render())


class _Report:
    """Lines of each table, as they are found."""

    def __init__(self, tokens: tuple[int, ...]) -> None:
        self.tokens = tokens
        self.sources: list[str] = []
        self.details: list[str] = []
        self.lines: dict[str, list[tuple[str, ...]]] = {name: [] for name in SECTIONS}

    def add(self, subject: Subject, wanted: list[str], work: Path) -> Iterator[str]:
        """Judge one checkpoint and everything that is made of it; yields what is done."""
        work.mkdir()
        self.sources.append(f"* `{subject.name}`: {subject.truth.words}.")
        folders = {subject.name: resizes.reduce(subject.path, work / "whole")}
        if is_tied_decoder(folders[subject.name]):
            folders[f"{subject.name}, untied"] = resizes.untie(folders[subject.name], work / "untied")
        if "scores" in wanted:
            lines, details = sections.scores(subject, folders)
            self.lines["scores"] += lines
            self.details += details
            yield "scores"
        if "made" in wanted:
            self.lines["made"] += sections.made_cases(subject, folders[subject.name], work)
            yield "made"
        for name, folder in folders.items():
            if "padding" in wanted:
                self.lines["padding"] += sections.padded(subject, name, folder, work)
                yield f"padding of {name}"
            if "resizes" in wanted:
                self.lines["resizes"] += sections.resized(subject, name, folder, self.tokens, work)
                yield f"resizes of {name}"

    def render(self) -> str:
        """Markdown, headings from level 2 on."""
        parts = ["## Where the truth comes from", "\n".join(self.sources)]
        tables = {
            "scores": ("Recall and false rate", sections.SCORES),
            "made": ("Made kinds, and every pair of them", sections.MADE),
            "padding": ("Random padding", sections.PADDED),
            "resizes": ("transformers' resizes", sections.RESIZED),
        }
        for name, (title, header) in tables.items():
            if self.lines[name]:
                parts += [f"## {title}", Table("", header, self.lines[name]).render()]
            if name == "scores" and self.details:
                parts += ["### Row by row", *self.details]
        return "\n\n".join(parts) + "\n"


def _pair(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path:
        sys.exit(f"{text!r}: write NAME=PATH")
    return name, Path(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=__doc__)
    parser.add_argument("--models", metavar="A,B", help="only these: demo, minilm, names of --model")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=PATH", help="a further folder")
    parser.add_argument(
        "--truth",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="JSON with half-open ranges of ids under `trained` and `untrained`, for a model of --model",
    )
    parser.add_argument("--only", default=",".join(SECTIONS), metavar="A,B", help=", ".join(SECTIONS))
    parser.add_argument(
        "--tokens",
        type=lambda text: tuple(map(int, text.split(","))),
        default=(1, 3, 6, 64),
        metavar="N,M",
        help="numbers of tokens to add",
    )
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], metavar="DIR", help="text to read"
    )
    parser.add_argument("--characters", type=int, default=120_000_000, help="of text after which to stop")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep counts of tokens there")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write there, below its marker if it has one"
    )
    return parser


if __name__ == "__main__":
    main()
