"""The exit codes of the contract, for every way through the command line, and the JSON beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from safetensors.numpy import save_file

from rowscope.inspector.gate import FORMATS
from rowscope.inspector.header.read import read_header
from rowscope.inspector.storage.local import local_file

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
AUDIT = json.loads((SCHEMAS / "audit.schema.json").read_text())
ERROR = json.loads((SCHEMAS / "error.schema.json").read_text())
DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
ROWS = np.ones((8, 4), "f4")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def places(tmp_path_factory, checkpoint_folders) -> dict[str, Path]:
    """Folders and files by name: those of `checkpoint_folders`, and broken ones."""
    root = tmp_path_factory.mktemp("places")
    found = {**checkpoint_folders, "ROOT": root, "missing": root / "nowhere"}
    for name, build in BROKEN.items():
        folder = root / name
        folder.mkdir()
        build(folder)
        found[name] = folder
    found["file"] = found["truncated"] / "model.safetensors"
    found["known"] = root / "known.json"
    found["known"].write_text('{"schema_version": "1", "findings": []}')
    return found


def _save(folder: Path, name: str = "model.safetensors", **tensors: Any) -> None:
    save_file({key.replace("__", "."): value for key, value in tensors.items()}, folder / name)


def _embedding(folder: Path) -> None:
    _save(folder, model__embed_tokens__weight=ROWS)


def _truncated(folder: Path) -> None:
    _embedding(folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def _index(folder: Path, places: dict[str, str]) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def _demo_with(name: str, text: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        (folder / name).write_text(text)

    return build


def _packed(folder: Path) -> None:
    _save(
        folder,
        model__embed_tokens__weight=np.ones((8, 4), "u1"),
        model__embed_tokens__scales=np.ones((8, 1), "f4"),
    )


def _touched(folder: Path) -> None:
    """The demo with one bit of its embedding changed, in row 9."""
    shutil.copytree(DEMO, folder, dirs_exist_ok=True)
    path = folder / "model.safetensors"
    at = read_header(local_file(path))
    start = at.data_start + next(t.start for t in at.tensors if t.name == "model.embed_tokens.weight")
    data = bytearray(path.read_bytes())
    data[start + 9 * 128 * 2] ^= 1
    path.write_bytes(data)


def _full(folder: Path) -> None:
    """As many rows as tokens: no slot is free."""
    _embedding(folder)
    words = {f"w{id}": id for id in range(len(ROWS))}
    tokenizer = {"version": "1.0", "added_tokens": [], "truncation": None, "padding": None}
    tokenizer |= dict.fromkeys(("normalizer", "pre_tokenizer", "post_processor", "decoder"))
    tokenizer["model"] = {"type": "WordLevel", "vocab": words, "unk_token": "w0"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    config = {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True, "vocab_size": len(ROWS)}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama", "hidden_size": 4}))


def _encoder(folder: Path) -> None:
    """A model without an output over the vocabulary."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", *(f"w{at}" for at in range(30))]))


BROKEN: dict[str, Callable[[Path], None]] = {
    "empty": lambda folder: None,
    "truncated": _truncated,
    "pickles": lambda folder: (folder / "pytorch_model.bin").write_bytes(b"\x80\x02"),
    "gguf": lambda folder: (folder / "model.gguf").write_bytes(b"GGUF"),
    "shardless": lambda folder: _index(folder, {"a": "model-00001-of-00001.safetensors"}),
    "unsafe": lambda folder: _index(folder, {"a": "../x.safetensors"}),
    "misplaced": lambda folder: (_embedding(folder), _index(folder, {"lm_head.weight": "model.safetensors"})),
    "matrixless": lambda folder: _save(folder, model__norm__weight=np.ones(4, "f4")),
    "packed": _packed,
    "touched": _touched,
    "full": _full,
    "headless-encoder": _encoder,
    "demo-copy": lambda folder: shutil.copytree(DEMO, folder, dirs_exist_ok=True),
    "bad-config": _demo_with("config.json", "{"),
    "bad-tokenizer": _demo_with("tokenizer.json", "{"),
    "bad-settings": lambda folder: (folder / "rowscope.toml").write_text("fail-no = 'error'"),
    "calm-settings": lambda folder: (folder / "rowscope.toml").write_text("fail-on='never'\nformat='json'"),
}  # fmt: skip

DONE = (
    "--version", "--help", "inspect demo", "inspect demo --format json", "inspect demo --diagnose",
    "inspect untied --all", "inspect partial", "inspect packed",
    "audit demo", "audit untied --fail-on never", "audit untied --select VOC101,ROW205",
    "audit untied --ignore ROW201 --ignore VOC103,VOC104,VOC105 --ignore TOK301",
    "audit partial --allow-partial", "audit demo --baseline known",
    "audit bad-tokenizer --allow-partial --select TIE",
    "rows demo --ids 0:2", "rows demo --ids 0:2 --no-evidence", "rows partial --ids 3",
    "rows demo --token <|im_end|> --format json", "rows demo --group reserved --format csv",
    "suspects demo", "suspects demo --format json", "suspects untied --matrix output",
    "explain ROW201", "explain non-finite-rows --format json",
    "diff demo demo", "diff demo demo --format json --expect-unchanged 0:4096",
    "claim demo <NUM> --dry-run", "claim demo <NUM> --dry-run --format json",
    "mask demo", "mask demo --format json", "mask demo --format vllm --include unmapped",
    "study demo --no-model", "probe forward demo --limit 1",
)  # fmt: skip

FOUND = (
    "audit untied", "audit beyond", "audit headless", "audit demo --fail-on warning",
    "audit demo --fail-on note", "audit twice --fail-on warning",
    "audit demo --fail-on note --baseline known",
    "audit untied --ignore VOC --select ROW201",
    "diff demo touched --expect-unchanged 0:4096",
    "diff demo touched --expect-unchanged 9 --format json",
)  # fmt: skip

USAGE = (
    "", "frobnicate", "audit", "audit demo extra", "audit demo --frob", "audit demo --format xml",
    "inspect demo --format xml", "rows demo --format xml", "suspects demo --format xml",
    "explain ROW201 --format xml",
    "audit demo --fail-on fatal", "audit demo --select ROW9", "audit demo --ignore nothing",
    "audit demo --baseline missing", "audit demo --baseline empty", "audit demo --baseline file",
    "rows demo --ids x", "rows demo --ids 0:99999", "rows demo --group everyone", "rows demo --matrix middle",
    "rows demo --token no-such-token", "rows demo --limit many", "suspects demo --group everyone",
    "explain ROW201 ROW202", "explain ROW999",
    "diff demo", "diff demo demo --expect-unchanged x", "claim demo", "claim demo <NUM>",
    "claim demo <NUM> --dry-run --values nonsense", "mask demo --include everything",
    "mask demo --format xml", "study demo --lang fr", "probe", "probe dance demo",
    "probe leak demo --device abacus",
)  # fmt: skip

FAILED = (
    "missing", "empty", "file", "truncated", "pickles", "gguf", "shardless", "unsafe", "misplaced",
)  # fmt: skip

COMMANDS = (
    "inspect PATH", "audit PATH", "rows PATH", "suspects PATH", "diff demo PATH", "diff PATH demo",
    "claim PATH <NUM> --dry-run", "mask PATH", "study PATH --no-model", "probe leak PATH",
)  # fmt: skip

PARTIAL = ("partial", "bad-config", "bad-tokenizer", "packed")


def _words(line: str, places: dict[str, Path]) -> list[str]:
    return [str(places.get(word, word)) for word in line.split()]


def assert_one_message(err: str) -> None:
    assert "Traceback" not in err
    assert err.strip()


@pytest.mark.parametrize("line", DONE)
def test_0_done(run, places, line):
    code, out, err = run(*_words(line, places))
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize("line", FOUND)
def test_1_a_finding_at_or_above_fail_on(run, places, line):
    code, out, err = run(*_words(line, places))
    assert (code, err) == (1, "")
    assert out


@pytest.mark.parametrize("line", USAGE)
def test_2_usage(run, places, line):
    code, _, err = run(*_words(line, places))
    assert code == 2
    assert_one_message(err)
    assert "[USAGE]" in err or "Error:" in err or "Usage:" in err


@pytest.mark.parametrize("line", [line for line in USAGE if line and "--format" not in line])
def test_2_usage_in_json(run, places, line):
    code, out, _ = run(*_words(line, places), "--format", "json")
    document = json.loads(out)
    assert Draft202012Validator(ERROR).is_valid(document)
    assert code == document["exit_code"] == 2


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (place, command)
        for place in FAILED
        for command in COMMANDS
        if (place, command) != ("misplaced", "inspect PATH")  # it lists what is there, with a finding
    ],
)
def test_3_not_to_be_audited(run, places, command, place):
    words = [str(places[place]) if word == "PATH" else word for word in command.split()]
    code, out, err = run(*words)
    assert (code, out) == (3, "")
    assert_one_message(err)
    code, out, _ = run(*words, "--format", "json")
    document = json.loads(out)
    assert Draft202012Validator(ERROR).is_valid(document)
    assert code == document["exit_code"] == 3
    expected = {
        "truncated": "FIL001", "file": "FIL001", "misplaced": "FIL002", "shardless": "FIL003",
        "unsafe": "FIL004",
    }.get(place, "CHECKPOINT")  # fmt: skip
    assert document["error"]["code"] == expected


@pytest.mark.parametrize("command", ["audit", "rows", "suspects"])
def test_3_without_a_matrix(run, places, command):
    code, _, err = run(command, places["matrixless"])
    assert code == 3
    assert "[NO_MATRIX]" in err


@pytest.mark.parametrize("place", ["truncated", "shardless", "unsafe", "misplaced"])
def test_3_diagnosed(run, places, place):
    code, out, err = run("inspect", places[place], "--diagnose")
    assert code == 3
    assert out or err


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("place", PARTIAL)
def test_3_a_partial_audit_prints_its_whole_report(run, places, place, format):
    code, out, err = run("audit", places[place], "--format", format, "--fail-on", "never")
    assert (code, err) == (3, "")
    assert len(out.splitlines()) >= 2
    if format == "json":
        document = json.loads(out)
        assert Draft202012Validator(AUDIT).is_valid(document)
        assert (document["exit_code"], document["complete"]) == (3, False)
        assert document["coverage"]["skipped"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("line", "expected"), [("audit demo", 0), ("audit untied", 1), ("audit demo --fail-on note", 1)]
)
def test_every_format_has_the_same_exit_code(run, places, line, expected, format):
    code, out, _ = run(*_words(line, places), "--format", format)
    assert code == expected
    if format == "json":
        document = json.loads(out)
        assert Draft202012Validator(AUDIT).is_valid(document)
        assert document["exit_code"] == expected


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("rows demo --format parquet", "pyarrow"),
        ("audit demo --reachability", "tokenizers"),
        ("suspects demo --reachability", "tokenizers"),
        ("probe forward demo", "torch"),
        ("probe leak demo", "transformers"),
    ],
)
def test_4_an_extra_is_missing(run, places, monkeypatch, line, module):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    code, out, err = run(*_words(line, places))
    assert (code, out) == (4, "")
    assert "pip install 'rowscope[" in err
    assert module in err


@pytest.mark.parametrize("command", ["inspect", "audit", "rows --ids 0", "suspects", "explain"])
def test_5_output_that_cannot_be_written(run, places, command):
    name, *options = command.split()
    target = places["ROOT"] / "no" / "folder" / "out"
    subject = "ROW201" if name == "explain" else "demo"
    code, out, err = run(name, subject, *options, "--output", target)
    assert (code, out) == (5, "")
    assert "[REFUSED]" in err
    assert not target.parent.exists()


@pytest.mark.parametrize(
    "line",
    [
        "claim full <NUM> --dry-run",
        "claim demo <NUM> --out demo-copy",
        "claim demo <NUM> --in-place",
        "undo demo-copy",
        "probe gradient headless-encoder",
    ],
)
def test_5_refused(run, places, line):
    before = _state(places["ROOT"])
    code, out, err = run(*_words(line, places))
    assert (code, out) == (5, "")
    assert_one_message(err)
    assert _state(places["ROOT"]) == before


def _state(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in sorted(root.rglob("*")) if path.is_file()}


def test_5_a_baseline_that_cannot_be_written(run, places):
    code, _, err = run("audit", "demo", "--write-baseline", places["ROOT"] / "no" / "folder" / "b.json")
    assert code == 5
    assert "[REFUSED]" in err


@pytest.mark.parametrize("line", ["inspect demo", "audit demo", "rows demo --ids 0", "suspects demo"])
def test_130_interrupted(run, places, monkeypatch, line):
    def interrupted(path, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("rowscope.inspector.checkpoint.open_checkpoint", interrupted)
    code, out, err = run(*_words(line, places))
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_130_by_a_real_signal():
    """The signal arrives while the command opens the checkpoint."""
    source = (
        "import os, signal, rowscope.cli, rowscope.inspector.checkpoint as checkpoint\n"
        "checkpoint.open_checkpoint = lambda path, **options: os.kill(os.getpid(), signal.SIGINT)\n"
        "rowscope.cli.main()"
    )
    words = [sys.executable, "-c", source, "audit", "demo"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_settings_decide_where_the_command_line_is_silent(run, places, monkeypatch):
    monkeypatch.chdir(places["bad-settings"])
    code, _, err = run("audit", "demo")
    assert code == 2
    assert "fail-on" in err
    monkeypatch.chdir(places["calm-settings"])
    code, out, _ = run("audit", places["untied"])
    assert code == 0
    assert json.loads(out)["exit_code"] == 0
    assert run("audit", places["untied"], "--fail-on", "error")[0] == 1


def test_a_written_baseline_silences_its_own_findings(run, places, tmp_path):
    known = tmp_path / "known.json"
    code, _, _ = run("audit", places["untied"], "--write-baseline", known)
    assert code == 1
    words = ("--baseline", known, "--fail-on", "note", "--format", "json")
    code, out, _ = run("audit", places["untied"], *words)
    assert code == 0
    assert json.loads(out)["findings"] == []
    code, _, _ = run("audit", "demo", "--baseline", known, "--fail-on", "note")
    assert code == 1


def test_the_command_itself_exits_as_the_function_does(places):
    """Once through the real entry point: everything above calls it in this process."""
    words = [sys.executable, "-m", "rowscope", "audit", str(places["untied"]), "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["exit_code"], done.stderr) == (1, 1, "")
