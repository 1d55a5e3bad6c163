"""A sharded checkpoint."""

import pytest

from ..writing import EMBED, FIRST, NORM, SECOND, write, write_index


@pytest.fixture
def sharded(tmp_path):
    write(tmp_path, FIRST, EMBED)
    write(tmp_path, SECOND, NORM)
    write_index(tmp_path, {"model.embed_tokens.weight": FIRST, "model.norm.weight": SECOND})
    (tmp_path / "config.json").write_text('{"model_type": "llama", "vocab_size": 8}', encoding="utf-8")
    return tmp_path
