"""Every refusal of model mode through the command line: exit code 5, one line that says why, a next step."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from rowscope.inspector import model

from .conftest import PLACEHOLDERS, _tokenizer
from .refusals import CASES, other, spoil, tensors

CODES = re.compile(r'code="([A-Z_]+)"|", "(NO_[A-Z]+)"\)|^\s+"(NO_[A-Z]+)",$', re.M)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """run(words) -> exit code, standard error, JSON; in an empty folder."""
    import rowscope.cli

    monkeypatch.chdir(tmp_path)

    def go(*words):
        monkeypatch.setattr("sys.argv", ["rowscope", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            rowscope.cli.main()
        out, error = capsys.readouterr()
        own = [line for line in error.splitlines() if line.startswith("rowscope: ")]
        assert "Traceback" not in error
        return end.value.code, own, out

    return go


@pytest.fixture
def make(zoo, tmp_path):
    """make(family, config=…, edit=…) -> folder: a copy of one of the zoo that can be changed."""

    def copy(family="qwen2", edit=None, **changes):
        folder = tmp_path / f"{family}-copy"
        if family in zoo:
            shutil.copytree(zoo[family], folder)
        else:
            other(family).save_pretrained(folder)
            _tokenizer(folder, family, PLACEHOLDERS)
        config = json.loads((folder / "config.json").read_text("utf-8")) | changes
        (folder / "config.json").write_text(json.dumps(config))
        if edit is not None:
            edit(folder)
        return folder

    return copy


@pytest.mark.parametrize("name", CASES)
def test_a_refusal(run, make, name):
    code, words, changes, probe = CASES[name]
    probe, *more = (probe,) if isinstance(probe, str) else probe
    exit_code, lines, _ = run("probe", probe, make(**changes), *more)
    assert (exit_code, len(lines)) == (5, 1), lines
    assert words in lines[0]
    assert lines[0].endswith(f"[{code}]")
    # A reason and, behind it, what to do.
    assert re.search(
        r"[;:] .*(`|--|put|give|use|name|add|correct|restore|update|merge|read|run|remove)", lines[0]
    )


def test_another_run_s_numbers(run, zoo, tmp_path):
    words = ("--ids", "5", "--controls", "0", "--resume", tmp_path / "run.jsonl")
    assert run("probe", "verify", zoo["qwen2"], *words)[0] == 0
    code, lines, _ = run("probe", "verify", zoo["llama"], *words)
    assert (code, len(lines)) == (5, 1)
    assert lines[0].endswith("remove it [OTHER_RUN]")


def test_in_json_the_reason_stands_there_too(run, zoo):
    code, lines, out = run("probe", "leak", zoo["bert"], "--format", "json")
    found = json.loads(out)
    assert (code, len(lines)) == (5, 1)
    assert found["exit_code"] == 5
    assert found["error"]["code"] == "WRONG_KIND"


def test_missing_shards_are_a_fault_of_the_files(run, make):
    def split(folder):
        import transformers

        network = transformers.AutoModelForCausalLM.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        network.save_pretrained(folder, max_shard_size="20KB")
        sorted(folder.glob("model-*.safetensors"))[-1].unlink()

    code, lines, _ = run("probe", "forward", make(edit=split))
    assert (code, len(lines)) == (3, 1)
    assert lines[0].endswith("download them again [FIL003]")


def test_a_study_says_why_a_section_is_empty(run, make, tmp_path):
    folder = make(edit=tensors(spoil))
    assert run("study", folder, "--steps", "1", "--output", tmp_path / "study.md")[0] == 0
    text = (tmp_path / "study.md").read_text("utf-8")
    assert "Not measured: at 81 of 81 positions" in text
    assert run("study", make("bert", quantization_config={"bits": 4}), "--model")[0] == 5


# Only another machine or a fault of ours can bring these about; each has a test of its own.
ELSEWHERE = {"NO_MEMORY", "NO_DTYPE", "NOT_ADDITIVE", "NO_ROLLOUT", "NO_HIDDEN", "NO_SINGLE_INPUT"}


def test_every_refusal_is_tried():
    room = Path(model.__file__).parent
    found = {
        code
        for file in room.rglob("*.py")
        for match in CODES.findall(file.read_text("utf-8"))
        for code in match
    } - {""}
    assert found == {case[0] for case in CASES.values()} | {"OTHER_RUN"} | ELSEWHERE
