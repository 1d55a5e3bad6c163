"""TOK306: markers that are no token, beside what transformers' tokenizer makes of the rendered chat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector.checks import Finding

from .chat import CHATML, END, write_chat


def found(folder: Path) -> Finding | None:
    return next((item for item in rowscope.audit(folder).findings if item.code == "TOK306"), None)


GRANITE = (
    "{% for m in messages %}{{ '<|start_of_role|>' + m.role + '<|end_of_role|>' + m.content }}<|im_end|>\n"
    "{% endfor %}"
)
TAGGED = "{% for m in messages %}<turn_of>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
PAIRED = "{% for m in messages %}<turn>{{ m.role }}: {{ m.content }}</turn><|im_end|>{% endfor %}"
TESTED = (
    "{% for m in messages %}{% if '<|gone|>' not in m.content %}{{ m.content.split('<|cut|>')[0] }}"
    "{{ m.content | replace('<|old|>', '') }}{% endif %}{{ {'<|key|>': 1}['<|key|>'] }}<|im_end|>{% endfor %}"
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CHATML, {}),
        (GRANITE, {"<|start_of_role|>": "barred", "<|end_of_role|>": "barred"}),
        (
            GRANITE.replace("|", "｜"),
            {f"<｜{name}｜>": "barred" for name in ("start_of_role", "end_of_role", "im_end")},
        ),
        (TAGGED, {"<turn_of>": "frame"}),
        (PAIRED, {}),
        (TESTED, {}),
        (CHATML + "{% if tools %}<tools>{{ tools }}</tools>[TOOLS]{% endif %}{# <|c|> #}", {}),
        (
            CHATML + "{% if tools %}<|tools|>{% endif %}{{ raise_exception('<|no|>') if false }}",
            {"<|tools|>": "barred"},
        ),
        ("{{ '<|one|>' if tools else '<|two|>' }}{% broken", {}),
    ],
)  # fmt: skip
def test_markers(tmp_path: Path, template: str, expected: dict[str, str]) -> None:
    from transformers import AutoTokenizer

    folder = write_chat(tmp_path, template=template, config={"eos_token_id": END})
    finding = found(folder)
    markers = finding.evidence["markers"] if finding else []
    assert {item["text"]: item["why"] for item in markers} == expected
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for item in markers:
        ids = tokenizer.encode(item["text"], add_special_tokens=False)
        assert [piece["id"] for piece in item["pieces"]] == ids
        assert len(ids) > 1


def test_a_marker_that_becomes_the_unknown_token(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = write_chat(tmp_path, template=GRANITE, config={"eos_token_id": END})
    document = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(document | {"pre_tokenizer": None}))
    finding = found(folder)
    assert finding is not None
    assert AutoTokenizer.from_pretrained(folder).encode("<|start_of_role|>", add_special_tokens=False) == [0]
    assert [[piece["id"] for piece in item["pieces"]] for item in finding.evidence["markers"]] == [[0], [0]]
    assert "(1 piece: '<unk>')" in finding.message


def test_half_of_a_pair(tmp_path: Path) -> None:
    """`<|im_end|>` has no brackets of its own; a token `<end_of_turn>` does."""
    folder = write_chat(
        tmp_path, template="{{ messages[0].content }}<start_of_turn>[/INST]", config={"eos_token_id": 4}
    )
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("<|call|>", "<end_of_turn>"))
    finding = found(folder)
    assert finding is not None
    assert [(item["text"], item["other"]) for item in finding.evidence["markers"]] == [
        ("<start_of_turn>", "<end_of_turn>")
    ]
    assert (finding.severity, finding.confidence) == ("warning", "medium")


def test_a_marker_that_ends_the_answers(tmp_path: Path) -> None:
    template = "{% for m in messages %}<|im_start|>{{ m.role + m.content }}<|eot|>{% endfor %}"
    finding = found(write_chat(tmp_path, template=template, config={"eos_token_id": 4}))
    assert finding is not None
    assert finding.evidence["ends_turn"] == ["<|eot|>"]
    assert "no stop token can stand for it" in finding.message


def test_without_the_package_tokenizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    folder = write_chat(tmp_path, template=GRANITE, config={"eos_token_id": 4})
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    finding = found(folder)
    assert finding is not None
    assert [item["pieces"] for item in finding.evidence["markers"]] == [None, None]
