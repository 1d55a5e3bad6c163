"""Ways from other files to safetensors, as the messages name them, followed word for word."""

import re
import shlex
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="extra model")
pytest.importorskip("transformers", minversion="5.0", reason="classes of transformers 5")
pytest.importorskip("tokenizers", reason="extra tokenizer")

import torch
import transformers
from safetensors.torch import load_file

import rowscope
from rowscope.inspector.errors import MalformedFileError

from . import small_models as small


def test_cutting_a_file_mends_it(tmp_path):
    folder = small.save(tmp_path, "llama")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"\0" * 16)
    with pytest.raises(MalformedFileError) as caught:
        rowscope.open_checkpoint(folder)
    command = re.search(r"\((truncate -s \d+) FILE\)", str(caught.value))[1]
    subprocess.run([*shlex.split(command), path], check=True)
    assert small.faults(folder) == []
    rowscope.open_checkpoint(folder)


def test_the_way_from_a_pickle_to_safetensors(tmp_path):
    """The head must come along: AutoModel alone would leave it out."""
    folder = small.save(tmp_path, "llama")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(rowscope.RowscopeError) as caught:
        rowscope.open_checkpoint(folder)
    said = str(caught.value)
    step = r"(\w+)\.from_pretrained\(FOLDER\)\.save_pretrained\(OUT\)"
    name = re.search(step, said)[1]
    getattr(transformers, name).from_pretrained(folder).save_pretrained(tmp_path / "out")
    assert len(rowscope.open_checkpoint(tmp_path / "out").matrices) == 2


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "as-accelerate"])
def test_the_way_from_a_distributed_checkpoint(tmp_path, nested, monkeypatch):
    import torch.distributed.checkpoint as dcp

    folder = small.save(tmp_path / "model", "llama")
    state = (
        {"model": load_file(folder / "model.safetensors")}
        if nested
        else load_file(folder / "model.safetensors")
    )
    dcp.save(state, checkpoint_id=tmp_path / "dcp", no_dist=True)
    with pytest.raises(rowscope.RowscopeError) as caught:
        rowscope.open_checkpoint(tmp_path / "dcp")
    command, code = re.search(
        r"python (-m .* OUT\.pt), then in Python: (.*\.safetensors'\))", str(caught.value)
    ).groups()
    monkeypatch.chdir(folder)
    subprocess.run([sys.executable, *shlex.split(command)], check=True, capture_output=True)
    exec(code, {"torch": torch, "safetensors": __import__("safetensors.torch")})
    assert small.faults(folder) == []
    assert len(rowscope.open_checkpoint(folder).matrices) == 2
