"""Tensors in parts, against torch's own consolidation; parts that nothing tells apart are refused by name."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.errors import CheckpointError, MalformedFileError, MissingShardError
from rowscope.inspector.rows import open_rows

EMBEDDING = "model.embed_tokens.weight"
ROWS, WIDTH = 96, 16


def matrix(seed=3):
    return np.random.default_rng(seed).normal(size=(ROWS, WIDTH)).astype("f4")


def split(folder, pieces, name=EMBEDDING, more=None):
    """One file a rank, as torch.distributed.checkpoint names and marks them."""
    folder.mkdir(parents=True, exist_ok=True)
    for rank, (at, part) in enumerate(pieces, start=1):
        info = {name: {"saved_offsets": list(at)}}
        tensors = {name: np.ascontiguousarray(part)}
        if more and rank == 1:
            tensors |= more
            info |= {key: {"saved_offsets": [0] * value.ndim} for key, value in more.items()}
        path = folder / f"shard-{rank:05d}-model-00001-of-00001.safetensors"
        save_file(tensors, path, metadata={"format": "pt", "DCP_SHARDING_INFO": json.dumps(info)})
    return folder


def config(folder, vocab=ROWS):
    (folder / "config.json").write_text(json.dumps({"vocab_size": vocab, "tie_word_embeddings": True}))


def grid(whole, rows, columns):
    """The pieces of a matrix cut at these rows and columns."""
    row_ends, column_ends = [*rows, whole.shape[0]], [*columns, whole.shape[1]]
    return [
        ((top, left), whole[top:bottom, left:right])
        for top, bottom in zip([0, *rows], row_ends, strict=True)
        for left, right in zip([0, *columns], column_ends, strict=True)
    ]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [([48], []), ([20, 64], []), ([], [8]), ([], [4, 12]), ([32], [8])],
    ids=["two", "uneven", "columns", "three-columns", "grid"],
)
def test_parts_are_read_as_torch_consolidates_them(tmp_path, rows, columns):
    consolidate = pytest.importorskip(
        "torch.distributed.checkpoint._consolidate_hf_safetensors", reason="torch 2.8 or newer"
    ).consolidate_safetensors_files
    folder = split(
        tmp_path / "parts", grid(matrix(), rows, columns), more={"model.norm.weight": np.ones(16, "f4")}
    )
    config(folder)
    out = tmp_path / "whole"
    out.mkdir()
    consolidate(str(folder), str(out), {EMBEDDING: 1, "model.norm.weight": 1})
    with safe_open(out / "model-00001-of-00001.safetensors", "numpy") as file:
        expected = file.get_tensor(EMBEDDING).astype("f8")
    checkpoint = rowscope.open_checkpoint(folder)
    assert checkpoint.matrices[0].shape == (ROWS, WIDTH)
    assert not checkpoint.problems
    found = rowscope.row_table(checkpoint)
    np.testing.assert_allclose(found.norm, np.linalg.norm(expected, axis=1), rtol=1e-12)
    some = rowscope.row_table(checkpoint, ids=np.array([95, 0, 47, 48]))
    np.testing.assert_allclose(some.mean, expected[[95, 0, 47, 48]].mean(axis=1), rtol=1e-12)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_blocks_of_pieces_are_the_blocks_of_the_whole(tmp_path_factory, data):
    cuts = st.lists(st.integers(1, ROWS - 1), unique=True, max_size=4).map(sorted)
    edges = st.lists(st.integers(1, WIDTH - 1), unique=True, max_size=2).map(sorted)
    whole = matrix()
    folder = split(tmp_path_factory.mktemp("p"), grid(whole, data.draw(cuts), data.draw(edges)))
    config(folder)
    low = data.draw(st.integers(0, ROWS - 1))
    high = data.draw(st.integers(low + 1, ROWS))
    with open_rows(rowscope.open_checkpoint(folder).matrices[0]) as reader:
        block = np.ascontiguousarray(reader.block(low, high)).view("f4")
        np.testing.assert_array_equal(block, whole[low:high])
        reader.release(low, high)
        columns = reader.decode(np.arange(low, high), 3, 9)
        np.testing.assert_array_equal(columns, whole[low:high, 3:9])


def test_one_part_alone_is_refused(tmp_path):
    folder = split(tmp_path, grid(matrix(), [48], []))
    config(folder)
    with pytest.raises(CheckpointError, match="give the folder"):
        rowscope.open_checkpoint(folder / "shard-00002-model-00001-of-00001.safetensors")


def test_a_part_under_another_name_is_refused(tmp_path):
    """Its offsets begin behind row 0: the rows before them are nowhere."""
    folder = split(tmp_path / "parts", grid(matrix(), [48], []))
    (tmp_path / "alone").mkdir()
    (folder / "shard-00002-model-00001-of-00001.safetensors").rename(tmp_path / "alone" / "model.safetensors")
    with pytest.raises(MissingShardError, match="768 of its 1,536"):
        rowscope.open_checkpoint(tmp_path / "alone")


def test_the_last_rank_is_missing(tmp_path):
    folder = split(tmp_path, grid(matrix(), [48], []))
    config(folder)
    (folder / "shard-00002-model-00001-of-00001.safetensors").unlink()
    with pytest.raises(MissingShardError, match="end at row 48 of 96"):
        rowscope.audit(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"%s": 3}', '{"%s": {"saved_offsets": [-1, 0]}}', "[" * 99999])
def test_offsets_that_cannot_be_used(tmp_path, text):
    save_file(
        {EMBEDDING: matrix()},
        tmp_path / "shard-00001-model-00001-of-00001.safetensors",
        metadata={"DCP_SHARDING_INFO": text.replace("%s", EMBEDDING)},
    )
    with pytest.raises(MalformedFileError, match="DCP_SHARDING_INFO"):
        rowscope.open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["model-rank-0-part-0", "model-rank-1-part-0"], "vLLM"),
        (["model0-mp2", "model1-mp2"], "DeepSeek"),
        (["rank0", "rank1"], "TensorRT-LLM"),
        (["weights_tp_rank_00", "weights_tp_rank_01"], "tensor-parallel"),
    ],
)
@pytest.mark.parametrize("single", [False, True])
def test_parts_without_offsets_are_refused_by_name(tmp_path, names, word, single):
    for name in names:
        save_file({EMBEDDING: matrix()}, tmp_path / f"{name}.safetensors")
    path = tmp_path / f"{names[1]}.safetensors" if single else tmp_path
    with pytest.raises(CheckpointError, match=word):
        rowscope.open_checkpoint(path)


@pytest.mark.parametrize("kept", [(), ("model.norm.weight",)], ids=["all", "but-small-ones"])
def test_zero3_without_gathering(tmp_path, write_checkpoint, kept):
    """DeepSpeed leaves small parameters whole, so that not every tensor has to be empty."""
    tensors = {EMBEDDING: np.zeros(0, "f4"), "model.norm.weight": np.ones(16 if kept else 0, "f4")}
    write_checkpoint(tmp_path, tensors, {"vocab_size": ROWS})
    (problem,) = rowscope.open_checkpoint(tmp_path).problems
    assert (problem.code, problem.evidence["count"]) == ("FIL007", 1 if kept else 2)
    with pytest.raises(CheckpointError, match=r"zero_to_fp32\.py"):
        rowscope.audit(tmp_path)


def test_zero3_with_a_table_that_is_whole(tmp_path, write_checkpoint):
    """A sibling: the embedding was gathered by hand, the layers were not."""
    tensors = {EMBEDDING: matrix(), "model.layers.0.mlp.up_proj.weight": np.zeros(0, "f4")}
    config = {"vocab_size": ROWS, "tie_word_embeddings": True}
    report = rowscope.audit(write_checkpoint(tmp_path, tensors, config, {f"w{id}": id for id in range(ROWS)}))
    (finding,) = [finding for finding in report.findings if finding.code == "FIL007"]
    assert (finding.severity, report.exit_code(), report.complete) == ("error", 1, True)
    assert "zero_to_fp32.py" in finding.hint


def test_one_rank_alone_wrote_everything(tmp_path):
    folder = split(tmp_path, [((0, 0), matrix())])
    config(folder)
    for path in (folder, folder / "shard-00001-model-00001-of-00001.safetensors"):
        found = rowscope.row_table(path)
        np.testing.assert_allclose(found.norm, np.linalg.norm(matrix().astype("f8"), axis=1), rtol=1e-12)
