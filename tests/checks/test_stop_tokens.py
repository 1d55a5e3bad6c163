"""TOK305: each severity beside what transformers' `generate` does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rowscope
from rowscope.inspector.checks import Finding

from .chat import CALL, CALLING, END, EOT, START, answer, write_chat, written_end

IM_END = {"eos_token": "<|im_end|>"}
BARE = "{% for m in messages %}{{ m.role + ': ' + m.content + ' ' }}{% endfor %}"


def found(folder: Path) -> Finding | None:
    return next((item for item in rowscope.audit(folder).findings if item.code == "TOK305"), None)


def ids(*eos: int) -> dict[str, Any]:
    return {"eos_token_id": list(eos) if len(eos) > 1 else eos[0]}


# situation, what the files say, severity, whether generation stops at the end of a turn
TURNS = [
    ("tokenizer names it", {"config": ids(EOT), "generation": ids(EOT), "tokenizer": IM_END}, "error", False),
    ("config names it", {"config": ids(END), "generation": ids(EOT)}, "error", False),
    ("generation file silent", {"config": ids(END), "generation": {"bos_token_id": EOT}}, "error", False),
    ("no generation file", {"config": ids(EOT), "tokenizer": IM_END}, "error", False),
    ("nothing stated", {"tokenizer": IM_END}, "error", False),
    ("only the template", {"config": ids(EOT), "generation": ids(EOT)}, "warning", False),
    ("list holds it", {"config": ids(EOT), "generation": ids(EOT, END), "tokenizer": IM_END}, None, True),
    ("config alone", {"config": ids(END), "tokenizer": IM_END}, None, True),
    ("config is a part", {"config": ids(EOT), "generation": ids(END, EOT)}, None, True),
    ("tokenizer differs", {"config": ids(END), "generation": ids(END)}, "warning", True),
    ("config unread", {"config": ids(EOT), "generation": ids(END), "tokenizer": IM_END}, "warning", True),
]


@pytest.mark.parametrize(
    ("files", "severity", "stops"), [row[1:] for row in TURNS], ids=[r[0] for r in TURNS]
)
def test_turns(tmp_path: Path, files: dict[str, Any], severity: str | None, stops: bool) -> None:
    folder = write_chat(tmp_path, **files)
    assert written_end(folder) == END
    assert (answer(folder) == [END]) is stops
    finding = found(folder)
    assert (finding.severity if finding else None) == severity
    if finding is not None and not stops:
        assert finding.evidence["ids"] == [END]
        assert f"'<|im_end|>' ({END})" in finding.message


@pytest.mark.parametrize("row", [row for row in TURNS if row[3] is False], ids=lambda row: row[0])
def test_the_line_of_the_hint_mends_it(tmp_path: Path, row: Any) -> None:
    folder = write_chat(tmp_path, **row[1])
    finding = found(folder)
    assert finding is not None
    file = folder / finding.location.partition(":")[0]
    *_, line = re.findall(r'"eos_token_id": (?:\d+|\[[\d, ]+\])', finding.hint)
    file.write_text(json.dumps(json.loads(file.read_text()) | json.loads("{" + line + "}")))
    assert answer(folder) == [END]


CALLS = [
    ("call's end is no stop", {"generation": ids(END)}, "warning", False),
    ("call's end is one", {"generation": ids(END, CALL)}, None, True),
]


@pytest.mark.parametrize(
    ("files", "severity", "stops"), [row[1:] for row in CALLS], ids=[r[0] for r in CALLS]
)
def test_tool_calls(tmp_path: Path, files: dict[str, Any], severity: str | None, stops: bool) -> None:
    folder = write_chat(tmp_path, tokenizer=IM_END, template=CALLING, says=CALL, **files)
    assert (answer(folder) == [CALL]) is stops
    finding = found(folder)
    assert (finding.severity if finding else None) == severity
    assert finding is None or finding.evidence["ids"] == [CALL]


SILENT = [
    ("base model", None, {"config": ids(EOT)}, None, True),
    ("base model, nothing stated", None, {}, "warning", False),
    ("base model, silent generation file", None, {"config": ids(EOT), "generation": {}}, "warning", False),
    ("turns without an end", BARE, {"config": ids(EOT)}, None, True),
]


@pytest.mark.parametrize(
    ("template", "files", "severity", "stops"), [row[1:] for row in SILENT], ids=[r[0] for r in SILENT]
)
def test_no_turn_ends(
    tmp_path: Path, template: str | None, files: dict[str, Any], severity: str | None, stops: bool
) -> None:
    folder = write_chat(tmp_path, template=template, says=EOT, **files)
    assert (answer(folder) == [EOT]) is stops
    finding = found(folder)
    assert (finding.severity if finding else None) == severity


def test_a_next_turn_s_start_is_no_end(tmp_path: Path) -> None:
    """Templates of GLM write nothing behind an answer but the next speaker: what ended turns is not told."""
    template = "{% for m in messages %}<|im_start|>{{ m.role + m.content }}{% endfor %}"
    folder = write_chat(tmp_path, template=template, config=ids(EOT))
    assert found(folder) is None
    folder = write_chat(tmp_path, template=template, config=ids(START, EOT))
    assert found(folder) is None


def test_stop_strings_count(tmp_path: Path) -> None:
    folder = write_chat(tmp_path, generation=ids(EOT) | {"stop_strings": ["<|im_end|>"]})
    assert found(folder) is None


@pytest.mark.parametrize(
    "template", ["{% for %}", "{{ raise_exception('no') }}", "{{ messages | unknown }}", "no messages"]
)
def test_what_cannot_be_run_is_not_guessed(tmp_path: Path, template: str) -> None:
    assert found(write_chat(tmp_path, template=template, config=ids(EOT))) is None


def test_an_encoder_does_not_generate(tmp_path: Path) -> None:
    folder = write_chat(tmp_path, template=None, config={"architectures": ["LlamaForMaskedLM"]})
    assert found(folder) is None


def test_the_demo_stops() -> None:
    assert found(Path("demo")) is None


@pytest.mark.parametrize("damage", ["no config", "generation_config.json that is no JSON"])
def test_what_was_not_read_disagrees_with_nothing(tmp_path: Path, damage: str) -> None:
    folder = write_chat(tmp_path, tokenizer=IM_END, config=ids(EOT))
    assert found(folder) is not None
    if damage == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / "generation_config.json").write_text("{")
    report = rowscope.audit(folder)
    assert not report.complete
    assert "TOK305" not in {finding.code for finding in report.findings}
