"""Section giant: a checkpoint of 800 GB in 191 files, of which nearly all is holes."""

from __future__ import annotations

from bench.checkpoints import write_sparse_giant
from bench.child import rowscope_command, warm
from bench.report import Claim, Options, Section, Table, megabytes, milliseconds
from bench.timing import interleave

NOTES = """{shards} sparse files of {size:.0f} GB together: the headers are real, the tensors are holes, which
the system reads as zeros without a disk. What shows is the cost of so many files and tensors, and that
nothing depends on their size. Whole processes, the headers in the page cache."""


def giant(options: Options) -> Section:
    """Measure `inspect` and `rows` of 256 rows, with and without evidence."""
    folder = options.work / "giant"
    if not (folder / "config.json").exists():
        write_sparse_giant(folder)
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
    path = str(folder)
    commands = {
        "inspect": rowscope_command("inspect", path),
        "rows --ids 0:256": rowscope_command("rows", path, "--ids", "0:256"),
        "rows --ids 0:256 --no-evidence": rowscope_command("rows", path, "--ids", "0:256", "--no-evidence"),
    }
    kernels = options.work / "kernels"
    timings = interleave({name: warm(words, kernels) for name, words in commands.items()}, options.repeat)
    rows = [
        (f"`{name}`", milliseconds(timing.median), f"{timing.spread:.0%}", megabytes(timing.memory))
        for name, timing in timings.items()
    ]
    claims = []
    for name in ("inspect", "rows --ids 0:256"):
        claims += [
            Claim(f"800 GB in 191 files, `{name}`", timings[name].median, 3, unit=" s"),
            Claim(
                f"800 GB in 191 files, peak memory of `{name}`", timings[name].memory / 1e6, 200, unit=" MB"
            ),
        ]
    table = Table("Medians:", ("command", "ms", "spread", "peak MB"), rows)
    notes = NOTES.format(shards=len(sizes), size=sum(sizes) / 1e9)
    return Section("Giant", notes, (table,), claims)
