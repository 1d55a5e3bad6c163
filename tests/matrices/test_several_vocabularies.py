"""Checkpoints with more than one vocabulary: all tables listed, findings where rows have names."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.errors import NoMatrixError, RefusedError, UsageError

WIDTH = 16


def folder(path, tensors, config=None, tokens=0, added=()):
    """A checkpoint of float32 tables by shape, and a word-level tokenizer of `tokens` words."""
    rng = np.random.default_rng(0)
    made = {
        name: rng.normal(0, 0.1, shape).astype(np.float32) if isinstance(shape, tuple) else shape
        for name, shape in tensors.items()
    }
    save_file(made, path / "model.safetensors")
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    if tokens:
        taken = set(dict(added).values())
        names = {f"w{id}": id for id in range(tokens) if id not in taken} | dict(added)
        special = [{"id": id, "content": name, "special": True} for name, id in dict(added).items()]
        (path / "tokenizer.json").write_text(
            json.dumps(
                {
                    "model": {"type": "WordLevel", "vocab": names, "unk_token": min(names)},
                    "added_tokens": special,
                }
            )
        )
    return path


def codes_of(report, severity="error"):
    return sorted({finding.code for finding in report.findings if finding.severity == severity})


def roles(path):
    return {
        table.matrix.tensor: (table.role, table.vocabulary) for table in rowscope.open_checkpoint(path).tables
    }


SEPARATE = {
    "architectures": ["MarianMTModel"],
    "model_type": "marian",
    "vocab_size": 60,
    "decoder_vocab_size": 40,
    "share_encoder_decoder_embeddings": False,
    "tie_word_embeddings": False,
    "eos_token_id": 0,
    "pad_token_id": 39,
    "decoder_start_token_id": 39,
}
MARIAN = {"</s>": 0, "<unk>": 1, "<pad>": 59}
SIDES = {
    "model.encoder.embed_tokens.weight": (60, WIDTH),
    "model.decoder.embed_tokens.weight": (40, WIDTH),
    "lm_head.weight": (40, WIDTH),
    "final_logits_bias": (1, 40),
}


def test_source_and_target_tables(tmp_path):
    report = rowscope.audit(folder(tmp_path, SIDES, SEPARATE, tokens=60, added=MARIAN))
    assert [(m.role, m.tensor, m.shape) for m in report.matrices] == [
        ("input", "model.encoder.embed_tokens.weight", (60, WIDTH))
    ]
    assert report.census.config_vocab_size == 60
    assert codes_of(report) == codes_of(report, "warning") == []
    found = {table.name: (table.role, table.rows, table.vocabulary) for table in report.tables}
    assert found["lm_head.weight"] == ("decoder output", 40, None)
    assert found["model.decoder.embed_tokens.weight"] == ("decoder input", 40, None)


def test_source_and_target_tables_of_one_size(tmp_path):
    """A sibling: equal sizes, and still two vocabularies."""
    same = {**SEPARATE, "decoder_vocab_size": 60}
    shapes = {name: (60, WIDTH) for name in SIDES if name != "final_logits_bias"}
    assert roles(folder(tmp_path, shapes, same))["lm_head.weight"] == ("decoder output", None)


def test_fsmt_keeps_two_vocabularies(tmp_path):
    config = {"architectures": ["FSMTForConditionalGeneration"], "model_type": "fsmt"}
    config |= {"src_vocab_size": 50, "tgt_vocab_size": 44, "is_encoder_decoder": True}
    shapes = {
        "model.encoder.embed_tokens.weight": (50, WIDTH),
        "model.decoder.embed_tokens.weight": (44, WIDTH),
    }
    report = rowscope.audit(folder(tmp_path, shapes, config, tokens=50))
    assert [m.tensor for m in report.matrices] == ["model.encoder.embed_tokens.weight"]
    assert report.census.config_vocab_size == 50
    assert codes_of(report) == []
    assert report.tables[1].role == "decoder input and output"


CODEC = {
    "architectures": ["DiaForConditionalGeneration"],
    "model_type": "dia",
    "encoder_config": {"model_type": "dia_encoder", "vocab_size": 64, "hidden_size": WIDTH},
    "decoder_config": {"vocab_size": 20, "num_channels": 3, "eos_token_id": 1024, "pad_token_id": 1025},
}
CODEC_SHAPES = {
    "model.encoder.embedding.weight": (64, WIDTH),
    "model.decoder.embeddings.embed.weight": (60, WIDTH),
    "logits_dense.weight": (60, WIDTH),
}


def test_audio_codes_beside_text(tmp_path):
    folder(tmp_path, CODEC_SHAPES, CODEC)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": 1024, "pad_token_id": 1025}))
    report = rowscope.audit(tmp_path)
    assert [(m.role, m.tensor) for m in report.matrices] == [("input", "model.encoder.embedding.weight")]
    assert not report.census.tied
    assert codes_of(report) == []
    assert {t.name for t in report.tables} == set(CODEC_SHAPES)
    with pytest.raises(RefusedError, match="no ids of the tokenizer"):
        rowscope.mask(tmp_path, "untrained")


def test_a_text_encoder_before_a_music_model(tmp_path):
    """A sibling: the tables of the code books are many, and the decoder's ids are codes."""
    config = {
        "architectures": ["MusicgenForConditionalGeneration"],
        "model_type": "musicgen",
        "text_encoder": {"model_type": "t5", "vocab_size": 96, "d_model": WIDTH, "eos_token_id": 1},
        "decoder": {"model_type": "musicgen_decoder", "vocab_size": 48, "pad_token_id": 2048},
        "pad_token_id": 2048,
    }
    shapes = {"text_encoder.shared.weight": (96, WIDTH)}
    for book in range(4):
        shapes[f"decoder.model.decoder.embed_tokens.{book}.weight"] = (49, WIDTH)
        shapes[f"decoder.lm_heads.{book}.weight"] = (48, WIDTH)
    report = rowscope.audit(folder(tmp_path, shapes, config, tokens=96))
    assert [m.tensor for m in report.matrices] == ["text_encoder.shared.weight"]
    assert codes_of(report) == []
    assert sum(table.vocabulary is None for table in report.tables) == 8


DRAFT = {
    "architectures": ["LlamaForCausalLMEagle3"],
    "model_type": "llama",
    "vocab_size": 64,
    "hidden_size": WIDTH,
    "draft_vocab_size": 20,
    "tie_word_embeddings": False,
}


def draft(path):
    offsets = np.arange(20, dtype=np.int64) * 2 + 1  # row i is token 3 i + 1
    tensors = {"embed_tokens.weight": (64, WIDTH), "lm_head.weight": (20, WIDTH), "d2t": offsets}
    return folder(path, tensors, DRAFT, tokens=64)


def test_rows_of_a_draft_head_are_called_by_its_own_table(tmp_path):
    path = draft(tmp_path)
    table = rowscope.row_table(path, role="output", evidence=True)
    assert table.token.tolist() == [f"w{3 * row + 1}" for row in range(20)]
    assert rowscope.row_table(path, role="lm_head.weight", ids=np.array([5]), evidence=True).token[0] == "w16"


def test_a_draft_head_is_not_judged_beside_the_whole_vocabulary(tmp_path):
    report = rowscope.audit(draft(tmp_path))
    assert [m.tensor for m in report.matrices] == ["embed_tokens.weight"]
    assert {f.code for f in report.findings} & {"VOC103", "VOC104", "TIE401", "TIE402"} == set()
    assert (report.tables[1].name, report.tables[1].role, report.tables[1].vocabulary) == (
        "lm_head.weight",
        "draft output",
        "draft",
    )
    alone = rowscope.audit(tmp_path, matrix="lm_head.weight")
    assert alone.census.groups["base"].examples[:3] == ("w1", "w4", "w7")


def test_a_draft_head_without_an_input_is_named(tmp_path):
    """A sibling: the input is the target model's, so nothing here has the tokenizer's ids."""
    tensors = {"lm_head.weight": (20, WIDTH), "d2t": np.zeros(20, dtype=np.int64)}
    with pytest.raises(NoMatrixError, match=r"vocabulary of its own.*--matrix lm_head\.weight"):
        rowscope.audit(folder(tmp_path, tensors, DRAFT))


def test_matrix_by_name_lists_what_there_is(tmp_path):
    with pytest.raises(UsageError, match=r"embed_tokens\.weight \(input\), lm_head\.weight \(draft output\)"):
        rowscope.row_table(draft(tmp_path), role="head")


def test_a_table_of_another_vocabulary_has_no_tokens(tmp_path):
    path = folder(tmp_path, SIDES, SEPARATE, tokens=60, added=MARIAN)
    table = rowscope.row_table(path, role="model.decoder.embed_tokens.weight", evidence=True)
    assert len(table) == 40
    assert set(table.token) == {None}
    assert "no tokenizer names the rows" in table.note
    report = rowscope.audit(path, matrix="lm_head.weight")
    assert report.matrices[0].shape == (40, WIDTH)
    assert codes_of(report) == []
    assert report.complete


PER_LAYER = {"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text", "vocab_size": 64}
PER_LAYER |= {"hidden_size": WIDTH, "vocab_size_per_layer_input": 50}
LAYERED = {"model.embed_tokens.weight": (64, WIDTH), "model.embed_tokens_per_layer.weight": (50, 8)}


@pytest.mark.parametrize(("tokens", "severity"), [(0, "error"), (64, "error"), (50, "warning")])
def test_a_short_table_beside_the_main_one(tmp_path, tokens, severity):
    report = rowscope.audit(folder(tmp_path, LAYERED, PER_LAYER, tokens=tokens))
    finding = next(finding for finding in report.findings if finding.code == "VOC109")
    assert finding.severity == severity
    assert finding.evidence["count"] == (0 if tokens == 50 else 14)
    assert report.capacity.rows == 50
    assert report.tables[1].role == "per-layer input"


def test_a_family_that_guards_the_lookup_has_no_such_error(tmp_path):
    config = PER_LAYER | {"architectures": ["Gemma3nForCausalLM"], "model_type": "gemma3n_text"}
    assert "VOC109" not in codes_of(rowscope.audit(folder(tmp_path, LAYERED, config)))


def test_ids_that_are_routed_elsewhere_are_not_handed_out(tmp_path):
    config = {
        "architectures": ["Gemma3nForConditionalGeneration"],
        "model_type": "gemma3n",
        "text_config": {"vocab_size": 70, "hidden_size": WIDTH, "vocab_size_per_layer_input": 64},
        "vision_config": {"vocab_size": 4, "vocab_offset": 64, "hidden_size": 8},
        "audio_config": {"vocab_size": 2, "vocab_offset": 68, "hidden_size": 8},
    }
    shapes = {
        "model.language_model.embed_tokens.weight": (70, WIDTH),
        "model.language_model.embed_tokens_per_layer.weight": (64, 8),
        "model.embed_vision.embedding.weight": (4, 8),
    }
    path = folder(tmp_path, shapes, config, tokens=60, added={"<image>": 64})
    report = rowscope.audit(path)
    assert codes_of(report) == []
    assert report.capacity.rows == 64
    assert report.capacity.assignable.count == 0
    assert {t.role for t in report.tables} == {"both", "per-layer input", "image input"}
    with pytest.raises(RefusedError):
        rowscope.plan_claim(path, "<new>", values="keep")


HEADS = {
    "model.paligemma_with_expert.gemma_expert.lm_head.weight": (64, WIDTH // 2),
    "model.paligemma_with_expert.paligemma.language_model.lm_head.weight": (64, WIDTH),
}


def test_the_head_of_the_language_model_not_of_the_expert(tmp_path):
    config = {"model_type": "paligemma", "architectures": ["PaliGemmaForConditionalGeneration"]}
    config |= {"image_token_index": 64, "text_config": {"vocab_size": 64, "hidden_size": WIDTH}}
    report = rowscope.audit(folder(tmp_path, HEADS, config, tokens=64, added={"<image>": 64}))
    assert [m.shape for m in report.matrices] == [(64, WIDTH)]
    assert codes_of(report) == ["VOC102"]
    assert next(t for t in report.tables if t.width == WIDTH // 2).role == "expert output"


LLAMA = {"<unk>": 0, "<s>": 1, "</s>": 2}


def test_ids_of_pictures_count_only_where_a_token_has_them(tmp_path):
    """Configs state such ids for tokenizers that they do not come with."""
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 64,
        "image_token_id": 900,
    }
    shapes = {"model.embed_tokens.weight": (64, WIDTH), "lm_head.weight": (64, WIDTH)}
    report = rowscope.audit(folder(tmp_path, shapes, config, tokens=64, added=LLAMA))
    assert codes_of(report) == []
    assert 900 not in {token.id for token in report.special_tokens}


@pytest.mark.parametrize(
    ("tensors", "config"),
    [
        (
            {"head.weight": (100, WIDTH), "head.bias": (100,), "patch_embed.proj.weight": (WIDTH, 3, 4, 4)},
            None,
        ),
        ({"head.weight": (100, WIDTH)}, {"architecture": "vit_tiny", "num_classes": 100}),
        ({"classifier.weight": (100, WIDTH), "vit.embeddings.position_embeddings": (1, 5, WIDTH)}, None),
        ({"decoder.weight": (100, WIDTH), "pos_embed.weight": (100, WIDTH)}, {"num_labels": 100}),
    ],
)
def test_a_classifier_is_no_output_matrix(tmp_path, tensors, config):
    with pytest.raises(NoMatrixError, match="Nearest: ") as caught:
        rowscope.audit(folder(tmp_path, tensors, config))
    assert "[100, 16]" in str(caught.value)


def test_every_miss_says_why(tmp_path):
    config = {"model_type": "x", "vocab_size": 5000}
    tensors = {
        "embedding.weight": (100, WIDTH),
        "pos_embed.weight": (100, WIDTH),
        "dense.weight": (30, WIDTH),
    }
    with pytest.raises(NoMatrixError) as caught:
        rowscope.audit(folder(tmp_path, tensors, config))
    message = str(caught.value)
    assert "'embedding.weight' [100, 16]: other models use the name for other things" in message
    assert "'pos_embed.weight' [100, 16]: its name is that of positions" in message
    assert "30 rows where the config states 5,000" in message
