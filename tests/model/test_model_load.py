"""Loading for model mode: what is refused and why, which class is taken, and that no network is used."""

from __future__ import annotations

import json
import shutil
import socket
import sys

import pytest

from rowscope.inspector import model
from rowscope.inspector.errors import MissingExtraError, RefusedError, UsageError


@pytest.fixture
def copy(zoo, tmp_path):
    """copy(family, **changes to its config; None removes a key) -> folder of its own."""

    def make(family, **changes):
        folder = tmp_path / family
        shutil.copytree(zoo[family], folder)
        config = json.loads((folder / "config.json").read_text())
        config |= changes
        config = {key: value for key, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return make


@pytest.mark.parametrize("package", ["torch", "transformers"])
@pytest.mark.parametrize("probe", ["forward", "gradient", "leak", "train"])
def test_a_missing_extra_is_named(monkeypatch, package, probe):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"rowscope\[model\]") as caught:
        getattr(model, probe)("demo")
    assert (caught.value.location, caught.value.exit_code) == (package, 4)


def test_importing_the_room_imports_neither():
    import subprocess

    code = (
        "import sys; from rowscope.inspector import model; model.SuppressReserved([1]); "
        "from rowscope.inspector import study; "
        "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_asks_the_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was tried")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert model.load("demo", probe="forward", device="cpu").tokenizer is not None


@pytest.mark.parametrize(
    ("family", "kind", "name"),
    [
        ("qwen2", "causal", "Qwen2ForCausalLM"),
        ("gemma3", "causal", "Gemma3ForCausalLM"),
        ("t5", "seq2seq", "T5ForConditionalGeneration"),
        ("bert", "masked", "BertForMaskedLM"),
        ("encoder", "headless", "BertModel"),
    ],
)
def test_kinds(load_zoo, family, kind, name):
    loaded = load_zoo(family)
    assert (loaded.kind, loaded.settings.model_class) == (kind, name)
    assert loaded.settings.tied == (family not in ("llama", "gpt_neox", "encoder"))
    assert not loaded.network.training


@pytest.mark.parametrize(
    ("family", "architectures", "kind"),
    [
        ("bert", ["BertForPreTraining"], "masked"),
        ("bert", ["BertForSequenceClassification"], "headless"),
        ("bert", ["BertLMHeadModel"], "causal"),
        ("qwen2", None, "causal"),
        ("t5", None, "seq2seq"),
        ("t5", ["T5EncoderModel"], "headless"),
    ],
)
def test_architectures(copy, family, architectures, kind):
    assert model.load(copy(family, architectures=architectures), probe="forward").kind == kind


def test_a_headless_encoder_decoder_gives_its_encoder_s_states(copy):
    result = model.forward(copy("t5", architectures=["T5Model"]))
    assert result.settings.kind == "headless"
    assert len(result.find("reserved", "alone").layers) == 3


def test_dtypes(zoo):
    import torch

    loaded = model.load(zoo["gpt2"], probe="forward", device="cpu", dtype="bfloat16")
    assert {p.dtype for p in loaded.network.parameters()} == {torch.bfloat16}
    result = model.forward(loaded)
    assert result.settings.dtype == "bfloat16"
    assert model.load("demo", probe="forward", device="cpu").dtype == "float32"


@pytest.mark.parametrize("option", ["device", "dtype"])
def test_unknown_choices(option):
    with pytest.raises(UsageError, match=f"--{option} 'tpu' is not known"):
        model.load("demo", probe="forward", **{option: "tpu"})


def test_a_device_that_is_not_there(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RefusedError, match="finds no such device") as caught:
        model.load("demo", probe="forward", device="cuda")
    assert (caught.value.code, caught.value.exit_code) == ("NO_DEVICE", 5)


CODE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
from transformers import Qwen2Config, Qwen2ForCausalLM
class OwnConfig(Qwen2Config):
    pass
class OwnModel(Qwen2ForCausalLM):
    config_class = OwnConfig
"""


def test_code_of_the_checkpoint_runs_only_when_trusted(copy, tmp_path, monkeypatch):
    import transformers.dynamic_module_utils as dynamic

    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    folder = copy("qwen2", auto_map=names)
    (folder / "own.py").write_text(CODE)
    with pytest.raises(RefusedError, match=r"own\.OwnModel.*--trust-remote-code") as caught:
        model.forward(folder)
    assert (caught.value.code, caught.value.exit_code) == ("REMOTE_CODE", 5)
    assert not list(tmp_path.rglob("ran"))
    assert model.forward(folder, trust_remote_code=True).settings.model_class == "OwnModel"
    assert list(tmp_path.rglob("ran"))


def test_quantised_weights_are_refused(copy):
    with pytest.raises(RefusedError, match="quantised \\(gptq\\)"):
        model.forward(copy("qwen2", quantization_config={"quant_method": "gptq", "bits": 4}))


def test_no_config(copy):
    folder = copy("qwen2")
    (folder / "config.json").unlink()
    with pytest.raises(RefusedError, match=r"config\.json") as caught:
        model.forward(folder)
    assert caught.value.code == "NO_CONFIG"


def test_files_that_transformers_does_not_read(copy):
    folder = copy("qwen2")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(RefusedError, match=r"'other\.safetensors'") as caught:
        model.forward(folder)
    assert caught.value.code == "OTHER_FILES"


def test_missing_tensors_are_no_random_numbers(copy):
    from safetensors.numpy import load_file, save_file

    folder = copy("llama")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(RefusedError, match="up_proj") as caught:
        model.forward(folder)
    assert caught.value.code == "MISSING_TENSORS"


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "no_such", "architectures": ["NoSuchForCausalLM"]},
        {"hidden_size": 48},
        {"num_attention_heads": "x"},
    ],
)
def test_configs_that_transformers_cannot_use(copy, changes):
    with pytest.raises(RefusedError, match="cannot load") as caught:
        model.forward(copy("llama", **changes))
    assert caught.value.code == "CANNOT_LOAD"


def test_nothing_to_probe(write_model, tmp_path):
    def train(network):
        import torch

        shared = torch.randn(4, 32)
        for module in (network.get_input_embeddings(), network.get_output_embeddings()):
            module.weight[:] = torch.randn(288, 4) @ shared + 0.2 * torch.randn(288, 32)

    folder = write_model(tmp_path / "trained", "gpt_neox", edit=train)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(RefusedError, match="nothing to probe") as caught:
        model.forward(folder)
    assert caught.value.code == "NOTHING_TO_PROBE"
    result = model.leak(folder, ids=[5, 6])
    assert 0 < result.find(1.0).mean < 1
    assert any("no tokenizer files" in note for note in result.notes)


def test_a_tokenizer_that_transformers_cannot_load(copy, monkeypatch):
    import transformers

    def refuse(*_, **__):
        raise ValueError("no such class\nmore words")

    folder = copy("gpt2")
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", refuse)
    alone = model.load(folder, probe="forward")
    assert any("tokenizer.json was read alone" in note for note in alone.notes)
    assert len(alone.tokenizer("abc")["input_ids"]) == 3
    monkeypatch.setattr(transformers, "PreTrainedTokenizerFast", refuse)
    result = model.train(folder, steps=1, variants=("token-only",))
    expected = "transformers cannot load the tokenizer (no such class): words are given ids by hash."
    assert expected in result.notes
