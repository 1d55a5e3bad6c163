"""TOK304 and what it takes from its neighbours; the recipe beside the verdict in `rows` and `suspects`."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rowscope
from rowscope.inspector.checkpoint import CLAIM_RECORD
from rowscope.inspector.checks import Finding

TEMPLATE = "chat_template.jinja"


def by_code(path: Path) -> dict[str, Finding]:
    return {finding.code: finding for finding in rowscope.audit(path).findings}


@pytest.fixture
def claimed(tmp_path: Path) -> Path:
    """The demo with two claimed tokens, ids 4016 and 4017."""
    rowscope.claim_into("demo", ["<|call|>", "<|answer|>"], tmp_path / "claimed", values="normal")
    return tmp_path / "claimed"


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rowscope", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_claimed_tokens_are_named_once(claimed: Path) -> None:
    before, found = by_code(Path("demo")), by_code(claimed)
    fresh = found["TOK304"]
    assert (fresh.severity, fresh.evidence["ids"]) == ("warning", [4016, 4017])
    recipe = "claimed, still its initial value (normal)"
    assert fresh.evidence["recipes"] == {recipe: 2}
    assert [token["recipe"] for token in fresh.evidence["tokens"]] == [
        {"input": recipe, "output": recipe}
    ] * 2
    assert recipe in fresh.message
    for code in ("TOK301", "TOK302", "ROW203"):
        assert sorted(found[code].evidence["ids"]) == sorted(before[code].evidence["ids"]), code
    assert "ROW205" not in found


@pytest.mark.parametrize(
    ("edit", "severity"),
    [
        (None, "warning"),
        ({"eos_token_id": [1, 4016]}, "error"),
        ({"pad_token_id": 4016}, "warning"),
        ("template", "error"),
    ],
    ids=str,
)
def test_severity_follows_the_roles(claimed: Path, edit: Any, severity: str) -> None:
    if edit == "template":
        text = (claimed / TEMPLATE).read_text()
        (claimed / TEMPLATE).write_text(text + "{{ '<|call|>' }}")
    elif edit is not None:
        config = json.loads((claimed / "config.json").read_text())
        (claimed / "config.json").write_text(json.dumps({**config, **edit}))
    finding = by_code(claimed)["TOK304"]
    assert finding.severity == severity
    alone = {token["id"]: token["severity"] for token in finding.evidence["tokens"]}
    assert alone[4017] == "warning"
    if isinstance(edit, dict) and "pad_token_id" in edit:
        assert alone[4016] == "note"
    assert rowscope.audit(claimed).exit_code() == (1 if severity == "error" else 0)


def test_a_row_that_moved_is_fresh_no_longer(claimed: Path) -> None:
    matrix = rowscope.open_checkpoint(claimed).matrices[0]
    at, size = matrix.ref.offset + 4016 * 256, 256
    with (claimed / "model.safetensors").open("r+b") as file:
        file.seek(at)
        row = np.frombuffer(file.read(size), "<u2")
        file.seek(at)
        file.write((row ^ 8).tobytes())  # a thirtieth of each bfloat16 value at most
    assert by_code(claimed)["TOK304"].evidence["ids"] == [4017]


def test_a_record_of_other_tokens_is_no_evidence(claimed: Path) -> None:
    text = (claimed / CLAIM_RECORD).read_text()
    (claimed / CLAIM_RECORD).write_text(text.replace("<|call|>", "<|other|>"))
    recipes = by_code(claimed)["TOK304"].evidence["tokens"]
    assert [token["id"] for token in recipes if "claimed" in str(token["recipe"])] == [4017]


def test_rows_and_suspects_say_how_the_row_was_made(claimed: Path) -> None:
    table = rowscope.row_table(claimed, evidence=True)
    assert table.recipe is not None
    assert table.verdict is not None
    assert np.array_equal(np.array([r is not None for r in table.recipe]), table.verdict == "fresh")
    recipe = "claimed, still its initial value (normal)"
    text = run("rows", str(claimed), "--ids", "5,4016:4018", "--full", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["recipe"] for line in lines] == ["", recipe, recipe]
    found = {s.id: s.recipe for s in rowscope.find_suspects(claimed).rows}
    assert found[4016] == found[4017] == recipe
    assert set(found.values()) == {recipe, None}
    assert f"fresh, {recipe}: 4016, 4017" in run("rows", str(claimed), "--ids", "5,4016:4018", "--full")
    assert f"fresh, {recipe}: 4016, 4017" in run("suspects", str(claimed), "--limit", "0").replace(
        "\n  ", " "
    )


def test_a_hostile_record_reaches_no_terminal(claimed: Path) -> None:
    """A recipe that begins like one that a claim writes."""
    document = json.loads((claimed / CLAIM_RECORD).read_text())
    for row in document["rows"]:
        row["recipe"] = "like:\x1b[31m\u202e\nexit 0"
    (claimed / CLAIM_RECORD).write_text(json.dumps(document))
    for words in (
        ["audit", str(claimed)],
        ["audit", str(claimed), "--format", "markdown"],
        ["rows", str(claimed), "--ids", "4016:4018", "--full"],
        ["suspects", str(claimed), "--limit", "0"],
        ["diff", "demo", str(claimed)],
    ):
        text = run(*words)
        assert "like:" in text
        assert text.replace("\n", "").isprintable()


def test_a_record_vouches_for_no_row_that_is_not_finite(claimed: Path) -> None:
    """Its bytes match, but NaN is NaN."""
    matrix = rowscope.open_checkpoint(claimed).matrices[0]
    row = np.full(128, 0x7FC0, "<u2").tobytes()
    with (claimed / "model.safetensors").open("r+b") as file:
        file.seek(matrix.ref.offset + 4016 * 256)
        file.write(row)
    document = json.loads((claimed / CLAIM_RECORD).read_text())
    document["rows"][0]["sha256"] = hashlib.sha256(row).hexdigest()
    (claimed / CLAIM_RECORD).write_text(json.dumps(document))
    found = by_code(claimed)
    assert found["TOK304"].evidence["ids"] == [4017]
    assert found["ROW201"].evidence["ids"] == [4016]


def test_a_record_cannot_talk_down_the_vocabulary(claimed: Path) -> None:
    """An entry for an ordinary token, with the hash of its trained row."""
    matrix = rowscope.open_checkpoint(claimed).matrices[0]
    with (claimed / "model.safetensors").open("rb") as file:
        file.seek(matrix.ref.offset + 1324 * 256)
        digest = hashlib.sha256(file.read(256)).hexdigest()
    document = json.loads((claimed / CLAIM_RECORD).read_text())
    document["rows"].append({**document["rows"][0], "id": 1324, "token": "the", "sha256": digest})
    (claimed / CLAIM_RECORD).write_text(json.dumps(document))
    assert len(rowscope.open_checkpoint(claimed).claims.rows) == 3
    assert by_code(claimed)["TOK304"].evidence["ids"] == [4016, 4017]
