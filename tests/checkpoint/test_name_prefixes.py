"""Names with more before them than their class reads are told where transformers finds nothing (FIL006)."""

import numpy as np
import pytest

from rowscope.inspector.checkpoint import open_checkpoint

EMBEDDING = "model.embed_tokens.weight"


def codes(folder):
    return {problem.code: problem for problem in open_checkpoint(folder).problems}


PREFIXES = [
    "student.",
    "actor.",
    "policy.model.",
    "0.auto_model.",
    "model.",
    "model.model.",
    "language_model.",
    "transformer.",
]
TIED = {  # class -> its type, and two names of its input matrix that it reads
    "LlamaForCausalLM": ("llama", "model.embed_tokens.weight", "embed_tokens.weight"),
    "LlavaForConditionalGeneration": (
        "llava",
        "language_model.model.embed_tokens.weight",
        "model.language_model.embed_tokens.weight",
    ),
    "GPT2LMHeadModel": ("gpt2", "transformer.wte.weight", "wte.weight"),
    "BertModel": ("bert", "embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight"),
    "Qwen2VLForConditionalGeneration": (
        "qwen2_vl",
        "model.embed_tokens.weight",
        "model.language_model.embed_tokens.weight",
    ),
}


@pytest.fixture(scope="module")
def loaders():
    """What transformers makes of a name, by its own functions, and the names in the model."""
    pytest.importorskip("transformers", minversion="5.0", reason="classes of transformers 5")
    import torch
    import transformers
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

    found = {}
    for cls, (kind, *_) in TIED.items():
        config = transformers.AutoConfig.for_model(kind)
        for scope in (config, getattr(config, "text_config", None), getattr(config, "vision_config", None)):
            for key in ("num_hidden_layers", "n_layer", "depth"):
                if scope is not None and hasattr(scope, key):
                    setattr(scope, key, 1)
        with torch.device("meta"):
            model = getattr(transformers, cls)(config)
        steps = get_model_conversion_mapping(model)
        kinds = [[s for s in steps if isinstance(s, of)] for of in (WeightRenaming, WeightConverter)]
        found[cls] = (model, kinds, rename_source_key)
    return found


def transformers_reads(loader, name):
    model, kinds, rename = loader
    state = model.state_dict()
    return rename(name, *kinds, model.base_model_prefix, state)[0] in state


@pytest.mark.parametrize("cls", TIED)
def test_a_prefix_is_told_where_transformers_finds_nothing_behind_it(
    cls, loaders, tmp_path, write_checkpoint
):
    """Of what stands before a name: told where the loader would not take it off, silent where it would."""
    kind, *names = TIED[cls]
    config = {"architectures": [cls], "model_type": kind, "vocab_size": 8}
    for at, prefix in enumerate(("", *PREFIXES)):
        for own in names:
            name = prefix + own
            folder = write_checkpoint(tmp_path / f"{at}{len(own)}", {name: np.ones((8, 4), "f4")}, config)
            told = "FIL006" in codes(folder)
            assert told == (not transformers_reads(loaders[cls], name)), name


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"model_type": "llama", "architectures": ["LlamaForCausalLMEagle3"]},
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "x.Y"}},
        {"model_type": "mine", "architectures": ["MineForCausalLM"]},
        {"model_type": "llama", "architectures": ["BiEncoderModel"]},
    ],
    ids=["no-config", "another-class", "own-code", "unknown-type", "own-class"],
)
def test_nothing_is_told_of_classes_that_are_not_known(tmp_path, write_checkpoint, config):
    assert codes(write_checkpoint(tmp_path, {f"student.{EMBEDDING}": np.ones((8, 4), "f4")}, config)) == {}


def test_of_two_models_in_a_file_the_larger_is_named(tmp_path, write_checkpoint):
    """A trainer's student beside its teacher; the larger one is what the hint speaks of."""
    one = np.ones((8, 4), "f4")
    tensors = {f"student.{EMBEDDING}": one, f"teacher.{EMBEDDING}": one, "teacher.model.norm.weight": one[0]}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8}
    problem = codes(write_checkpoint(tmp_path, tensors, config))["FIL006"]
    assert (problem.evidence["wrapper"], problem.severity) == ("teacher.", "warning")
    assert problem.evidence["count"] == 2


@pytest.mark.parametrize("name", ["LlamaForSequenceClassification", "LlamaModel", None])
def test_classes_of_a_known_type_read_the_same_names(tmp_path, write_checkpoint, name):
    config = {"model_type": "llama"} | ({"architectures": [name]} if name else {})
    folder = write_checkpoint(tmp_path / "a", {f"student.{EMBEDDING}": np.ones((8, 4), "f4")}, config)
    assert codes(folder)["FIL006"].evidence["wrapper"] == "student."
    for own in (EMBEDDING, "embed_tokens.weight"):
        folder = write_checkpoint(tmp_path / own, {own: np.ones((8, 4), "f4")}, config)
        assert codes(folder) == {}
