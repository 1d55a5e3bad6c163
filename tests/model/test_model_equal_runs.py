"""Two runs of a probe with one seed give the same JSON, in processes that order their sets differently."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROBES = {
    "forward": (),
    "gradient": (),
    "leak": ("--rollout-tokens", "4"),
    "train": ("--steps", "2"),
    "verify": ("--controls", "20"),
}
# One process for all of them: loading torch takes longer than the probes do.
ALL = """
import sys, rowscope.cli
for words in sys.argv[1].split(";"):
    sys.argv = ["rowscope", *words.split()]
    try:
        rowscope.cli.main()
    except SystemExit as end:
        assert not end.code, words
"""


@pytest.fixture(scope="module")
def runs(zoo, tmp_path_factory):
    """Two folders with the JSON of every probe, written by processes with hash seeds of their own."""
    folders = [tmp_path_factory.mktemp(f"run-{number}") for number in (1, 2)]
    started = []
    for number, folder in enumerate(folders):
        lines = [
            f"probe {name} {zoo['qwen2']} {' '.join(own)} --seed 3 --format json --output {folder / name}"
            for name, own in PROBES.items()
        ]
        environment = os.environ | {"PYTHONHASHSEED": str(number), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", ALL, ";".join(lines)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in started:
        words = process.communicate()[1]
        assert process.returncode == 0, words
    return folders


@pytest.mark.parametrize("probe", PROBES)
def test_two_runs_give_equal_bytes(runs, probe):
    one, other = ((folder / probe).read_bytes() for folder in runs)
    assert one == other
    assert json.loads(one)["probe"] == probe


def test_every_probe_is_tried():
    from rowscope.commands.probing import probe

    assert {command.name or command.callback.__name__ for command in probe.registered_commands} == set(PROBES)


def test_seconds_are_there_on_request(load_zoo):
    from rowscope.inspector import model
    from rowscope.inspector.render.probe import probe_lines

    result, again = (model.train(load_zoo("gpt2"), steps=2, variants=("full",)) for _ in range(2))
    assert result == again
    assert result.to_dict(timings=True)["results"]["variants"][0]["seconds_per_step"] > 0
    shown, hidden = (
        "\n".join(line.text for line in probe_lines(one, width=100)) for one in (result, again.untimed())
    )
    assert shown != hidden
    assert hidden == "\n".join(line.text for line in probe_lines(result.untimed(), width=100))
