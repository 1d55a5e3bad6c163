"""Folders of other formats, and folders within folders."""

import json
import shutil
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope import cli
from rowscope.inspector.errors import CheckpointError, UnfinishedDownloadError

EMBEDDING = "model.embed_tokens.weight"
ROWS, WIDTH = 64, 16
TOKENS = {f"t{id}": id for id in range(ROWS)}
CONFIG = {"vocab_size": ROWS, "hidden_size": WIDTH, "tie_word_embeddings": True}

FOREIGN = [
    (["zero_to_fp32.py", "latest", "rng_state_0.pth", "training_args.bin"], r"zero_to_fp32\.py .*OUT"),
    (["global_step500/", "scheduler.pt"], "zero_to_fp32"),
    (["zero_pp_rank_0_mp_rank_00_optim_states.pt"], "DeepSpeed"),
    (["pytorch_model_fsdp_0/", "optimizer_0/"], "accelerate merge-weights"),
    ([".metadata", "__0_0.distcp"], "dcp_to_torch"),
    (["latest_checkpointed_iteration.txt", "iter_0000100/"], "Megatron-LM"),
    (["model.nemo"], "nemo_to_hf"),
    (["context/", "weights/"], "export_ckpt"),
    (["openvino_model.xml", "openvino_model.bin"], "OpenVINO"),
    (["mine.xml", "mine.bin"], "OpenVINO"),
    (["model.onnx", "model.onnx_data"], "ONNX"),
    (["Model.mlpackage/"], "Core ML"),
    (["model.tflite"], "TensorFlow Lite"),
    (["saved_model.pb", "variables/"], "SavedModel"),
    (["model.bin", "shared_vocabulary.json"], "CTranslate2"),
    (["model.engine"], "TensorRT"),
    (["params_shard_0.bin", "ndarray-cache.json"], "MLC"),
    (["pytorch_model.bin"], "torch.load"),
    (["optimizer.pt", "model.gguf"], "gguf_file"),
    (["training_args.bin", "optimizer.pt", "scheduler.pt"], "holds no safetensors file; give the folder"),
]


@pytest.mark.parametrize(("names", "word"), FOREIGN, ids=[names[0].strip("/") for names, _ in FOREIGN])
def test_other_formats_are_named_with_their_converter(tmp_path, names, word):
    (tmp_path / "config.json").write_text("{}")
    for name in names:
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=word):
        rowscope.open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("model.onnx", "ONNX"),
        ("model.nemo", "NeMo"),
        ("model.tflite", "TensorFlow Lite"),
        ("x.gguf", "gguf_file"),
    ],
)
def test_a_file_of_another_format(tmp_path, name, word):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=word):
        rowscope.open_checkpoint(tmp_path / name)


@pytest.mark.parametrize("suffix", [".part", ".aria2", ".incomplete"])
def test_only_an_unfinished_download(tmp_path, suffix):
    (tmp_path / f"model.safetensors{suffix}").write_bytes(b"x" * 10)
    with pytest.raises(UnfinishedDownloadError, match="finish or repeat") as caught:
        rowscope.open_checkpoint(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("FIL005", 3)


def weights(folder, write_checkpoint, tokens=TOKENS, config=CONFIG):
    matrix = np.random.default_rng(1).normal(size=(ROWS, WIDTH)).astype("f4")
    return write_checkpoint(folder, {EMBEDDING: matrix}, config, tokens)


@pytest.mark.parametrize("own", [True, False], ids=["tokenizer-inside", "tokenizer-above"])
def test_a_sentence_transformers_bundle(tmp_path, write_checkpoint, own):
    inner = weights(tmp_path / "0_Transformer", write_checkpoint)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "2_Dense").mkdir()
    save_file({"linear.weight": np.ones((4, 16), "f4")}, tmp_path / "2_Dense" / "model.safetensors")
    modules = [
        {"idx": at, "name": str(at), "path": name} for at, name in enumerate(("0_Transformer", "1_Pooling"))
    ]
    (tmp_path / "modules.json").write_text(json.dumps([*modules, {"idx": 2, "path": "2_Dense"}]))
    if not own:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.move(inner / name, tmp_path / name)
    report = rowscope.audit(tmp_path)
    assert (report.exit_code(), report.census.tokenizer.entries) == (0, ROWS)
    assert any("modules.json" in note for note in report.checkpoint.notes)


@pytest.mark.parametrize("inner", ["", "0_StaticEmbedding"])
def test_a_static_embedding_has_no_config(tmp_path, write_checkpoint, inner):
    """As sentence-transformers saves it: a table, its tokenizer, and the list of modules."""
    matrix = np.random.default_rng(1).normal(size=(ROWS, WIDTH)).astype("f4")
    write_checkpoint(tmp_path / inner, {"embedding.weight": matrix}, tokens=TOKENS)
    kind = "sentence_transformers.models.StaticEmbedding"
    (tmp_path / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": inner, "type": kind}]))
    report = rowscope.audit(tmp_path)
    assert [(m.role, m.tensor, m.shape) for m in report.matrices] == [
        ("input", "embedding.weight", (ROWS, WIDTH))
    ]
    assert (report.complete, report.exit_code()) == (True, 0)


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", ".."])
def test_a_bundle_leads_nowhere_else(tmp_path, write_checkpoint, path):
    weights(tmp_path / "elsewhere", write_checkpoint)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "modules.json").write_text(json.dumps([{"path": path}]))
    with pytest.raises(CheckpointError, match="holds no safetensors file"):
        rowscope.open_checkpoint(tmp_path / "bundle")


def pipeline(tmp_path, write_checkpoint):
    for suffix in ("", "_2"):
        inner = weights(tmp_path / f"text_encoder{suffix}", write_checkpoint)
        (tmp_path / f"tokenizer{suffix}").mkdir()
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.move(inner / name, tmp_path / f"tokenizer{suffix}" / name)
    (tmp_path / "model_index.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("suffix", ["", "_2"])
@pytest.mark.parametrize("given", [True, False])
def test_a_text_encoder_finds_its_tokenizer(tmp_path, write_checkpoint, suffix, given):
    folder = pipeline(tmp_path, write_checkpoint)
    tokenizer = folder / f"tokenizer{suffix}" if given else None
    checkpoint = rowscope.open_checkpoint(folder / f"text_encoder{suffix}", tokenizer=tokenizer)
    assert checkpoint.tokenizer_folder.local() == folder / f"tokenizer{suffix}"
    assert rowscope.audit(checkpoint).exit_code() == 0
    assert rowscope.reserved_ids(checkpoint).size == 0


def test_a_pipeline_names_the_command_for_its_text_encoder(tmp_path, write_checkpoint, monkeypatch):
    """The step that the message names works."""

    folder = pipeline(tmp_path, write_checkpoint)
    with pytest.raises(CheckpointError, match="diffusers pipeline") as caught:
        rowscope.open_checkpoint(folder)
    words = caught.value.message.partition("give ")[2].split()
    monkeypatch.setattr(sys, "argv", ["rowscope", "audit", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code


def test_mistrals_own_folder(tmp_path, write_checkpoint):
    folder = weights(tmp_path, write_checkpoint, config=None)
    (folder / "model.safetensors").unlink()
    head = np.random.default_rng(2).normal(size=(ROWS, WIDTH)).astype("f4")
    save_file({"tok_embeddings.weight": head, "output.weight": head + 1}, folder / "consolidated.safetensors")
    (folder / "params.json").write_text(json.dumps({"dim": WIDTH, "n_layers": 2, "vocab_size": ROWS}))
    report = rowscope.audit(folder)
    assert [matrix.role for matrix in report.matrices] == ["input", "output"]
    assert (report.exit_code(), report.census.config_vocab_size) == (0, ROWS)
    assert any("params.json" in note for note in report.checkpoint.notes)


def test_steps_of_a_run(tmp_path, write_checkpoint):
    for step in (500, 1000, 9):
        weights(tmp_path / f"checkpoint-{step}", write_checkpoint)
    with pytest.raises(CheckpointError, match=r"the last is .*checkpoint-1000"):
        rowscope.open_checkpoint(tmp_path)
    inner = tmp_path / "checkpoint-500"
    (inner / "optimizer.pt").write_bytes(b"x")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.move(inner / name, tmp_path / name)
    report = rowscope.audit(inner)
    assert (report.exit_code(), report.census.tokenizer.entries) == (0, ROWS)


@pytest.mark.parametrize("own", ["modules.json", "router_config.json"])
def test_a_table_routed_beside_a_model(tmp_path, write_checkpoint, own):
    """Queries through a table, documents through a model: each folder is read as what it is."""
    matrix = np.random.default_rng(1).normal(size=(ROWS, WIDTH)).astype("f4")
    table = tmp_path / "query_0_StaticEmbedding"
    write_checkpoint(table, {"embedding.weight": matrix}, tokens=TOKENS)
    weights(tmp_path / "document_0_Transformer", write_checkpoint)
    kinds = {"query_0_StaticEmbedding": "x.StaticEmbedding", "document_0_Transformer": "x.Transformer"}
    router = [{"idx": 0, "path": "", "type": "sentence_transformers.models.Router"}]
    (tmp_path / "modules.json").write_text(json.dumps(router))
    (tmp_path / "router_config.json").write_text(json.dumps({"types": kinds}))
    if own == "modules.json":
        (tmp_path / "router_config.json").write_text("[]")
    assert rowscope.audit(table).complete == (own == "router_config.json")
    assert rowscope.audit(tmp_path / "document_0_Transformer").exit_code() == 0
    with pytest.raises(CheckpointError, match="query_0_StaticEmbedding' do; give one"):
        rowscope.open_checkpoint(tmp_path)


def test_word_vectors_have_no_config(tmp_path, write_checkpoint):
    matrix = np.random.default_rng(1).normal(size=(ROWS, WIDTH)).astype("f4")
    write_checkpoint(tmp_path, {"emb_layer.weight": matrix}, tokens=TOKENS)
    kind = "sentence_transformers.models.WordEmbeddings"
    (tmp_path / "modules.json").write_text(json.dumps([{"idx": 0, "path": "", "type": kind}]))
    report = rowscope.audit(tmp_path)
    assert ([matrix.tensor for matrix in report.matrices], report.complete) == (["emb_layer.weight"], True)


def test_the_third_text_encoder_of_a_pipeline(tmp_path, write_checkpoint):
    """T5 in shards, beside a half-precision copy of itself, its tokenizer in tokenizer_3."""
    inner = weights(tmp_path / "text_encoder_3", write_checkpoint)
    shutil.copy(inner / "model.safetensors", inner / "model.fp16.safetensors")
    (tmp_path / "tokenizer_3").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.move(inner / name, tmp_path / "tokenizer_3" / name)
    (tmp_path / "model_index.json").write_text("{}")
    report = rowscope.audit(inner)
    assert (report.exit_code(), report.census.tokenizer.entries) == (0, ROWS)
    assert [file.name for file in report.checkpoint.files] == ["model.safetensors"]
    with pytest.raises(CheckpointError, match=r"text_encoder_3 --tokenizer .*tokenizer_3"):
        rowscope.open_checkpoint(tmp_path)
