"""The rows of new tokens: planned values in every matrix and dtype, and not a byte besides them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from rowscope.inspector.claim import ClaimPlan, apply_claim, plan_claim
from rowscope.inspector.errors import RefusedError, UsageError

INPUT, OUTPUT = "model.embed_tokens.weight", "lm_head.weight"
Make = Callable[..., Path]
Tensors = dict[str, NDArray[np.float64]]


def load(folder: Path) -> dict[str, NDArray[Any]]:
    return {name: a for file in sorted(folder.glob("*.safetensors")) for name, a in load_file(file).items()}


def as_float(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}


def claim(source: Path, out: Path, tokens: list[str], **options: Any) -> tuple[ClaimPlan, Tensors, Tensors]:
    """The plan and all tensors before and after, of which only the planned rows differ."""
    plan = plan_claim(source, tokens, **options)
    apply_claim(plan, out)
    before, after = load(source), load(out)
    rows = {(patch.tensor, patch.id) for patch in plan.rows}
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        changed = {id for id in range(len(tensor)) if tensor[id].tobytes() != after[name][id].tobytes()}
        assert changed <= {id for tensor_name, id in rows if tensor_name == name}
    only_planned_bytes(source, out, plan)
    return plan, as_float(before), as_float(after)


def only_planned_bytes(source: Path, out: Path, plan: ClaimPlan) -> None:
    for file in sorted(source.glob("*.safetensors")):
        old, new = (np.frombuffer((folder / file.name).read_bytes(), np.uint8) for folder in (source, out))
        planned = np.zeros(old.size, dtype=bool)
        for patch in plan.rows:
            if patch.file == file.name:
                planned[patch.offset : patch.offset + len(patch.after)] = True
        assert old.size == new.size
        assert not (old != new)[~planned].any()


def used_ids(source: Path, plan: ClaimPlan) -> NDArray[np.int64]:
    """Ids of tokens that are no placeholders: all of them were made to look trained."""
    vocabulary = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab()
    return np.array(
        sorted(id for token, id in vocabulary.items() if "reserved" not in token and "unused" not in token)
    )


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32", "F64"])
@pytest.mark.parametrize(("tied", "shards"), [(True, 2), (False, 1)])
def test_mean_of_the_trained_rows(tmp_path: Path, make: Make, dtype: str, tied: bool, shards: int) -> None:
    source = make(tmp_path / "source", dtype=dtype, tied=tied, shards=shards)
    plan, before, after = claim(source, tmp_path / "out", ["<A>", "<B>"], values="mean")
    ids = used_ids(source, plan)
    assert {patch.tensor for patch in plan.rows} == ({INPUT} if tied else {INPUT, OUTPUT})
    for name in {patch.tensor for patch in plan.rows}:
        rows = before[name][ids]
        mean = rows.mean(axis=0)
        norm = np.median(np.linalg.norm(rows, axis=1))
        expected = mean * norm / np.linalg.norm(mean)
        for token in plan.claimed:
            step = {"BF16": 2**-8, "F16": 2**-11, "F32": 2**-24, "F64": 1e-12}[dtype]
            np.testing.assert_allclose(after[name][token.id], expected, rtol=step, atol=1e-9)


def test_without_scaling_the_logit_is_the_mean_logit(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F64", tied=False)
    plan, before, after = claim(source, tmp_path / "out", ["<A>"], scale=False)
    hidden = np.random.default_rng(0).normal(size=(5, before[OUTPUT].shape[1]))
    logits = hidden @ after[OUTPUT].T
    mean = logits[:, used_ids(source, plan)].mean(axis=1)
    np.testing.assert_allclose(logits[:, plan.claimed[0].id], mean)


def test_the_warning_gives_the_factor_of_the_logit(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F64")
    plan, before, after = claim(source, tmp_path / "out", ["<A>"])
    mean = before[INPUT][used_ids(source, plan)].mean(axis=0)
    factor = np.linalg.norm(after[INPUT][plan.claimed[0].id]) / np.linalg.norm(mean)
    message = next(c.message for c in plan.cautions if c.code == "output-logit")
    assert f"{factor:.3g} times the mean logit" in message


def test_used_rows_that_were_never_trained_do_not_count(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F64")
    tensors = load_file(source / "model.safetensors")
    tensors[INPUT][[20, 30, 31]] = tensors[INPUT][-1]
    tensors[INPUT][40] = 0
    save_file(tensors, source / "model.safetensors")
    plan, before, after = claim(source, tmp_path / "out", ["<A>"], scale=False)
    ids = np.setdiff1d(used_ids(source, plan), [20, 30, 31, 40])
    np.testing.assert_allclose(after[INPUT][plan.claimed[0].id], before[INPUT][ids].mean(axis=0))


@pytest.mark.parametrize("dtype", ["BF16", "F32"])
def test_like_copies_the_bytes_of_each_matrix(tmp_path: Path, make: Make, dtype: str) -> None:
    source = make(tmp_path / "source", dtype=dtype, tied=False, shards=3)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    plan, before, after = claim(source, tmp_path / "out", ["<A>"], values="like:er")
    for name in (INPUT, OUTPUT):
        assert np.array_equal(after[name][plan.claimed[0].id], before[name][tokenizer.token_to_id("er")])
    assert f"'er' (id {tokenizer.token_to_id('er')}) in every context" in plan.cautions[0].message


def test_like_finds_a_token_by_its_text(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    id = Tokenizer.from_file(str(source / "tokenizer.json")).token_to_id("Ġthe")
    plan, before, after = claim(source, tmp_path / "out", ["<A>"], values="like: the")
    assert np.array_equal(after[INPUT][plan.claimed[0].id], before[INPUT][id])


def test_text_takes_the_mean_of_its_pieces(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F64", tied=False)
    pieces = (
        Tokenizer.from_file(str(source / "tokenizer.json"))
        .encode("a number, rows", add_special_tokens=False)
        .ids
    )
    assert len(pieces) > 2
    plan, before, after = claim(source, tmp_path / "out", ["<A>"], values="text:a number, rows")
    for name in (INPUT, OUTPUT):
        rows = before[name][pieces]
        expected = rows.mean(axis=0)
        if name == INPUT:
            expected = expected * np.median(np.linalg.norm(rows, axis=1)) / np.linalg.norm(expected)
        np.testing.assert_allclose(after[name][plan.claimed[0].id], expected)


def test_normal_has_the_mean_and_covariance_of_the_trained_rows(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F64", reserved=2000)
    tokens = [f"<{place}>" for place in range(2000)]
    plan, before, after = claim(source, tmp_path / "out", tokens, values="normal", seed=7, scale=False)
    rows = before[INPUT][used_ids(source, plan)]
    new = after[INPUT][[token.id for token in plan.claimed]]
    spread = rows.std(axis=0, ddof=1)
    assert (np.abs(new.mean(axis=0) - rows.mean(axis=0)) < 5 * spread / np.sqrt(len(new))).all()
    target, found = np.cov(rows.T), np.cov(new.T)
    # Wishart: Var(S_ij) = (C_ij^2 + C_ii C_jj) / (k - 1)
    error = np.sqrt((target**2 + np.outer(np.diag(target), np.diag(target))) / (len(new) - 1))
    assert (np.abs(found - target) < 5 * error).all()


def test_normal_is_seeded_and_scaled(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F32", tied=False)
    plans = [plan_claim(source, ["<A>", "<B>"], values="normal", seed=seed) for seed in (3, 3, 4)]
    first, again, other = ([patch.after for patch in plan.rows] for plan in plans)
    assert first == again
    assert not set(first) & set(other)
    assert len(set(first)) == 4
    assert "duplicate" not in {caution.code for caution in plans[0].cautions}
    norms = np.linalg.norm(load_file(source / "model.safetensors")[INPUT][used_ids(source, plans[0])], axis=1)
    assert all(
        patch.norm_after == pytest.approx(np.median(norms))
        for patch in plans[0].rows
        if patch.role == "input"
    )


def test_keep_changes_no_weights(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", tied=False)
    plan, _, _ = claim(source, tmp_path / "out", ["<A>", "<B>"], values="keep")
    assert plan.rows == ()
    messages = {caution.code: caution.message for caution in plan.cautions}
    assert "collapsed" in messages["output-logit"]
    assert "start nearly equal to those of the other untrained rows" in messages["output-logit"]


def biased(source: Path, shape: tuple[int, ...], dtype: type) -> NDArray[np.float64]:
    tensors = load_file(source / "model.safetensors")
    rows = len(tensors[INPUT])
    bias = np.random.default_rng(5).normal(size=rows).astype(dtype)
    tensors["lm_head.bias"] = bias.reshape(shape)
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    return bias.astype(np.float64)


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_output_bias(tmp_path: Path, make: Make, flat: bool, tied: bool) -> None:
    source = make(tmp_path / "source", dtype="F32", tied=tied)
    bias = biased(source, (-1,) if flat else (1, -1), np.float32)
    plan = plan_claim(source, ["<A>"])
    apply_claim(plan, tmp_path / "out")
    only_planned_bytes(source, tmp_path / "out", plan)
    found = load_file(tmp_path / "out" / "model.safetensors")["lm_head.bias"].reshape(-1)
    id = plan.claimed[0].id
    assert found[id] == pytest.approx(bias[used_ids(source, plan)].mean(), rel=1e-6)
    assert np.array_equal(np.delete(found, id), np.delete(bias.astype(np.float32), id))
    like = plan_claim(source, ["<A>"], values="like:er")
    id = Tokenizer.from_file(str(source / "tokenizer.json")).token_to_id("er")
    assert [patch.after for patch in like.rows if patch.role == "bias"] == [np.float32(bias[id]).tobytes()]


def test_a_tied_matrix_that_is_stored_twice_is_patched_twice(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    tensors[OUTPUT] = tensors["model.layers.1.embed_tokens.weight"] = tensors[INPUT]
    tensors["model.layers.2.embed_tokens.weight"] = tensors[INPUT] * 2
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    plan, _, after = claim(source, tmp_path / "out", ["<A>"], values="normal")
    id = plan.claimed[0].id
    assert {patch.role for patch in plan.rows} == {"both"}
    assert np.array_equal(after[INPUT], after[OUTPUT])
    assert np.array_equal(after[INPUT], after["model.layers.1.embed_tokens.weight"])
    assert not np.array_equal(2 * after[INPUT][id], after["model.layers.2.embed_tokens.weight"][id])


def test_several_equal_rows_are_warned_of(tmp_path: Path, make: Make) -> None:
    plan = plan_claim(make(tmp_path / "source"), ["<A>", "<B>"], values="mean")
    assert "the 2 new rows start with only 1 distinct vector, so" in next(
        caution.message for caution in plan.cautions if caution.code == "duplicate"
    )


def test_a_reserved_row_that_looks_trained_is_warned_of(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F32")
    tensors = load_file(source / "model.safetensors")
    id = plan_claim(source, ["<A>"]).claimed[0].id
    tensors[INPUT][id] = tensors[INPUT][50] * 1.1 + tensors[INPUT][60]
    save_file(tensors, source / "model.safetensors")
    for values in ("mean", "keep"):
        codes = {caution.code for caution in plan_claim(source, ["<A>"], values=values).cautions}
        assert "looks-trained" in codes


@pytest.mark.parametrize(
    "values", ["", "average", "mean:x", "like", "like:", "text:", "keep:1", "like:no such token"]
)
def test_values_that_mean_nothing(tmp_path: Path, make: Make, values: str) -> None:
    with pytest.raises(UsageError, match="--values"):
        plan_claim(make(tmp_path / "source"), ["<A>"], values=values)


def test_rows_that_cannot_be_written(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F32")
    tensors = load_file(source / "model.safetensors")
    whole = {**tensors, INPUT: np.rint(tensors[INPUT] * 100).astype(np.int8)}
    save_file(whole, source / "model.safetensors")
    with pytest.raises(RefusedError, match="I8 elements"):
        plan_claim(source, ["<A>"])
    scaled = {**tensors, INPUT.removesuffix(".weight") + ".weight_scale": np.ones(1, "f4")}
    save_file(scaled, source / "model.safetensors")
    with pytest.raises(RefusedError, match="quantised"):
        plan_claim(source, ["<A>"])
    assert plan_claim(source, ["<A>"], values="keep").rows == ()


def test_no_trained_row(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", dtype="F32")
    tensors = load_file(source / "model.safetensors")
    tensors[INPUT][:] = 0
    save_file(tensors, source / "model.safetensors")
    with pytest.raises(RefusedError, match="looks trained"):
        plan_claim(source, ["<A>"])


def test_text_needs_the_extra(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from rowscope.inspector.errors import MissingExtraError

    source = make(tmp_path / "source")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"rowscope\[tokenizer\]"):
        plan_claim(source, ["<A>"], values="text:a number, rows")
    plan_claim(source, ["<A>"], values="like:er")


def test_text_needs_tokenizer_json(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source", layout="older")
    (source / "tokenizer.json").unlink()
    config = json.loads((source / "tokenizer_config.json").read_text())
    names = {"tokenizer_class": "GPT2Tokenizer", "unk_token": "<unk>", "bos_token": "<s>"}
    (source / "tokenizer_config.json").write_text(json.dumps(config | names))
    with pytest.raises(UsageError, match=r"needs tokenizer\.json"):
        plan_claim(source, ["<A>"], values="text:a number, rows")
