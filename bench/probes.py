"""Section probes: how much memory each probe of model mode takes, in times of the model."""

from __future__ import annotations

import json

from bench.child import run, script
from bench.qwen import checkpoint_of, qwen_shape
from bench.report import Claim, Options, Section, Table, megabytes, number

WITHOUT_GRADIENTS = ("forward", "leak", "verify", "distil")
WITH_GRADIENTS = ("gradient", "leak --rl-steps", "train --variant token-only", "train")
DTYPES = ("float32", "bfloat16")

NOTES = """The shape of Qwen2.5-0.5B, random weights in bfloat16. Peak resident memory of a process that runs
the probe, file pages that it maps included, less what the same process takes after the same probe on `demo`
(the interpreter, torch, transformers and the compiled kernels). In times of the model: its parameters in the
dtype in which they are loaded. The tokenizer, the verdicts on all rows and the text of all tokens count: some
0.2 GB here, whatever the model's depth. Distilling takes the gradient of one row alone."""


def probes(options: Options) -> Section:
    """Measure each probe in a process of its own."""
    path = checkpoint_of(options.work, qwen_shape(options.quick), large=True)
    rows, claims = [], []
    for dtype in DTYPES:
        for probe in (*WITHOUT_GRADIENTS, *WITH_GRADIENTS):
            command = script("probe_memory.py", str(path), probe, dtype)
            found = json.loads(run(command, options.work / "kernels")[1].splitlines()[-1])
            above = found["peak"] - found["libraries"]
            times = above / found["model"]
            rows.append(
                (
                    probe,
                    dtype,
                    megabytes(found["model"]),
                    megabytes(found["libraries"]),
                    megabytes(above),
                    number(times),
                )
            )
            if probe in WITHOUT_GRADIENTS:
                claims.append(Claim(f"`probe {probe}` in {dtype}, memory in times of the model", times, 1.3))
    header = ("probe", "dtype", "model MB", "libraries MB", "above MB", "times")
    return Section("Memory of the probes", NOTES, (Table("", header, rows),), claims)
