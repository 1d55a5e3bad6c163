"""Rows that are empty by nature: bytes that UTF-8 cannot contain, and padding. No warning names them."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers.convert_slow_tokenizer import bytes_to_unicode

import rowscope

DEMO = Path(rowscope.__file__).parent / "demo"
IMPOSSIBLE = (0xC0, 0xC1, *range(0xF5, 0x100))


@pytest.fixture
def emptied(tmp_path):
    """`demo` with the rows of these bytes and of some more ids all zeros -> its findings by code."""

    def audit(*more):
        shutil.copytree(DEMO, tmp_path / "m")
        tensors = load_file(tmp_path / "m" / "model.safetensors")
        vocabulary = json.loads((DEMO / "tokenizer.json").read_text())["model"]["vocab"]
        alphabet = bytes_to_unicode()
        ids = [vocabulary[alphabet[byte]] for byte in IMPOSSIBLE]
        tensors["model.embed_tokens.weight"][[*ids, *more]] = 0
        save_file(tensors, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
        return {finding.code: finding for finding in rowscope.audit(tmp_path / "m").findings}

    return audit


def test_their_zero_rows_are_no_warning(emptied):
    assert "ROW202" not in emptied()


def test_other_zero_rows_are(emptied):
    found = emptied(300)["ROW202"]
    assert found.evidence["zero"] == 1
    assert found.evidence["ids"] == [300]


def test_the_padding_of_an_encoder_is_by_design(tmp_path):
    """Marian with two vocabularies: the config's pad id is the decoder's, and torch keeps it zero in both."""
    from transformers import MarianConfig, MarianMTModel

    layers = {f"{side}_layers": 1 for side in ("encoder", "decoder")}
    heads = {f"{side}_attention_heads": 2 for side in ("encoder", "decoder")}
    config = MarianConfig(
        vocab_size=300,
        decoder_vocab_size=200,
        pad_token_id=199,
        decoder_start_token_id=199,
        share_encoder_decoder_embeddings=False,
        tie_word_embeddings=False,
        d_model=32,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        **layers,
        **heads,
    )
    model = MarianMTModel(config)
    assert not model.get_input_embeddings().weight[199].any()
    model.save_pretrained(tmp_path)
    assert "ROW202" not in {finding.code for finding in rowscope.audit(tmp_path).findings}
