"""`python -m bench`: measure rowscope beside other ways to the same results, and write a Markdown report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from bench.machine import Load, facts
from bench.report import Options, Section, render_report, write_below

SECTIONS = (
    "scan",
    "slices",
    "processes",
    "scaling",
    "memory",
    "probes",
    "quantised",
    "giant",
    "changes",
    "remote",
    "fleet",
)
"""Modules of this folder, each with a function of its own name."""

MARKER = "<!-- below: the report of `python -m bench` -->"
"""Line of a document below which the report belongs."""


def main() -> None:
    """Parse the command line, run the sections asked for, write the report."""
    arguments = _parser().parse_args()
    names = [name.strip() for name in arguments.only.split(",")] if arguments.only else list(SECTIONS)
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"--only {unknown[0]!r} is no section; choose from {', '.join(SECTIONS)}")
    repeat = arguments.repeat or (2 if arguments.quick else 7)
    with ExitStack() as stack:
        work: Path | None = arguments.work
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rowscope-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        options = Options(work.resolve(), repeat, arguments.quick, keep=arguments.work is not None)
        text = ""
        for text in _reports(names, options):
            if arguments.output is not None:
                write_below(arguments.output, MARKER, text)
    if arguments.output is None:
        sys.stdout.write(text)


def _reports(names: list[str], options: Options) -> Iterator[str]:
    """The report after each section, so that a later one that fails does not cost the measurements before."""
    before = Load.now()
    sections: list[Section] = []
    for at, name in enumerate(names):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        section: Callable[[Options], Section] = getattr(import_module(f"bench.{name}"), name)
        start = Load.now()
        found = section(options)
        sections.append(replace(found, disturbed=start.others_until(Load.now())))
        done = ", ".join(names[: at + 1])
        settings = f"{done}; {options.repeat} rounds{', quick' if options.quick else ''}"
        yield render_report(facts(before, Load.now(), settings), sections, options.quick)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="A,B", help=f"some of the sections: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds that count (default 7, quick 2)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="make the checkpoints there and keep them")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write there, below its marker if it has one; default stdout",
    )
    return parser


if __name__ == "__main__":
    main()
