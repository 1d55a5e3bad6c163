"""The record that a claim leaves: what it says, through chains and undo, and who does not mind it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open

from rowscope.inspector.checkpoint import CLAIM_RECORD, open_checkpoint
from rowscope.inspector.claim import apply_claim, apply_claim_in_place, plan_claim, undo_claim
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.evidence import recorded_rows
from rowscope.inspector.rows import RowReader

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]


def stored(folder: Path, tensor: str, id: int) -> bytes:
    """A row's bytes as the format's own library gives them."""
    with safe_open(folder / "model.safetensors", "np") as file:
        return bytes(file.get_slice(tensor)[id : id + 1].tobytes())


def recorded(folder: Path) -> list[tuple[int, str, str]]:
    return [(row.id, row.tensor, row.recipe) for row in open_checkpoint(folder).claims.rows]


@pytest.mark.parametrize("values", ["mean", "normal", "like:er", "text:the rows"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_hash_is_of_the_stored_bytes_in_every_matrix(
    tmp_path: Path, make: Make, values: str, tied: bool
) -> None:
    source, out = make(tmp_path / "source", dtype="F16", tied=tied), tmp_path / "out"
    plan = plan_claim(source, ["<A>", "<B>"], values=values)
    apply_claim(plan, out)
    rows = open_checkpoint(out).claims.rows
    tensors = ["model.embed_tokens.weight"] if tied else ["lm_head.weight", "model.embed_tokens.weight"]
    assert sorted((row.tensor, row.token) for row in rows) == [
        (t, c.token) for t in tensors for c in plan.claimed
    ]
    for row in rows:
        assert (row.recipe, row.dtype) == (values, "F16")
        assert row.sha256 == hashlib.sha256(stored(out, row.tensor, row.id)).hexdigest()


def test_rows_that_keep_their_values_are_not_recorded(tmp_path: Path, make: Make) -> None:
    plan = plan_claim(make(tmp_path / "source"), ["<A>"], values="keep")
    assert CLAIM_RECORD not in {edit.name for edit in plan.files}


def test_chained_claims_extend_it_and_undo_takes_them_back(
    tmp_path: Path, make: Make, contents: Contents
) -> None:
    source = make(tmp_path / "source")
    states = [contents(source)]
    ids = []
    for token, values in (("<A>", "mean"), ("<B>", "like:er")):
        plan = plan_claim(source, [token], values=values)
        ids.append((plan.claimed[0].id, "model.embed_tokens.weight", values))
        apply_claim_in_place(plan)
        states.append(contents(source))
        assert recorded(source) == ids
    apply_claim(plan_claim(source, ["<C>"]), tmp_path / "out")
    assert recorded(tmp_path / "out")[:2] == ids
    assert len(recorded(tmp_path / "out")) == 3
    assert undo_claim(source).restored[-1] == CLAIM_RECORD
    assert contents(source) == states[1]
    assert undo_claim(source).removed == (CLAIM_RECORD,)
    assert contents(source) == states[0]


def test_a_placeholder_claimed_anew_has_one_entry(tmp_path: Path, make: Make) -> None:
    source, out = make(tmp_path / "source"), tmp_path / "out"
    apply_claim(plan_claim(source, ["<|reserved_9|>"], replace="<|reserved_0|>"), out)
    apply_claim(plan_claim(out, ["<B>"], replace="<|reserved_9|>", values="normal"), tmp_path / "again")
    (row,) = open_checkpoint(tmp_path / "again").claims.rows
    assert (row.token, row.recipe) == ("<B>", "normal")


def test_only_rows_of_the_same_bytes_and_token_are_found(tmp_path: Path, make: Make) -> None:
    source, out = make(tmp_path / "source", dtype="F32"), tmp_path / "out"
    apply_claim(plan_claim(source, ["<A>", "<B>"], values="normal"), out)
    opened = open_checkpoint(out)
    first, second = (row.id for row in opened.claims.rows)
    with RowReader(opened.matrices[0].ref) as reader:
        assert set(recorded_rows(reader, opened.claims)) == {first, second}
        assert set(recorded_rows(reader, opened.claims, {first: "<A>", second: "other"})) == {first}
        offset = opened.matrices[0].ref.offset + second * reader.row_bytes
    with (out / "model.safetensors").open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    with RowReader(opened.matrices[0].ref) as reader:
        assert set(recorded_rows(reader, opened.claims)) == {first}


def test_a_damaged_record_is_written_anew_and_restored_by_undo(
    tmp_path: Path, make: Make, contents: Contents
) -> None:
    source = make(tmp_path / "source")
    (source / CLAIM_RECORD).write_text("{")
    before = contents(source)
    apply_claim_in_place(plan_claim(source, ["<A>"]))
    assert len(recorded(source)) == 1
    undo_claim(source)
    assert contents(source) == before


def test_something_else_of_that_name_is_refused(tmp_path: Path, make: Make) -> None:
    for kind in ("folder", "fifo"):
        source = make(tmp_path / kind)
        (source / CLAIM_RECORD).mkdir() if kind == "folder" else os.mkfifo(source / CLAIM_RECORD)
        with pytest.raises(RefusedError, match="no record of claims"):
            plan_claim(source, ["<A>"])


def test_loaders_do_not_mind_it(tmp_path: Path, make: Make) -> None:
    torch = pytest.importorskip("torch", reason="extra model")
    transformers = pytest.importorskip("transformers", reason="extra model")
    out = tmp_path / "out"
    apply_claim(plan_claim(make(tmp_path / "source"), ["<A>"]), out)
    text = (out / CLAIM_RECORD).read_bytes()

    def load() -> tuple[dict[str, int], list[float], list[str]]:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(out)
        with torch.no_grad():
            logits = model(torch.tensor([tokenizer("the <A> rows").input_ids])).logits.flatten().tolist()
        return tokenizer.get_vocab(), logits, [key for key, value in info.items() if value]

    with_it = load()
    (out / CLAIM_RECORD).unlink()
    assert load() == with_it
    # What is written for it can be read by anybody's JSON.
    assert json.loads(text)["rowscope_claim"] == 1
