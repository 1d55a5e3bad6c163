"""Rows that cannot be decoded: every public way to their numbers refuses; `claim --values keep` works."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import UndecodableError
from rowscope.inspector.model import find_subject
from rowscope.inspector.rows import open_rows
from rowscope.inspector.study import material

STEM = "model.embed_tokens"
ROWS, TOKENS = 128, 96
INSPECTOR = Path(rowscope.__file__).resolve().parent / "inspector"


@pytest.fixture(scope="module")
def packed(tmp_path_factory, write_checkpoint):
    """A tied checkpoint whose only table is of integers in a packing that nobody knows."""
    random = np.random.default_rng(0)
    tensors = {
        f"{STEM}.weight": random.integers(0, 2**31, (ROWS, 8), dtype=np.uint32),
        f"{STEM}.absmax_of_nothing": random.random((ROWS, 2), dtype=np.float32),
    }
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 64,
        "vocab_size": ROWS,
        "tie_word_embeddings": True,
    }
    tokens = {f"word{i}": i for i in range(TOKENS)}
    return write_checkpoint(tmp_path_factory.mktemp("packed"), tensors, config, tokens)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, write_checkpoint):
    values = np.random.default_rng(1).normal(size=(ROWS, 64)).astype("f4")
    return write_checkpoint(tmp_path_factory.mktemp("plain"), {f"{STEM}.weight": values}, {})


COMMANDS = (
    "rows {packed} --ids 0:2",
    "rows {packed} --ids 0:2 --no-evidence",
    "rows {packed}",
    "suspects {packed}",
    "diff {plain} {packed}",
    "diff {packed} {plain}",
    "mask {packed} --include untrained",
    "mask {packed} --include reserved,untrained",
    "claim {packed} <new> --dry-run",
    "claim {packed} <new> --values like:word3 --dry-run",
    "study {packed} --no-model",
    "study {packed}",
)


def _run(words, *more):
    return subprocess.run(
        [sys.executable, "-m", "rowscope", *words, *more], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_refuses_and_names_the_tensor(line, packed, plain):
    words = [word.format(packed=packed, plain=plain) for word in line.split()]
    result = _run(words, "--format", "json")
    assert result.returncode in (3, 5), result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert f"{STEM}.weight" in answer["error"]["message"]
    assert set(answer) == {"schema_version", "error", "exit_code"}


def test_an_audit_prints_no_numbers_of_rows(packed):
    result = _run(["audit", str(packed), "--format", "json"])
    report = json.loads(result.stdout)
    assert (result.returncode, report["complete"], report["matrices"]) == (3, False, [])
    (skip,) = [skip for skip in report["coverage"]["skipped"] if skip["what"] == f"{STEM}.weight"]
    assert "U32" in skip["why"]
    assert not [f for f in report["findings"] if f["code"].startswith(("ROW", "TOK"))]


def test_the_interface_refuses(packed, plain):
    checkpoint = rowscope.open_checkpoint(packed)
    with pytest.raises(UndecodableError, match="U32"):
        open_rows(checkpoint.matrices[0])
    calls = (
        lambda: rowscope.row_table(packed),
        lambda: rowscope.row_table(packed, ids=np.array([0]), evidence=True),
        lambda: rowscope.diff(packed, plain),
        lambda: rowscope.mask(packed, "untrained"),
        lambda: rowscope.plan_claim(packed, "<new>"),
        lambda: rowscope.study(packed, with_model=False),
        lambda: rowscope.study(packed, "zh", with_model=False),
    )
    for call in calls:
        with pytest.raises(rowscope.RowscopeError, match=rf"{STEM}\.weight"):
            call()
    assert rowscope.audit(packed).matrices == ()


def test_what_reads_no_row_still_works(packed):
    assert rowscope.reserved_ids(packed).tolist() == list(range(TOKENS, ROWS))
    assert rowscope.mask(packed).ids.tolist() == list(range(TOKENS, ROWS))
    plan = rowscope.plan_claim(packed, "<new>", values="keep")
    assert ([claim.id for claim in plan.claimed], plan.rows) == ([TOKENS], ())


def test_the_file_part_of_a_probe_judges_nothing(packed):
    subject = find_subject(rowscope.open_checkpoint(packed))
    assert subject.kind == "reserved"
    assert (subject.untrained.size, subject.special.size) == (0, 0)
    assert any("not judged" in note and "U32" in note for note in subject.notes)


def test_a_study_tells_nothing_of_undecoded_rows(packed):
    """The model-free half: the report and the groups of rows that the sections are written from."""
    checkpoint = rowscope.open_checkpoint(packed)
    report, subject = rowscope.audit(checkpoint), find_subject(checkpoint)
    assert material._groups(checkpoint, report, subject) == {}


def test_rows_are_opened_in_one_way():
    """Nobody outside the room of rows makes a reader of a tensor: `open_rows` would not be asked."""
    outside = [path for path in INSPECTOR.rglob("*.py") if INSPECTOR / "rows" not in path.parents]
    made = [
        path.name
        for path in outside
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RowReader"
    ]
    assert len(outside) > 100
    assert made == []
