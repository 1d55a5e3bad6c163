"""`suspects --verified`: what the verify probe wrote, joined by id; documents of other things are refused."""

from __future__ import annotations

import copy
import json

import pytest

from rowscope.inspector.errors import UsageError
from rowscope.inspector.listing import find_suspects
from rowscope.inspector.render.suspects import render_suspects

DOCUMENT = {
    "probe": "verify",
    "settings": {"input_rows": 4096},
    "results": {"tokens": [{"id": 4003, "token": "<|fim_prefix|>", "state": "verified", "largest": 1e-5}]},
}


def write(folder, change=lambda document: None):
    document = copy.deepcopy(DOCUMENT)
    change(document)
    (folder / "verified.json").write_text(json.dumps(document), "utf-8")
    return folder / "verified.json"


def test_states_stand_beside_their_rows(tmp_path):
    found = find_suspects("demo", verified=write(tmp_path))
    states = {row.id: (row.verified, row.largest_probability) for row in found.rows}
    assert states.pop(4003) == ("verified", 1e-5)
    assert set(states.values()) == {(None, None)}
    assert ",verified,1e-05" in render_suspects(found, "csv")


def other_rows(document):
    document["settings"]["input_rows"] = 4160


def other_token(document):
    document["results"]["tokens"][0]["token"] = "<|fim_middle|>"


def other_probe(document):
    document["probe"] = "leak"


def no_tokens(document):
    del document["results"]["tokens"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_rows, "4160 input rows, this one has 4096"),
        (other_token, "id 4003 is the token '<|fim_middle|>', here it is '<|fim_prefix|>'"),
        (other_probe, "is no document of the verify probe"),
        (no_tokens, "is no document of the verify probe"),
    ],
)
def test_a_document_of_something_else_is_refused(tmp_path, change, words):
    with pytest.raises(UsageError, match=words.replace("|", r"\|")):
        find_suspects("demo", verified=write(tmp_path, change))


def test_a_file_that_is_not_there_or_no_json(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        find_suspects("demo", verified=tmp_path / "none.json")
    (tmp_path / "text.json").write_text("no", "utf-8")
    with pytest.raises(UsageError, match="no document of the verify probe"):
        find_suspects("demo", verified=tmp_path / "text.json")


def test_the_command_shows_them(run, tmp_path):
    code, out, _ = run("suspects", "demo", "--limit", "0", "--verified", write(tmp_path))
    line = next(line for line in out.splitlines() if "4003" in line)
    assert code == 0
    assert line.split()[-2] == "verified"
    assert out.splitlines()[0].split()[-2] == "model"
