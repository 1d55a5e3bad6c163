"""The study of models of every kind: one load, equal runs, and what a kind of model cannot be asked."""

from __future__ import annotations

import pytest

from rowscope.commands.starting import studied_rows
from rowscope.inspector import study as room
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.render.study import study_files
from rowscope.inspector.study import study
from rowscope.inspector.study.compose import write
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.texts import LANGUAGES, Texts

from .test_study import claims, measure

PROBES = ("forward", "gradient", "leak", "train", "verify", "load")


def test_a_second_run_gives_the_same_document(zoo):
    path = str(zoo["gpt2"])
    starts = studied_rows(path, ["text:number", "distil:The lamp costs <NUM> 12 today."], 0)
    first, second = (
        study_files(room.compose(path, steps=2, with_model=True, starts=starts), "out.md") for _ in range(2)
    )
    assert first == second


def test_one_load_serves_all_probes_and_none_is_repeated(zoo, monkeypatch):
    """Whatever runs or loads a model from a study comes through these names."""
    from transformers import PreTrainedModel

    from rowscope.inspector.study import material

    calls = dict.fromkeys(PROBES, 0) | {"from_pretrained": 0}

    def counted(name, real):
        def call(*arguments, **options):
            calls[name] += 1
            return real(*arguments, **options)

        return call

    for name in PROBES:
        monkeypatch.setattr(material, name, counted(name, getattr(material, name)))
    real = PreTrainedModel.from_pretrained.__func__
    monkeypatch.setattr(PreTrainedModel, "from_pretrained", classmethod(counted("from_pretrained", real)))
    starts = studied_rows(str(zoo["qwen2"]), ["text:number", "distil:The lamp costs <NUM> 12 today."], 0)
    found = room.compose(zoo["qwen2"], steps=1, ask=20, starts=starts, with_model=True, device="cpu")
    assert not isinstance(found.material.policy, str)
    assert len(found.material.starts) == 2
    both = [found.said_in(lang).text for lang in LANGUAGES]
    assert calls == dict.fromkeys(calls, 1)
    assert found.text in both


def test_untied_random_model(zoo):
    document = study(zoo["llama"], steps=3, starts=studied_rows(str(zoo["llama"]), None, 0))
    # No used row looks trained: a claim has no mean to write, and the study says so.
    assert "Left out: `mean` (none of the" in document
    assert "| `text:number` |" in document
    verdicts = claims(document)
    assert verdicts["synchronised matrices"] == "corrected"
    assert verdicts["conservative initialisation"] == "confirmed"
    assert document.count("### Input: `model.embed_tokens.weight`") == 1
    assert document.count("### Output: `lm_head.weight`") == 1
    assert "all zero" in document


@pytest.mark.parametrize(("family", "unmeasured"), [("encoder", 4), ("bert", 3), ("t5", 0)])
def test_other_kinds_say_what_they_cannot_run(zoo, family, unmeasured):
    document = study(zoo[family], steps=2, with_model=True)
    assert list(claims(document).values()).count("not measured") == unmeasured
    # Nor can a model without a head be asked, which no claim rests on.
    assert document.count("probe cannot run") == unmeasured + (family == "encoder")


def test_untrained_rows_without_reserved_ones(write_model, tmp_path):
    def collapse(network):
        import torch

        matrix = network.get_input_embeddings().weight
        matrix[:] = torch.randn(262, 6) @ torch.randn(6, 32) + 0.3 * torch.randn(262, 32)
        matrix[[*range(0x80, 0x80 + 2), 250, 251, 252, 253, 254, 255, 260, 261]] = torch.randn(32)

    folder = write_model(tmp_path / "used", "qwen2", placeholders=(), vocab_size=262, edit=collapse)
    document = study(folder, steps=2)
    assert document.startswith("# Untrained vocabulary rows")
    assert "There is no reserved slot" in document
    assert "SuppressReserved([" in document
    assert claims(document)["safe to add `<NUM>`"] == "corrected"
    assert claims(document)["active"] == "corrected"


def test_nothing_to_study(write_model, tmp_path):
    def train(network):
        import torch

        matrix = network.get_input_embeddings().weight
        matrix[:] = torch.randn(262, 6) @ torch.randn(6, 32) + 0.3 * torch.randn(262, 32)

    folder = write_model(tmp_path / "all", "qwen2", placeholders=(), vocab_size=262, edit=train)
    for lang, words in (("en", "There is nothing to study"), ("zh", "没有可研究的")):
        document = study(folder, lang)
        assert words in document
        assert "262" in document


def test_memory_for_one_row_only(monkeypatch, demo):
    from rowscope.inspector.study import material

    real_train = material.train

    def tight(path, **options):
        if set(options.get("variants", ("full",))) - {"token-only", "token-only-decay"}:
            raise RefusedError("too large", code="NO_MEMORY")
        return real_train(path, **options)

    monkeypatch.setattr(material, "train", tight)
    found = measure("demo", steps=2)
    document = write(Document(Texts("en")), found)
    assert "does not fit into memory" in document
    assert claims(document)["safe to add `<NUM>`"] in ("true in part", "cannot be told")
