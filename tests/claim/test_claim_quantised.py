"""Claims in quantised tables: a row is written in the table's format where it has its scales to itself."""

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import rowscope
from rowscope.inspector.claim import apply_claim_in_place
from rowscope.inspector.claim.values.packed import decode_rows, encode_packed
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.rows import open_rows

ROWS, TOKENS, WIDTH, GROUP = 128, 96, 64, 32
STEM = "model.embed_tokens"


def _values():
    random = np.random.default_rng(7)
    basis = random.normal(size=(6, WIDTH))
    rows = (random.normal(size=(ROWS, 6)) @ basis + 0.3 * random.normal(size=(ROWS, WIDTH))).astype("f4")
    rows[TOKENS:] = rows[TOKENS] + 1e-4 * random.normal(size=(ROWS - TOKENS, WIDTH))
    return rows


def _mlx(bits, dtype=np.float16):
    groups = _values().reshape(ROWS, -1, GROUP)
    low, high = groups.min(2, keepdims=True), groups.max(2, keepdims=True)
    scale, bias = ((high - low) / (2**bits - 1)).astype(dtype), low.astype(dtype)
    codes = np.rint((groups - bias.astype("f4")) / scale.astype("f4")).clip(0, 2**bits - 1).astype(np.uint8)
    flags = (codes.reshape(ROWS, WIDTH, 1) >> np.arange(bits, dtype=np.uint8)) & 1
    words = np.packbits(flags.reshape(ROWS, -1), axis=1, bitorder="little").view(np.uint32)
    return {"weight": words, "scales": scale[:, :, 0], "biases": bias[:, :, 0]}


def _fp8(shape):
    values = _values()
    scale = np.full(shape, np.abs(values).max() / 448, dtype="f4")
    codes = (values / scale.flat[0]).astype(ml_dtypes.float8_e4m3fn)
    return {"weight": codes, "weight_scale": scale}


def _int8():
    values = _values()
    scale = (np.abs(values).max(1, keepdims=True) / 127).astype("f4")
    return {"weight": np.rint(values / scale).astype(np.int8), "weight_scale": scale}


TABLES = {
    **{f"mlx {bits} bit": (lambda bits=bits: _mlx(bits)) for bits in (3, 4, 8)},
    "fp8 by row": lambda: _fp8((ROWS, 1)),
    "int8 by row": _int8,
}


@pytest.fixture
def make(tmp_path, write_checkpoint):
    def write(parts):
        config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": WIDTH,
            "vocab_size": ROWS,
            "tie_word_embeddings": True,
            "quantization": {"group_size": GROUP, "bits": 4},
        }
        tensors = {f"{STEM}.{name}": value for name, value in parts.items()}
        tokens = {f"word{i}": i for i in range(TOKENS)}
        return write_checkpoint(tmp_path / "source", tensors, config, tokens)

    return write


def _rows(path, ids):
    with open_rows(rowscope.open_checkpoint(path).matrices[0]) as reader:
        return reader.decode(np.array(ids))


@pytest.mark.parametrize("name", TABLES)
def test_new_rows_are_encoded_to_within_half_a_step(name, make):
    packed = rowscope.open_checkpoint(make(TABLES[name]())).matrices[0].packed
    wanted = np.random.default_rng(3).normal(size=(5, WIDTH))
    wanted[4] = 0
    found = decode_rows(packed, encode_packed(wanted, packed, "rows")).astype(np.float64)
    group = packed.group or WIDTH
    span = np.abs(wanted.reshape(5, -1, group)).max(2).repeat(group, axis=1)
    levels = 2 ** (packed.bits - 1) - 1
    step = np.abs(wanted) / 8 + span / 448 if packed.format == "fp8-row" else span / levels
    assert (np.abs(found - wanted) <= 0.52 * step + 1e-3 * span).all()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("values", ["mean", "like:word5"])
def test_a_claim_writes_the_row_and_leaves_all_others(name, values, make, tmp_path):
    source = make(TABLES[name]())
    plan = rowscope.plan_claim(source, ["<new>"], values=values)
    assert {patch.tensor for patch in plan.rows} == {f"{STEM}.{part}" for part in TABLES[name]()}
    rowscope.apply_claim(plan, tmp_path / "out")
    before, after = (_rows(path, range(ROWS)) for path in (source, tmp_path / "out"))
    others = np.arange(ROWS) != TOKENS
    assert np.array_equal(before[others], after[others])
    if values != "mean":
        assert np.array_equal(after[TOKENS], before[5])
    else:
        trained = before[:TOKENS].mean(axis=0)
        cosine = after[TOKENS] @ trained / np.linalg.norm(after[TOKENS]) / np.linalg.norm(trained)
        assert cosine > 0.9
    norm = np.linalg.norm(after[TOKENS])
    assert all(patch.norm_after == pytest.approx(norm, rel=1e-6) for patch in plan.rows)


def test_undo_brings_every_byte_back(make):
    source = make(_mlx(4))
    before = (source / "model.safetensors").read_bytes()
    apply_claim_in_place(rowscope.plan_claim(source, ["<new>"]))
    assert (source / "model.safetensors").read_bytes() != before
    rowscope.undo_claim(source)
    assert (source / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (lambda: _fp8((1,)), "do not lie by themselves in .*weight_scale"),
        (lambda: _fp8((1, 1)), "do not lie by themselves"),
    ],
)
def test_rows_that_share_scales_are_refused_and_kept(parts, reason, make):
    source = make(parts())
    with pytest.raises(RefusedError, match=reason):
        rowscope.plan_claim(source, ["<new>"])
    assert rowscope.plan_claim(source, ["<new>"], values="keep").rows == ()


def test_a_second_table_with_the_same_codes_is_refused(make):
    """Its scales would have to be written as well."""
    parts = _mlx(4)
    source = make(parts)
    tensors = load_file(source / "model.safetensors")
    save_file({**tensors, "lm_head.weight": parts["weight"]}, source / "model.safetensors")
    with pytest.raises(RefusedError):
        rowscope.plan_claim(source, ["<new>"])
