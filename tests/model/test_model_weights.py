"""How the weights come into memory: told tensor by tensor, and converted without mapped pages beside them."""

from __future__ import annotations

import pytest

import rowscope
from rowscope.inspector import model


@pytest.fixture
def opened(monkeypatch):
    """How transformers opens weights files while a test runs: the backends, in order."""
    import transformers.modeling_utils as modeling

    if not hasattr(modeling, "safe_open"):
        pytest.skip("this version of transformers opens files elsewhere")
    plain, found = modeling.safe_open, []

    def spy(*given, **more):
        found.append(more.get("backend"))
        return plain(*given, **more)

    monkeypatch.setattr(modeling, "safe_open", spy)
    yield found
    assert modeling.safe_open is spy


@pytest.mark.parametrize(("dtype", "backend"), [("float32", "pread"), ("bfloat16", "mmap")])
def test_converted_weights_are_not_mapped(opened, dtype, backend):
    from safetensors.torch import load_file

    loaded = model.load("demo", probe="forward", device="cpu", dtype=dtype)
    if opened == [None]:
        pytest.skip("this version of transformers knows one way to open files")
    assert opened == [backend]
    stored = {}
    for file in loaded.checkpoint.root.glob("*.safetensors"):
        stored |= load_file(file)
    for name, value in loaded.network.state_dict().items():
        wanted = stored.get(name, stored["model.embed_tokens.weight"])
        assert value.equal(wanted.to(value.dtype)), name


def test_a_load_that_fails_leaves_transformers_as_it_was(opened, zoo, tmp_path):
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(zoo["llama"], folder)
    config = (folder / "config.json").read_text().replace('"hidden_size": 32', '"hidden_size": 48')
    (folder / "config.json").write_text(config)
    with pytest.raises(rowscope.RowscopeError):
        model.load(folder, probe="forward", dtype="bfloat16", progress=lambda *_: None)
    from transformers.utils import logging

    if hasattr(logging, "set_tqdm_hook"):
        assert logging.set_tqdm_hook(None) is None


def test_loading_tells_how_many_tensors_are_there(zoo):
    from transformers.utils import logging

    if not hasattr(logging, "set_tqdm_hook"):
        pytest.skip("this version of transformers has no hook")
    mine = lambda make, given, more: make(*given, **more)  # noqa: E731
    before = logging.set_tqdm_hook(mine)
    seen = []
    try:
        loaded = model.load(zoo["llama"], probe="forward", progress=lambda *step: seen.append(step))
        assert logging.set_tqdm_hook(before) is mine
    finally:
        logging.set_tqdm_hook(before)
    total = len(loaded.checkpoint.tensors)
    assert {stage for stage, _, _ in seen} == {"loading the model, 0 MB"}
    assert [step[1:] for step in seen] == [(done, total) for done in range(total + 1)]


def test_a_head_reads_the_last_position_of_one_sequence_in_one_piece(load_zoo):
    """Of a row with the strides of a longer sequence torch would copy the output matrix."""
    import torch

    from rowscope.inspector.model.loading.call import call

    loaded, seen = load_zoo("qwen2"), []
    hook = loaded.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].stride()))
    try:
        with torch.no_grad():
            for rows in (1, 3):
                call(loaded, torch.full((rows, 7), 5), last=True)
    finally:
        hook.remove()
    assert seen == [(32, 32, 1), (32, 32, 1)]
