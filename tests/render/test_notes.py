"""What the readers of a folder chose or met reaches every format of the audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rowscope.cli import app
from rowscope.inspector.gate import FORMATS

DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"


@pytest.fixture(scope="module")
def noted(tmp_path_factory) -> Path:
    """The demo with a second vocabulary beside tokenizer.json, and a template file that goes first."""
    folder = tmp_path_factory.mktemp("noted")
    for file in DEMO.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": "{{ 1 }}"}))
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    return folder


NOTES = (
    "not read, since tokenizer.json goes first: vocab.txt",
    "the chat template in tokenizer_config.json differs from chat_template.jinja, which replaces it",
)


def flat(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


@pytest.mark.parametrize("format", FORMATS)
def test_notes_reach_every_format(noted: Path, format: str) -> None:
    done = CliRunner().invoke(app, ["audit", str(noted), "--format", format, "--fail-on", "never"])
    assert done.exit_code == 0
    for note in NOTES:
        assert note in flat(done.output)
    if format == "json":
        assert json.loads(done.output)["notes"] == list(NOTES)
    if format == "sarif":
        said = json.loads(done.output)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        assert [item["message"]["text"] for item in said if item["level"] == "note"][-2:] == list(NOTES)
