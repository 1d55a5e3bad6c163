"""Byte-fallback tokens that nothing falls back to: told by the tokenizers library's own encoding."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models

import rowscope
from rowscope.inspector.evidence import spare_bytes
from rowscope.inspector.storage import LocalFolder
from rowscope.inspector.vocabulary import read_vocabulary

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CHARACTERS = ["!", "#", "a", "b", "\n", "é"]


@pytest.fixture
def folder(tmp_path):
    """Placeholders and bytes of characters that have an entry lie on one vector; the rest is random."""
    names = [*(f"<unused{n}>" for n in range(16)), *BYTES, *CHARACTERS]
    model = models.BPE({name: id for id, name in enumerate(names)}, [], byte_fallback=True)
    Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(names), 64)).astype("f4")
    vector = rng.normal(size=64)
    still = [*range(16), *(names.index(f"<0x{ord(c):02X}>") for c in "!#ab\n")]
    still += [names.index(f"<0x{byte:02X}>") for byte in (0xC0, 0xC1, *range(0xF5, 0x100))]
    rows[still] = vector + rng.normal(size=(len(still), 64)) * 1e-3
    config = {"architectures": ["LlamaForCausalLM"], "vocab_size": len(names), "tie_word_embeddings": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"model.embed_tokens.weight": rows}, tmp_path / "model.safetensors")
    return tmp_path


def test_spare_is_what_the_tokenizer_never_falls_back_to(folder):
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = read_vocabulary(LocalFolder(folder))
    expected = {
        library.token_to_id(BYTES[byte])
        for byte in range(0x80)
        if library.encode(chr(byte)).ids != [library.token_to_id(BYTES[byte])]
    }
    assert len(expected) == 5
    assert set(spare_bytes(vocabulary, 10_000).tolist()) == expected
    assert spare_bytes(vocabulary, 10).size == 0


def test_no_finding_blames_them(folder):
    """They are collapsed, and listed so under their own name: what no text reaches is no glitch token."""
    report = rowscope.audit(folder)
    named = " ".join(finding.message for finding in report.findings if finding.code in ("ROW203", "TOK302"))
    assert "<0x21>" not in named
    rows = rowscope.row_table(folder, evidence=True)
    id = rows.token.tolist().index("<0x21>")
    assert rows.verdict[id] == "collapsed"
    assert read_vocabulary(LocalFolder(folder)).shown(id) == "<0x21>"
