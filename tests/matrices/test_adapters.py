"""Adapters against PEFT: effective rows are what the model with the adapter embeds and projects with."""

import json
import shutil
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import rowscope
from rowscope.inspector.errors import (
    CheckpointError,
    NoMatrixError,
    RefusedError,
    UndecodableError,
    UsageError,
)
from rowscope.inspector.rows import open_rows

torch = pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip("transformers", reason="extra model")
peft = pytest.importorskip("peft", reason="extra test")

ROWS, WIDTH = 96, 16
TASK = "CAUSAL_LM"


def lora(**settings):
    return peft.LoraConfig(task_type=TASK, r=4, **{"lora_alpha": 6, "target_modules": ["q_proj"], **settings})


def base_model(folder, tied=True, dtype=torch.float32):
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=ROWS,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=tied,
    )
    transformers.Qwen2ForCausalLM(config).to(dtype).save_pretrained(folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def adapted(tmp_path, settings, tied=True, resize=None, dtype=torch.float32):
    """An adapter with random weights, saved beside its base; the model with it on."""
    model = base_model(tmp_path / "base", tied, dtype)
    if resize:
        model.resize_token_embeddings(resize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = peft.get_peft_model(model, settings)
        torch.manual_seed(1)
        for weight in model.parameters():
            if weight.requires_grad:
                torch.nn.init.normal_(weight)
        model.save_pretrained(tmp_path / "adapter")
    return model.eval()


@torch.no_grad()
def running(model, role):
    """Rows that the running model embeds or projects with, float64."""
    base = model.get_base_model()
    if role == "input":
        return base.get_input_embeddings()(torch.arange(base.config.vocab_size)).double().numpy()
    return base.lm_head(torch.eye(WIDTH)).double().numpy().T


def stored(tmp_path, role):
    checkpoint = rowscope.open_checkpoint(tmp_path / "adapter", base=tmp_path / "base")
    matrix = checkpoint.layout.of_role(role)
    with open_rows(matrix) as reader:
        every = reader.decode(np.arange(reader.rows))
        block = np.ascontiguousarray(reader.block(3, 9)).view("f4") if reader.dtype == "F32" else every[3:9]
    np.testing.assert_allclose(block, every[3:9], rtol=1e-6)
    return every


KINDS = {
    "attention alone": {},
    "head": {"target_modules": ["lm_head", "q_proj"]},
    "embedding": {"target_modules": ["embed_tokens"]},
    "both": {"target_modules": ["embed_tokens", "lm_head"]},
    "rslora": {"target_modules": ["lm_head"], "use_rslora": True},
    "patterns": {
        "target_modules": ["lm_head", "q_proj"],
        "rank_pattern": {"lm_head": 2},
        "alpha_pattern": {"lm_head": 20},
    },
    "dora": {"target_modules": ["lm_head"], "use_dora": True},
    "saved embedding": {"modules_to_save": ["embed_tokens"]},
    "saved head": {"modules_to_save": ["lm_head"]},
    "saved both": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "tokens": {"trainable_token_indices": [3, 90, 5]},
    "tokens of both": {"trainable_token_indices": {"lm_head": [1, 2], "embed_tokens": [3, 5]}},
    "tied on purpose": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
}


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_running_model(tmp_path, kind, tied):
    model = adapted(tmp_path, lora(**KINDS[kind]), tied)
    for role in ("input", "output"):
        np.testing.assert_allclose(stored(tmp_path, role), running(model, role), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "kind", ["head", "embedding", "both", "rslora", "dora", "saved both", "tokens of both"]
)
def test_rows_are_those_of_the_merged_model(tmp_path, kind):
    """Of an untied base; into a tied one merging would write both changes."""
    model = adapted(tmp_path, lora(**KINDS[kind]), tied=False)
    merged = model.merge_and_unload()
    source, target = merged.get_input_embeddings().weight, merged.get_output_embeddings().weight
    for role, weight in (("input", source), ("output", target)):
        np.testing.assert_allclose(stored(tmp_path, role), weight.detach().double(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_trainable_tokens_as_a_method_of_its_own(tmp_path, tied):
    settings = peft.TrainableTokensConfig(
        target_modules=["embed_tokens"], token_indices=[7, 2], task_type=TASK
    )
    model = adapted(tmp_path, settings, tied)
    for role in ("input", "output"):
        np.testing.assert_allclose(stored(tmp_path, role), running(model, role), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tokens", [None, [3, 97]])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_tables_that_were_resized(tmp_path, tokens, tied):
    """PEFT stores them whole then; rows beyond the base's are there, and the note says what loading needs."""
    model = adapted(tmp_path, lora(trainable_token_indices=tokens), tied, resize=104)
    model.get_base_model().config.vocab_size = 104
    for role in ("input", "output"):
        np.testing.assert_allclose(stored(tmp_path, role), running(model, role), rtol=1e-4, atol=1e-5)
    report = rowscope.audit(tmp_path / "adapter", base=tmp_path / "base")
    assert any("resize_token_embeddings(104)" in note for note in report.checkpoint.notes)
    assert "VOC103" not in {finding.code for finding in report.findings}
    assert report.census.tied == tied


def test_a_base_of_several_dtypes_and_shards(tmp_path):
    model = adapted(tmp_path, lora(target_modules=["lm_head"]), tied=False, dtype=torch.bfloat16)
    expected = (
        model.get_base_model().lm_head(torch.eye(WIDTH, dtype=torch.bfloat16)).detach().double().numpy().T
    )
    np.testing.assert_allclose(stored(tmp_path, "output"), expected, rtol=0.02, atol=0.03)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (lora(target_modules=["embed_tokens"], use_dora=True), "DoRA on an embedding"),
        (peft.LoHaConfig(target_modules=["lm_head"], task_type=TASK), "LOHA"),
        (peft.IA3Config(target_modules=["lm_head"], feedforward_modules=[], task_type=TASK), "IA3"),
    ],
    ids=["dora-embedding", "loha", "ia3"],
)
def test_other_formulas_are_not_guessed(tmp_path, settings, word):
    adapted(tmp_path, settings, tied=False)
    checkpoint = rowscope.open_checkpoint(tmp_path / "adapter", base=tmp_path / "base")
    report = rowscope.audit(checkpoint)
    assert report.exit_code() == 3
    assert word in " ".join(skip.why for skip in report.coverage.skipped)
    matrix = next(matrix for matrix in checkpoint.matrices if matrix.change is not None)
    with pytest.raises(UndecodableError, match=r"merge the adapter|does not compute"):
        open_rows(matrix)


def test_a_start_that_changes_the_base(tmp_path):
    adapted(tmp_path, lora(target_modules=["lm_head"], init_lora_weights="pissa"), tied=False)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = {name: value for name, value in load_file(path).items() if "base_layer" not in name}
    save_file(tensors, path)
    report = rowscope.audit(tmp_path / "adapter", base=tmp_path / "base")
    assert "pissa" in " ".join(skip.why for skip in report.coverage.skipped)


def test_without_the_base(tmp_path):
    """What the adapter stores itself is judged, and what is not is said."""
    model = adapted(tmp_path, lora(target_modules=["lm_head", "q_proj"]), tied=False)
    checkpoint = rowscope.open_checkpoint(tmp_path / "adapter")
    assert [matrix.role for matrix in checkpoint.matrices] == ["output"]
    with open_rows(checkpoint.matrices[0]) as reader:
        found = reader.decode(np.arange(ROWS))
    np.testing.assert_allclose(found, running(model, "output"), rtol=1e-4, atol=1e-5)
    report = rowscope.audit(checkpoint)
    assert report.exit_code() == 3
    assert "--base" in " ".join(skip.why for skip in report.coverage.skipped)
    assert not {"TIE402", "FIL006"} & {finding.code for finding in report.findings}


def test_without_the_base_an_adapter_is_named(tmp_path):
    adapted(tmp_path, lora(trainable_token_indices=[3, 90, 5]))
    with pytest.raises(NoMatrixError, match=r"PEFT adapter \(LORA\).*3 rows replaced: 3, 90, 5.*--base"):
        rowscope.audit(tmp_path / "adapter")
    assert "3 rows replaced" in " ".join(rowscope.open_checkpoint(tmp_path / "adapter").notes)


def test_a_base_that_does_not_fit(tmp_path):
    adapted(tmp_path, lora(trainable_token_indices=[3, 90, 5]))
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    for ids, word in (([3, 90], "as many token ids"), ([3, 90, 5000], "the id 5000")):
        config["trainable_token_indices"] = ids
        (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config))
        report = rowscope.audit(tmp_path / "adapter", base=tmp_path / "base")
        assert word in " ".join(skip.why for skip in report.coverage.skipped)


def test_a_base_where_there_is_none(tmp_path):
    base_model(tmp_path / "base")
    with pytest.raises(UsageError, match="whole model"):
        rowscope.open_checkpoint(tmp_path / "base", base="demo")


def test_a_base_that_is_an_adapter(tmp_path):
    adapted(tmp_path, lora())
    with pytest.raises(CheckpointError, match="an adapter itself"):
        rowscope.open_checkpoint(tmp_path / "adapter", base=tmp_path / "adapter")


def test_the_output_of_a_claim_can_be_trained_and_read(tmp_path):
    """`claim` recommends trainable_token_indices: the adapter that results can be read on its base."""
    source = rowscope.open_checkpoint("demo").root
    shutil.copytree(source, tmp_path / "demo")
    rowscope.claim_into(tmp_path / "demo", "<|mine|>", tmp_path / "base", replace="<|reserved_0|>")
    id = next(
        token.id for token in rowscope.audit(tmp_path / "base").special_tokens if token.token == "<|mine|>"
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    model = peft.get_peft_model(model, lora(trainable_token_indices=[id]))
    weight = next(value for name, value in model.named_parameters() if "trainable_tokens_delta" in name)
    torch.manual_seed(0)
    with torch.no_grad():
        other = model.get_base_model().get_input_embeddings()(torch.tensor([300]))[0]
        weight[:] = other + 0.02 * torch.randn_like(weight)
    model.save_pretrained(tmp_path / "adapter")
    checkpoint = rowscope.open_checkpoint(tmp_path / "adapter", base=tmp_path / "base")
    after = rowscope.row_table(checkpoint, ids=np.array([id]), evidence=True)
    assert after.verdict[0] == "trained"
    np.testing.assert_allclose(after.norm[0], float(weight.detach().double().norm()), rtol=1e-6)


def test_adapters_and_pieces_take_no_claims(tmp_path):
    adapted(tmp_path, lora(modules_to_save=["embed_tokens"]), tied=False)
    checkpoint = rowscope.open_checkpoint(tmp_path / "adapter", base=tmp_path / "base")
    with pytest.raises(RefusedError, match="an adapter"):
        rowscope.plan_claim(checkpoint, ["<|mine|>"])


def test_diff_puts_an_adapter_on_the_base_beside_it(tmp_path):
    adapted(tmp_path, lora(trainable_token_indices=[3, 90, 5]), tied=False)
    found = rowscope.diff(tmp_path / "base", tmp_path / "adapter")
    changed = {matrix.role: matrix.total.changed for matrix in found.matrices}
    assert changed == {"input": 3, "output": 0}


def test_a_pointer_in_place_of_the_adapters_config(tmp_path):
    adapted(tmp_path, lora(trainable_token_indices=[3]))
    (tmp_path / "adapter" / "adapter_config.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    report = rowscope.audit(tmp_path / "adapter", base=tmp_path / "base")
    assert report.exit_code() == 3
    assert "git lfs pull" in " ".join(skip.why for skip in report.coverage.skipped)


def test_factors_that_do_not_fit_are_told(tmp_path):
    adapted(tmp_path, lora(target_modules=["lm_head"], use_dora=True), tied=False)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    for part, word in (("lora_magnitude_vector", "magnitudes"), ("lora_B", "factors"), ("lora_A", "factors")):
        cut = {name: value[:2] if part in name else value for name, value in tensors.items()}
        save_file(cut, path)
        report = rowscope.audit(tmp_path / "adapter", base=tmp_path / "base")
        assert report.exit_code() == 3
        assert word in " ".join(skip.why for skip in report.coverage.skipped)
