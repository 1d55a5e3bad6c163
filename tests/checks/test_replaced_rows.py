"""Rows that a model never looks up, or replaces by what it sees: nothing is asked of them."""

import json

import numpy as np
import pytest

import rowscope

ROWS, WIDTH = 96, 32


def checkpoint(folder, write_checkpoint, config):
    """Rows from 80 on lie together, as untrained ones do; the template writes tokens 80 and 81."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(ROWS, WIDTH)) + random.normal(size=(ROWS, 4)) @ random.normal(size=(4, WIDTH))
    rows[80:] = 0.3 + 1e-3 * random.normal(size=(ROWS - 80, WIDTH))
    names = {f"w{id}": id for id in range(80)}
    write_checkpoint(folder, {"model.embed_tokens.weight": rows.astype("f4")}, config, names)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [
        {"id": id, "content": name, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for id, name in ((80, "<|image_pad|>"), (81, "<|turn|>"))
    ]  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "chat_template.jinja").write_text("{{ '<|turn|><|image_pad|>' }}")
    return {finding.code: finding for finding in rowscope.audit(folder).findings}


CONFIG = {"vocab_size": ROWS, "hidden_size": WIDTH, "tie_word_embeddings": True}


@pytest.mark.parametrize("key", ["image_token_id", "image_token_index", "video_token_id", "audio_token_id"])
def test_a_place_of_pictures_in_the_template_is_no_error(tmp_path, write_checkpoint, key):
    finding = checkpoint(tmp_path, write_checkpoint, CONFIG | {key: 80})["TOK301"]
    severity = {detail["id"]: detail["severity"] for detail in finding.evidence["tokens"]}
    assert severity == {80: "note", 81: "error"}


def test_without_such_a_role_it_is_one(tmp_path, write_checkpoint):
    finding = checkpoint(tmp_path, write_checkpoint, CONFIG)["TOK301"]
    assert {detail["severity"] for detail in finding.evidence["tokens"]} == {"error"}


def test_ids_of_other_tables_are_not_spoken_of(tmp_path, write_checkpoint):
    config = CONFIG | {"model_type": "gemma3n", "vision_config": {"vocab_offset": 80, "vocab_size": 16}}
    found = checkpoint(tmp_path, write_checkpoint, config)
    assert not {"TOK301", "TOK302", "ROW202", "ROW203"} & set(found)
