"""Rows of added ids that stand in a table of their own: they are rows, so that nothing is missing."""

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import RefusedError

# IdeficsDecoupledEmbedding and Molmo2Embedding of transformers: ids from vocab_size on are in the second.
IDEFICS = (
    {
        "model.embed_tokens.weight": (96, 64),
        "model.embed_tokens.additional_embedding.weight": (8, 64),
        "lm_head.weight": (96, 64),
        "lm_head.additional_fc.weight": (8, 64),
    },
    {
        "model_type": "idefics",
        "architectures": ["IdeficsForVisionText2Text"],
        "vocab_size": 96,
        "additional_vocab_size": 8,
        "hidden_size": 64,
        "tie_word_embeddings": False,
        "eos_token_id": 97,
    },
)
MOLMO = (
    {
        "model.transformer.wte.embedding": (96, 64),
        "model.transformer.wte.new_embedding": (8, 64),
        "lm_head.weight": (96, 64),
    },
    {
        "model_type": "molmo2",
        "architectures": ["Molmo2ForConditionalGeneration"],
        "eos_token_id": 97,
        "text_config": {
            "model_type": "molmo2_text",
            "vocab_size": 96,
            "additional_vocab_size": 8,
            "hidden_size": 64,
        },
    },
)


def audited(folder, write_checkpoint, shapes, config, entries):
    random = np.random.default_rng(0)
    tensors = {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    return rowscope.audit(
        write_checkpoint(folder, tensors, config, {f"word{id}": id for id in range(entries)})
    )


def errors(report):
    return [f.code for f in report.findings if f.severity == "error" and f.code[:3] in ("VOC", "TIE")]


@pytest.mark.parametrize(("shapes", "config"), [IDEFICS, MOLMO], ids=["idefics", "molmo2"])
def test_ids_of_the_second_table_have_rows(shapes, config, tmp_path, write_checkpoint):
    report = audited(tmp_path, write_checkpoint, shapes, config, 104)
    assert errors(report) == []
    assert "VOC102" not in {finding.code for finding in report.findings}


@pytest.mark.parametrize(("shapes", "config"), [IDEFICS, MOLMO], ids=["idefics", "molmo2"])
def test_ids_behind_both_have_none(shapes, config, tmp_path, write_checkpoint):
    report = audited(tmp_path, write_checkpoint, shapes, {**config, "eos_token_id": 105}, 106)
    assert sorted(errors(report)) == ["VOC102", "VOC105"]


@pytest.mark.parametrize(("shapes", "config"), [IDEFICS, MOLMO], ids=["idefics", "molmo2"])
def test_rows_by_design_are_offered_to_nobody(shapes, config, tmp_path, write_checkpoint):
    """Neither a resize nor another token's place is named, and the report names no claim."""
    report = audited(tmp_path, write_checkpoint, shapes, config, 96)
    assert report.capacity.by_design
    assert (report.capacity.resizes, report.capacity.without_resize) == ((), 0)
    assert "claim" not in " ".join(finding.hint for finding in report.findings)
    with pytest.raises(RefusedError) as caught:
        rowscope.plan_claim(tmp_path, "<|mine|>")
    assert "so nothing can be claimed" in str(caught.value)
    assert "--replace" not in str(caught.value)
    assert "resize to" not in str(caught.value)
