"""TOK309: rows that an adapter was to train and that are still the base's. PEFT writes the adapters."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import rowscope

torch = pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip("transformers", reason="extra model")
peft = pytest.importorskip("peft", reason="extra test")

DEMO = str(rowscope.open_checkpoint("demo").root)
TOKENS = [4001, 4003, 4008]  # <|im_start|>, which the chat template writes; an added one; a placeholder
DELTA = "trainable_tokens_delta"


def adapter(folder, dtype=torch.float32, **settings):
    model = transformers.AutoModelForCausalLM.from_pretrained(DEMO, dtype=dtype)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=2, **{"target_modules": ["q_proj"], **settings})
    torch.manual_seed(0)
    peft.get_peft_model(model, config).save_pretrained(folder)
    return folder


def moved(folder, part, rows):
    """Add to `rows` of the tensors called `part`, as training does."""
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    for name in [name for name in tensors if part in name]:
        tensors[name] = tensors[name].copy()
        tensors[name][rows] += np.float32(0.01)
    save_file(tensors, path, metadata={"format": "pt"})


def found(folder):
    report = rowscope.audit(folder, base=DEMO)
    return [finding for finding in report.findings if finding.code == "TOK309"]


@pytest.mark.parametrize("method", ["lora", "tokens"])
def test_rows_that_never_moved(tmp_path, method):
    if method == "lora":
        folder = adapter(tmp_path, trainable_token_indices=TOKENS)
    else:
        folder = tmp_path
        model = transformers.AutoModelForCausalLM.from_pretrained(DEMO)
        config = peft.TrainableTokensConfig(
            target_modules=["embed_tokens"], token_indices=TOKENS, task_type="CAUSAL_LM"
        )
        peft.get_peft_model(model, config).save_pretrained(folder)
    told = [
        (finding.severity, finding.evidence["ids"], finding.evidence["trained"]) for finding in found(folder)
    ]
    assert set(map(str, told)) == {str(("error", TOKENS, 3))}  # one a table: of both, where PEFT has both
    moved(folder, DELTA, [0])  # the template's token
    told = [(finding.severity, finding.evidence["ids"]) for finding in found(folder)]
    assert set(map(str, told)) == {str(("warning", TOKENS[1:]))}
    moved(folder, DELTA, [1, 2])
    assert found(folder) == []


def test_a_base_in_a_wider_type(tmp_path):
    """The adapter rounds what it saves: half a last place is no training, ten are."""
    base, folder = tmp_path / "base", tmp_path / "adapter"
    model = transformers.AutoModelForCausalLM.from_pretrained(DEMO, dtype=torch.float32)
    torch.manual_seed(1)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(1 + 1e-3 * torch.rand(4096, 1))
    model.save_pretrained(base)
    adapter(folder, trainable_token_indices=TOKENS)
    path = folder / "adapter_model.safetensors"
    rows = model.get_input_embeddings().weight[TOKENS].detach()
    from safetensors.torch import load_file as load
    from safetensors.torch import save_file as save

    tensors = load(path)
    (name,) = [name for name in tensors if DELTA in name]
    rows[2] *= 1.05
    tensors[name] = rows.to(torch.bfloat16)
    save(tensors, path, metadata={"format": "pt"})
    report = rowscope.audit(folder, base=base)
    (finding,) = [finding for finding in report.findings if finding.code == "TOK309"]
    assert finding.evidence["ids"] == TOKENS[:2]


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_a_low_rank_change_that_is_zero(tmp_path, target):
    folder = adapter(tmp_path, target_modules=[target])
    (finding,) = found(folder)
    assert (finding.evidence["count"], finding.severity) == (4096, "warning")
    assert "is zero" in finding.message
    moved(folder, "lora_B" if target == "lm_head" else "lora_embedding_A", [0])
    assert found(folder) == []


def test_without_the_base_nothing_is_said(tmp_path):
    folder = adapter(tmp_path, trainable_token_indices=TOKENS)
    with pytest.raises(rowscope.RowscopeError, match="--base"):
        rowscope.audit(folder)


def test_attention_alone_is_no_matter_of_rows(tmp_path):
    assert found(adapter(tmp_path)) == []
