"""What transformers makes of `tie_word_embeddings`, and hints that do what they say when followed."""

import json

import numpy as np
import pytest

import rowscope

torch = pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip(
    "transformers", minversion="5.0", reason="ties as transformers 5 decides them"
)

from tests.checks.small_models import EYES, TEXT  # noqa: E402

MODELS = {
    "llama": ({}, TEXT, "LlamaForCausalLM"),
    "gemma3": ({"vision_config": EYES, "mm_tokens_per_image": 4}, TEXT, "Gemma3ForConditionalGeneration"),
    "llava": (
        {"vision_config": EYES | {"model_type": "clip_vision_model"}}, TEXT, "LlavaForConditionalGeneration"
    ),
    "mistral3": (
        {
            "vision_config": EYES | {"model_type": "pixtral", "head_dim": 8},
            "text_config": {"model_type": "mistral"},
        },
        TEXT,
        "Mistral3ForConditionalGeneration",
    ),
    "qwen3_vl": (
        {"vision_config": {"depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 16,
                           "intermediate_size": 32, "deepstack_visual_indexes": [0]}},
        TEXT | {"rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4}},
        "Qwen3VLForConditionalGeneration",
    ),
    "llama4": ({"vision_config": {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 16,
                                  "num_attention_heads": 2, "image_size": 28, "vision_output_dim": 16,
                                  "projector_input_dim": 16, "projector_output_dim": 16}},
               TEXT | {"intermediate_size_mlp": 32, "num_local_experts": 2},
               "Llama4ForConditionalGeneration"),
}  # fmt: skip


def saved(path, kind):
    """A small model as transformers saves it, without its head."""
    outer, text, name = MODELS[kind]
    inner = {"text_config": {**outer.get("text_config", {}), **text}} if outer else text
    config = transformers.AutoConfig.for_model(kind, **{**outer, **inner}, tie_word_embeddings=False)
    torch.manual_seed(0)
    getattr(transformers, name)(config).save_pretrained(path)
    from safetensors.torch import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    kept = {key: value for key, value in tensors.items() if not key.endswith("lm_head.weight")}
    assert len(kept) == len(tensors) - 1
    save_file(kept, path / "model.safetensors", metadata={"format": "pt"})
    return path


def state(path, top, nested):
    """Write the flags as asked; None removes them."""
    config = json.loads((path / "config.json").read_text())
    for scope, flag in ((config, top), (config.get("text_config", {}), nested)):
        scope.pop("tie_word_embeddings", None)
        if flag is not None:
            scope["tie_word_embeddings"] = flag
    (path / "config.json").write_text(json.dumps(config))


def loads_whole(path, kind):
    """Whether transformers finds every weight, the head's included."""
    model = getattr(transformers, MODELS[kind][2])
    _, info = model.from_pretrained(path, output_loading_info=True)
    return not [key for key in info["missing_keys"] if "lm_head" in key]


def tie_errors(path):
    return [finding for finding in rowscope.audit(path).findings if finding.code == "TIE402"]


@pytest.mark.parametrize("kind", list(MODELS))
def test_a_head_that_is_not_stored(tmp_path, kind):
    """Over all settings of both flags: tied where transformers finds the head, an error where it does not."""
    path = saved(tmp_path, kind)
    nested = (None, True, False) if MODELS[kind][0] else (None,)
    for flags in [(top, inner) for top in (None, True, False) for inner in nested]:
        state(path, *flags)
        whole = loads_whole(path, kind)
        checkpoint = rowscope.open_checkpoint(path)
        assert checkpoint.layout.tied == whole, flags
        assert bool(tie_errors(path)) == (not whole), flags


@pytest.mark.parametrize("kind", ["llama", "qwen3_vl", "llama4"])
def test_the_hint_for_a_missing_head_works(tmp_path, kind):
    path = saved(tmp_path, kind)
    state(path, None, None)
    (finding,) = tie_errors(path)
    place = finding.location.removeprefix("config.json: ")
    assert f"Set {place} in config.json to true" in finding.hint
    state(path, *((None, True) if "." in place else (True, None)))
    assert loads_whole(path, kind)
    assert not tie_errors(path)


def test_a_nested_flag_that_is_not_read_is_named(tmp_path):
    path = saved(tmp_path, "qwen3_vl")
    state(path, None, True)
    (finding,) = tie_errors(path)
    assert (
        "text_config.tie_word_embeddings says otherwise, which transformers does not read" in finding.message
    )


def test_two_different_matrices_stay_two(tmp_path):
    """Tied by the config, both stored and different: transformers 5 keeps both, the hint makes it sure."""
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT))
    model.save_pretrained(tmp_path)
    state(tmp_path, True, None)
    report = rowscope.audit(tmp_path)
    assert not report.census.tied
    assert len(report.matrices) == 2
    (finding,) = [finding for finding in report.findings if finding.code == "TIE401"]
    assert "Set tie_word_embeddings in config.json to false to keep both" in finding.hint
    state(tmp_path, False, None)
    loaded = transformers.LlamaForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(loaded.lm_head.weight, model.lm_head.weight)
    assert not torch.equal(loaded.lm_head.weight, loaded.model.embed_tokens.weight)


@pytest.mark.parametrize("stated", [0, 72, 120])
def test_a_vocab_size_that_is_not_the_rows(tmp_path, stated):
    """An error, because transformers refuses it; with the size that the hint gives it loads."""
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": stated}))
    with pytest.raises((RuntimeError, ValueError, IndexError)):
        transformers.LlamaForCausalLM.from_pretrained(tmp_path)
    report = rowscope.audit(tmp_path)
    (finding,) = [finding for finding in report.findings if finding.code == "VOC103"]
    assert finding.severity == "error"
    assert "Set vocab_size in config.json to 96: " in finding.hint
    assert all(step.rows > 96 for step in report.capacity.resizes if stated == 0)
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 96}))
    assert transformers.LlamaForCausalLM.from_pretrained(tmp_path).lm_head.weight.shape[0] == 96


@pytest.mark.parametrize("stated", [None, "96", -1])
def test_a_config_without_a_usable_size(tmp_path, stated):
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config.pop("vocab_size")
    if stated is not None:
        config["vocab_size"] = stated
    (tmp_path / "config.json").write_text(json.dumps(config))
    report = rowscope.audit(tmp_path)
    (finding,) = [finding for finding in report.findings if finding.code == "VOC108"]
    assert "Set vocab_size in config.json to 96" in finding.hint
    assert "VOC103" not in {finding.code for finding in report.findings}


def test_more_rows_by_design(tmp_path):
    """Mllama: eight rows more than the config states are what the class builds; one more they are not."""
    text = TEXT | {
        "cross_attention_layers": [0],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
    }
    config = transformers.MllamaConfig(
        text_config=text, vision_config={"num_hidden_layers": 1, "num_global_layers": 1}
    )
    with torch.device("meta"):
        model = transformers.MllamaForConditionalGeneration(config)
    rows = model.get_input_embeddings().weight.shape[0]
    assert rows == 104
    config.architectures = ["MllamaForConditionalGeneration"]
    config.save_pretrained(tmp_path)
    from safetensors.numpy import save_file

    for more in (0, 1):
        tensors = {"model.language_model.embed_tokens.weight": (rows + more, 16), "lm_head.weight": (96, 16)}
        made = {
            key: np.random.default_rng(0).normal(size=shape).astype("f4") for key, shape in tensors.items()
        }
        save_file(made, tmp_path / "model.safetensors")
        found = {finding.code: finding for finding in rowscope.audit(tmp_path).findings}
        assert ("VOC103" in found) == bool(more)
        assert "VOC104" not in found or more
    assert found["VOC103"].severity == "error"
    assert "No text_config.vocab_size fits both tables" in found["VOC103"].hint
    assert "the output has 97 and the input 105" in found["VOC104"].hint


def test_ids_beyond_a_per_layer_table_raise(tmp_path):
    settings = TEXT | {
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 80,
        "num_kv_shared_layers": 0,
    }
    settings |= {"layer_types": ["full_attention"], "global_head_dim": 8}
    torch.manual_seed(0)
    model = transformers.Gemma4ForCausalLM(transformers.Gemma4TextConfig(**settings)).eval()
    model.save_pretrained(tmp_path)
    (finding,) = [f for f in rowscope.audit(tmp_path).findings if f.code == "VOC109"]
    assert finding.severity == "error"
    model(torch.tensor([[79]]))
    with pytest.raises(IndexError):
        model(torch.tensor([[80]]))
