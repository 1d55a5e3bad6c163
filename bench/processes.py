"""Section processes: whole commands, from start to exit, with warm and with cold caches."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

import rowscope
from bench.child import Command, cold, rowscope_command, run, script, warm
from bench.qwen import checkpoint_of, qwen_shape
from bench.report import Claim, Options, Section, Table, megabytes, milliseconds
from bench.timing import Sample, Timing, at_most, interleave, timed

NOTES = """The shape of Qwen2.5-0.5B: a tied matrix of {rows:,} x {width} BF16 and a tokenizer of {entries:,}
entries, with the model's layers {size:.2f} GB; and the **matrix alone**, a model without layers.

- **numpy, typer**: `python -c "import numpy, typer"`: what a command of this kind cannot go below.
- **rows**: `rowscope rows --group reserved --no-evidence`.
- **audit**: `rowscope audit`: statistics, evidence for every row, findings.
- **statistics**: a script that does of an audit what comes before the evidence: headers, tokenizer, scan and
  group statistics.
- **transformers**: a script that loads `AutoModelForCausalLM` and `AutoTokenizer` and computes the same group
  statistics with torch in float64, over blocks of rows to save time and memory; **at once** without blocks,
  as one writes it at first. They judge nothing. Their results are compared with the audit's.
- **warm**: files in the page cache, compiled kernels on the disk. **cold**: the checkpoint's files dropped
  from the page cache, no compiled kernels. Python and its libraries stay in the page cache in both.

Memory is the peak resident memory of the process, which counts the mapped pages that it holds."""

ALONE = ", matrix alone"


def processes(options: Options) -> Section:
    """Measure the commands in turns, warm, then cold."""
    shape = qwen_shape(options.quick)
    small, large = checkpoint_of(options.work, shape), checkpoint_of(options.work, shape, large=True)
    rows = ("rows", str(large), "--group", "reserved", "--no-evidence", "--limit", "0")
    commands: dict[str, tuple[Command, Path]] = {
        "numpy, typer": ((sys.executable, "-P", "-c", "import numpy, typer"), small),
        "rows": (rowscope_command(*rows), large),
        "statistics": (script("statistics_alone.py", str(large)), large),
    }
    for name, folder in (("", large), (ALONE, small)):
        commands[f"audit{name}"] = (rowscope_command("audit", str(folder), "--fail-on", "never"), folder)
        commands[f"transformers{name}"] = (script("transformers_way.py", str(folder)), folder)
        commands[f"transformers, at once{name}"] = (script("transformers_way.py", str(folder), "0"), folder)
    kernels = options.work / "kernels"
    for name in ("transformers", "transformers, at once"):
        _compare(commands[name][0], large, kernels)
    for _ in range(2):  # what is wanted for the second time is compiled
        run(commands["audit"][0], kernels)
    hot = interleave(
        {name: warm(command, kernels) for name, (command, _) in commands.items()}, options.repeat
    )
    chill = interleave({name: cold(*entry) for name, entry in commands.items()}, options.repeat, warm_up=0)
    inside = _within_a_process(small, options.repeat)
    notes = NOTES.format(rows=shape.rows, width=shape.width, entries=shape.entries, size=shape.large / 1e9)
    return Section(
        "Whole processes", notes, (_table(hot, chill), _inside(inside)), _claims(hot, chill, inside)
    )


def _compare(command: Command, folder: Path, kernels: Path) -> None:
    """Fail where transformers' way finds other statistics than the audit."""
    theirs = json.loads(run(command, kernels)[1])
    (matrix,) = rowscope.audit(folder).to_dict()["matrices"]
    for group, values in theirs.items():
        ours = matrix["groups"][group]
        for name, value in values.items():
            first, _, rest = name.partition(" ")
            known = ours[first][rest] if rest else ours[first]
            if not math.isclose(known, value, rel_tol=1e-6, abs_tol=1e-9):
                raise AssertionError(f"{group} {name}: {value} by transformers, {known} by rowscope")


def _within_a_process(folder: Path, repeat: int) -> Mapping[str, Timing]:
    """Statistics and audit without the start of Python and the imports."""
    from bench.children.statistics_alone import measure

    work: dict[str, Callable[[], Sample]] = {
        "statistics": timed(partial(measure, str(folder))),
        "audit": timed(partial(rowscope.audit, folder)),
    }
    return interleave(work, repeat)


def _table(hot: Mapping[str, Timing], chill: Mapping[str, Timing]) -> Table:
    rows = [
        (
            name,
            milliseconds(hot[name].median),
            f"{hot[name].spread:.0%}",
            megabytes(hot[name].memory),
            milliseconds(chill[name].median),
            f"{chill[name].spread:.0%}",
            megabytes(chill[name].memory),
        )
        for name in hot
    ]
    header = ("process", "warm ms", "spread", "warm MB", "cold ms", "spread", "cold MB")
    return Table("Medians:", header, rows)


def _inside(inside: Mapping[str, Timing]) -> Table:
    rows = [(name, milliseconds(timing.median), f"{timing.spread:.0%}") for name, timing in inside.items()]
    return Table("Within one process that has imported everything:", ("", "ms", "spread"), rows)


def _claims(
    hot: Mapping[str, Timing], chill: Mapping[str, Timing], inside: Mapping[str, Timing]
) -> list[Claim]:
    claims = [
        Claim(
            "`rows` on the reserved rows, in times of `import numpy, typer`, warm",
            at_most(hot["rows"], hot["numpy, typer"]),
            2.5,
        ),
        Claim("`audit`, whole process, warm", hot["audit"].median, 1.5, unit=" s"),
        Claim("`audit`, peak memory", hot["audit"].memory / 1e6, 250, unit=" MB"),
    ]
    for name in ("transformers, at once", "transformers"):
        for what, (state, found) in product(("", ALONE), (("warm", hot), ("cold", chill))):
            ours, theirs = found[f"audit{what}"], found[f"{name}{what}"]
            words = f"`audit` against {name}{what}, {state}"
            claims += [
                Claim(f"{words}: share of its time", at_most(ours, theirs), 0.125),
                Claim(f"{words}: share of its peak memory", ours.memory / theirs.memory, 0.1),
            ]
    return [
        *claims,
        Claim(
            "`audit` with evidence, in times of the statistics alone, whole process, warm",
            at_most(hot["audit"], hot["statistics"]),
            2.5,
        ),
        Claim("the same within one process", at_most(inside["audit"], inside["statistics"]), 2.5),
    ]
