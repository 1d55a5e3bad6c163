"""Every hint that names an action is followed, word for word, and transformers then loads without a word."""

import json
import re

import pytest

pytest.importorskip("torch", reason="extra model")
pytest.importorskip("transformers", minversion="5.0", reason="classes of transformers 5")
pytest.importorskip("tokenizers", reason="extra tokenizer")

import torch
import transformers
from safetensors.torch import load_file, save_file

import rowscope
from rowscope.inspector.errors import RefusedError

from . import small_models as small

ROWS = small.ROWS


def tensors_of(folder):
    return load_file(folder / "model.safetensors")


def store(folder, tensors):
    kept = {name: value.contiguous() for name, value in tensors.items()}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def grown(value, rows):
    return torch.cat([value, value[:1].repeat(rows - len(value), 1)])


def without(folder, ending):
    store(folder, {name: value for name, value in tensors_of(folder).items() if not name.endswith(ending)})


def changed(folder, ending, change):
    store(
        folder,
        {
            name: change(value) if name.endswith(ending) else value
            for name, value in tensors_of(folder).items()
        },
    )


def renamed(folder, change):
    store(folder, {change(name): value for name, value in tensors_of(folder).items()})


# What a hint may tell to do, and doing it.


def set_key(folder, place, value):
    small.put(folder, place, {"true": True, "false": False}.get(value) if value.isalpha() else int(value))


def add_rows(folder, output, source, place, size):
    tables = rowscope.open_checkpoint(folder).layout
    for role, rows in (("output", int(output)), ("input", int(source))):
        name = tables.of_role(role).tensor
        changed(folder, name, lambda value, rows=rows: grown(value, rows) if len(value) < rows else value)
    set_key(folder, place, size)


def grow_both(folder, rows):
    for name in ("embed_tokens.weight", "embed_tokens_per_layer.weight"):
        changed(folder, name, lambda value: grown(value, int(rows)) if len(value) < int(rows) else value)
    small.put(folder, "vocab_size_per_layer_input", int(rows))


def take_out(folder, prefix):
    renamed(folder, lambda name: name.replace(prefix, ""))


def save_again(folder):
    model = small.cls(folder).from_pretrained(folder)
    for path in folder.glob("model*"):
        path.unlink()
    model.save_pretrained(folder)


STEPS = {
    r"Set ([\w.]+) in config\.json to (\w+)": set_key,
    r"the output has (\d+) and the input (\d+), and set ([\w.]+) in config\.json to (\d+)": add_rows,
    r"Give both tables (\d+) rows, vocab_size_per_layer_input in config\.json with them": grow_both,
    r"[Rr]emove ([\w.]+) from the file": without,
    r"write the file again with '([^']+)' taken out": take_out,
    r"write the index anew with save_pretrained": save_again,
}


def follow(folder, hint, step):
    """Do what the hint says, by the one of its steps that is tried."""
    match = re.search(step, hint)
    assert match, hint
    STEPS[step](folder, *match.groups())


SET, ADD, BOTH, REMOVE, RENAME, ANEW = STEPS


def index_of(folder, extra):
    names = [*tensors_of(folder), extra]
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    places = dict.fromkeys(names, "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def put(place, value):
    return lambda folder: small.put(folder, place, value)


def longer(ending, rows):
    return lambda folder: changed(folder, ending, lambda value: grown(value, rows))


def less(ending):
    return lambda folder: without(folder, ending)


def under(prefix):
    return lambda folder: renamed(folder, lambda name: prefix + name)


# id: the finding, the step that is tried, the model, its settings, what is done to its folder.
CASES = {
    "size too small": ("VOC103", SET, "llama", {}, put("vocab_size", 64)),
    "size too large": ("VOC103", SET, "gpt2", {}, put("vocab_size", 128)),
    "size zero": ("VOC103", SET, "llama", {}, put("vocab_size", 0)),
    "size inside": ("VOC103", SET, "llava", {}, put("text_config.vocab_size", 90)),
    "size by design": ("VOC103", SET, "mllama", {}, put("text_config.vocab_size", 104)),
    "no size": ("VOC108", SET, "llama", {}, put("vocab_size", None)),
    "no size inside": ("VOC108", SET, "llava", {}, put("text_config.vocab_size", None)),
    "no size by design": ("VOC108", SET, "mllama", {}, put("text_config.vocab_size", None)),
    "longer head": ("VOC104", ADD, "llama", {}, longer("lm_head.weight", 104)),
    "longer input": ("VOC104", ADD, "llama", {}, longer("tokens.weight", 104)),
    "longer head by design": (
        "VOC104", ADD, "mllama", {}, longer("lm_head.weight", 100)
    ),
    "short side table": ("VOC109", BOTH, "gemma4", {"vocab_size_per_layer_input": 80}, lambda f: None),
    "two that differ": ("TIE401", SET, "llama", {}, put("tie_word_embeddings", True)),
    "two that differ, tie": ("TIE401", REMOVE, "llama", {}, put("tie_word_embeddings", True)),
    "two that differ inside": (
        "TIE401", SET, "llava", {"tie_word_embeddings": False}, put("tie_word_embeddings", True)
    ),
    "no head": ("TIE402", SET, "llama", {}, less("lm_head.weight")),
    "no head inside": (
        "TIE402", SET, "llava", {"tie_word_embeddings": False}, less("lm_head.weight")
    ),
    "compiled": ("FIL006", RENAME, "llama", {}, under("_orig_mod.")),
    "a student": ("FIL006", RENAME, "llama", {}, under("student.")),
    "an actor": ("FIL006", RENAME, "llava", {}, under("actor.")),
    "of a bundle": ("FIL006", RENAME, "bert", {}, under("0.auto_model.")),
    "three deep": ("FIL006", RENAME, "gpt2", {}, under("policy.module.")),
    "index entry": ("FIL002", ANEW, "llama", {}, lambda f: index_of(f, "mtp.fc.weight")),
}  # fmt: skip


def found(folder, code):
    return [finding for finding in rowscope.audit(folder).findings if finding.code == code]


@pytest.mark.parametrize("case", CASES)
def test_the_step_that_a_hint_names_works(tmp_path, case):
    code, step, kind, settings, spoil = CASES[case]
    folder = small.save(tmp_path, kind, **settings)
    spoil(folder)
    (finding,) = found(folder, code)
    harmless = code in ("TIE401", "VOC109", "FIL002")  # it loads, and is wrong all the same
    assert bool(small.faults(folder)) != harmless
    assert finding.severity == ("warning" if code in ("TIE401", "FIL002") else finding.severity)
    follow(folder, finding.hint, step)
    assert small.faults(folder) == []
    left = [
        (f.code, f.message) for f in rowscope.audit(folder).findings if f.code[:3] in ("VOC", "TIE", "FIL")
    ]
    assert [item for item in left if item[0] == code or item[0][:3] != "VOC"] == []
    assert not [
        f for f in rowscope.audit(folder).findings if f.code.startswith("VOC") and f.severity == "error"
    ]


def test_a_model_that_no_size_fits_is_told_so(tmp_path):
    """Both tables differ from the size and from each other: VOC103 leaves the step to VOC104."""
    folder = small.save(tmp_path, "llama")
    changed(folder, "lm_head.weight", lambda value: grown(value, 104))
    small.put(folder, "vocab_size", 90)
    assert "No vocab_size fits both" in found(folder, "VOC103")[0].hint
    follow(folder, found(folder, "VOC104")[0].hint, ADD)
    assert small.faults(folder) == []


REFUSED = ["llama", "gpt2", "gemma", "gemma3", "gemma4", "llava", "bert", "t5", "marian"]


def refusal(folder, tokens):
    with pytest.raises(RefusedError) as caught:
        rowscope.plan_claim(folder, tokens)
    return str(caught.value)


@pytest.mark.parametrize("kind", REFUSED)
def test_the_resize_that_a_refused_claim_names_makes_room(tmp_path, kind):
    folder = small.save(tmp_path, kind)
    said = refusal(folder, ["<|a|>", "<|b|>"])
    rows = int(re.search(r"resize_token_embeddings\((\d+)\)", said)[1])
    model = small.cls(folder).from_pretrained(folder)
    model.resize_token_embeddings(rows)
    model.save_pretrained(folder)
    assert small.faults(folder) == []
    assert f"padded to {rows} (a multiple of 64)" in said
    assert rowscope.open_checkpoint(folder).matrices[0].rows == rows
    rowscope.plan_claim(folder, ["<|a|>", "<|b|>"], values="normal")


NO_RESIZE = {
    "mllama": ({}, "does not load again"),
    "roberta": ({"tie_word_embeddings": False}, "does not load again"),
}


@pytest.mark.parametrize("kind", NO_RESIZE)
def test_no_resize_is_named_where_none_works(tmp_path, kind):
    """The counterpart: what `resize_token_embeddings` makes of these does not load, or does not serve."""
    settings, words = NO_RESIZE[kind]
    folder = small.save(tmp_path, kind, **settings)
    said = refusal(folder, ["<|a|>"])
    assert words in said
    assert "resize to" not in said
    report = rowscope.audit(folder)
    assert report.capacity.resizes == ()
    assert report.capacity.no_resize
    assert "resize_token_embeddings" not in " ".join(f.hint for f in report.findings if f.code == "VOC102")
    model = small.cls(folder).from_pretrained(folder)
    model.resize_token_embeddings(ROWS + 32, mean_resizing=False)
    model.save_pretrained(folder)
    assert small.faults(folder)


def test_a_placeholder_that_a_refused_claim_names_can_be_taken(tmp_path):
    folder = small.save(tmp_path / "in", "llama")
    named = json.loads((folder / "tokenizer.json").read_text())
    vocab = named["model"]["vocab"]
    vocab["<|reserved_5|>"] = vocab.pop("w40")
    (folder / "tokenizer.json").write_text(json.dumps(named))
    said = refusal(folder, ["<|a|>"])
    name = re.search(r"--replace '([^']+)'", said)[1]
    rowscope.claim_into(folder, "<|a|>", tmp_path / "out", replace=name, values="normal")
    assert small.faults(tmp_path / "out") == []
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.encode("<|a|>", add_special_tokens=False) == [40]
