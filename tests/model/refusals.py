"""What model mode refuses: how it is made, and what is said."""

from __future__ import annotations

import json

TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
EYE = {**TINY, "image_size": 8, "patch_size": 4}
SIDES = {f"{side}_{name}": 2 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")}
SIDES |= {f"{side}_ffn_dim": 32 for side in ("encoder", "decoder")}


def other(family):
    """A tiny model of a family that reads more than ids, or has no single head."""
    import transformers as tf

    match family:
        case "vit":
            return tf.ViTModel(tf.ViTConfig(**EYE))
        case "vilt":
            return tf.ViltModel(tf.ViltConfig(vocab_size=288, **EYE))
        case "clip":
            text = {**TINY, "vocab_size": 288, "bos_token_id": 257, "eos_token_id": 258, "pad_token_id": 256}
            return tf.CLIPModel(tf.CLIPConfig(text_config=text, vision_config=EYE, projection_dim=16))
        case "whisper":
            ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3}
            return tf.WhisperForConditionalGeneration(
                tf.WhisperConfig(vocab_size=288, d_model=32, **SIDES, **ids)
            )
        case "fsmt":
            sizes = {"src_vocab_size": 288, "tgt_vocab_size": 288, "d_model": 32}
            return tf.FSMTForConditionalGeneration(tf.FSMTConfig(langs=["en", "de"], **sizes, **SIDES))
        case "cpmant":
            sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "dim_head": 16}
            return tf.CpmAntForCausalLM(tf.CpmAntConfig(vocab_size=288, dim_ff=32, **sizes))
    return None


def drop(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def tensors(change):
    """Change the stored tensors, a mapping from names to arrays."""

    def edit(folder):
        from safetensors.torch import load_file, save_file

        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors", {"format": "pt"})

    return edit


def spoil(found):
    found["model.embed_tokens.weight"][270] = float("nan")


def to_integers(found):
    import torch

    name = "model.embed_tokens.weight"
    found[name] = (10 * found[name]).to(torch.int8)


def adapter(folder):
    drop("config.json", "tokenizer.json", "tokenizer_config.json")(folder)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        '{"peft_type": "LORA", "base_model_name_or_path": "some/model"}'
    )


def no_mask(folder):
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings.pop("mask_token")
    file.write_text(json.dumps(settings))


def own_code(words):
    return lambda folder: (folder / "own.py").write_text(words)


def silent(folder):
    """A tokenizer that knows no letter: texts give no ids."""
    file = folder / "tokenizer.json"
    settings = json.loads(file.read_text("utf-8"))
    settings["model"] |= {"vocab": {}, "merges": []}
    file.write_text(json.dumps(settings))


MAP = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"}
NO_START = dict.fromkeys(("decoder_start_token_id", "pad_token_id", "bos_token_id"))
BEYOND = ("--ids", "1000")
TRUST = ("--trust-remote-code",)
GONE = drop("tokenizer.json", "tokenizer_config.json")
# code, what the line says, what makes it, the words behind `probe NAME PATH`
CASES = {
    "another file": (
        "OTHER_FILES",
        "'x.safetensors'",
        {"edit": lambda f: (f / "model.safetensors").rename(f / "x.safetensors")},
        "forward",
    ),
    "an adapter": ("ADAPTER", "merge_and_unload", {"edit": adapter}, "forward"),
    "no config": ("NO_CONFIG", "put the model's config.json", {"edit": drop("config.json")}, "forward"),
    "its own code": ("REMOTE_CODE", "read that code", {"auto_map": MAP}, "forward"),
    "code that is not there": ("CANNOT_LOAD", "own.py", {"auto_map": MAP}, ("forward", *TRUST)),
    "code that is none": (
        "CANNOT_LOAD",
        "invalid syntax",
        {"auto_map": MAP, "edit": own_code("def (")},
        ("forward", *TRUST),
    ),
    "code that ends the process": (
        "CANNOT_LOAD",
        "SystemExit",
        {"auto_map": MAP, "edit": own_code("raise SystemExit(0)")},
        ("forward", *TRUST),
    ),
    "a package that is not there": (
        "CANNOT_LOAD",
        "no_such_kernels",
        {"auto_map": MAP, "edit": own_code("import no_such_kernels")},
        ("forward", *TRUST),
    ),
    "quantised": (
        "QUANTIZED",
        "awq",
        {"quantization_config": {"quant_method": "awq", "bits": 4}},
        "gradient",
    ),
    "quantised by MLX": ("QUANTIZED", "mlx", {"quantization": {"bits": 4, "group_size": 64}}, "leak"),
    "integers": ("QUANTIZED", "I8", {"edit": tensors(to_integers)}, "forward"),
    "an unknown architecture": (
        "CANNOT_LOAD",
        "'NoSuchForCausalLM'",
        {"architectures": ["NoSuchForCausalLM"]},
        "forward",
    ),
    "an unknown type": (
        "CANNOT_LOAD",
        "no_such",
        {"model_type": "no_such", "architectures": None},
        "forward",
    ),
    "an unknown activation": ("CANNOT_LOAD", "no_such", {"hidden_act": "no_such"}, "forward"),
    "a layer too many": ("CANNOT_LOAD", "`num_hidden_layers` (3)", {"num_hidden_layers": 3}, "forward"),
    "other shapes": ("CANNOT_LOAD", "[288, 32] stored, [300, 32]", {"vocab_size": 300}, "forward"),
    "a missing tensor": (
        "MISSING_TENSORS",
        "up_proj",
        {"edit": tensors(lambda t: t.pop("model.layers.1.mlp.up_proj.weight"))},
        "forward",
    ),
    "no numbers": ("NOT_FINITE", "not finite", {"edit": tensors(spoil)}, "leak"),
    "an encoder": ("WRONG_KIND", "no output over the vocabulary", {"family": "encoder"}, "gradient"),
    "a masked model": ("WRONG_KIND", "fills in masked tokens", {"family": "bert"}, "leak"),
    "no device": ("NO_DEVICE", "mps", {}, ("forward", "--device", "mps")),
    "no vocabulary": ("NOTHING_TO_PROBE", "no vocabulary matrix", {"family": "vit"}, "forward"),
    "no tokenizer": ("NO_TOKENIZER", "tokenizer files", {"edit": GONE}, "verify"),
    "a tokenizer without text": ("NO_TEXT", "nothing can be asked", {"edit": silent}, "verify"),
    "nothing to train on": ("NO_TEXT", "nothing to train on", {"edit": silent}, "train"),
    "no mask token": ("NO_MASK", "mask token", {"family": "bert", "edit": no_mask}, "verify"),
    "no start": (
        "NO_START",
        "decoder_start_token_id",
        {"family": "t5", "edit": drop("generation_config.json"), **NO_START},
        "forward",
    ),
    "no id in the head": (
        "NO_TARGET",
        "none of them can be emitted",
        {"family": "cpmant"},
        ("leak", *BEYOND),
    ),
    "no target": ("NO_TARGET", "name one with --target", {"family": "cpmant"}, ("gradient", *BEYOND)),
    "no id to ask about": ("NO_TARGET", "name other ids", {"family": "cpmant"}, ("verify", *BEYOND)),
    "no suspect": ("NO_TARGET", "--all", {"family": "t5"}, ("verify", "--suspects", "3")),
    "no slot": ("NO_SLOT", "name one with --ids", {"family": "cpmant"}, ("train", *BEYOND)),
    "two heads": ("NO_SINGLE_HEAD", "use the forward probe", {"family": "fsmt"}, "gradient"),
    "several towers": ("NO_EMBEDDING", "CLIPModel", {"family": "clip"}, "forward"),
    "pictures wanted": ("CANNOT_RUN", "pixel_values", {"family": "vilt"}, "forward"),
    "sounds wanted": ("WRONG_KIND", "input_features", {"family": "whisper"}, "forward"),
}
