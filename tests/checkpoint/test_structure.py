"""What `inspect` tells equals what safetensors reads; its text fits 80 columns and hides nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from rowscope.inspector.checkpoint import diagnose, open_checkpoint
from rowscope.inspector.checkpoint.structure import describe
from rowscope.inspector.checkpoint.structure_groups import natural_key
from rowscope.inspector.render.inspect.text import render_faults, render_inspect
from rowscope.inspector.render.plain import bytes_text, table

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def experts(tmp_path):
    """Three layers of four experts in two shards; layer 2 lacks one expert's down projection."""
    shards = {FIRST: {"model.embed_tokens.weight": np.zeros((16, 4), np.float16)}, SECOND: {}}
    for layer in range(3):
        for expert in range(4):
            for part in ("up_proj", "down_proj"):
                if (layer, expert, part) != (2, 3, "down_proj"):
                    name = f"model.layers.{layer}.mlp.experts.{expert}.{part}.weight"
                    shards[SECOND][name] = np.zeros((4, 8), np.float16)
        shards[FIRST][f"model.layers.{layer}.norm.weight"] = np.zeros(4, np.float32)
    weight_map = {}
    for number, (name, arrays) in enumerate(shards.items()):
        save_file(arrays, tmp_path / name, metadata={"format": "pt", "part": str(number)})
        weight_map |= dict.fromkeys(arrays, name)
    total = sum(array.nbytes for arrays in shards.values() for array in arrays.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "config.json").write_text(
        '{"model_type": "mixtral", "architectures": ["M"]}', encoding="utf-8"
    )
    return tmp_path


def test_document_equals_what_safetensors_reads(experts):
    document = describe(open_checkpoint(experts)).to_dict(exit_code=0)
    assert json.loads(json.dumps(document)) == document
    stored = {}
    for name in (FIRST, SECOND):
        raw = (experts / name).read_bytes()
        stored |= {tensor: (name, raw, facts) for tensor, facts in safetensors.deserialize(raw)}
    assert {tensor["name"] for tensor in document["tensors"]} == set(stored)
    for tensor in document["tensors"]:
        name, raw, facts = stored[tensor["name"]]
        assert (tensor["file"], tensor["dtype"], tensor["shape"]) == (name, facts["dtype"], facts["shape"])
        assert raw[tensor["offset"] : tensor["offset"] + tensor["bytes"]] == bytes(facts["data"])


def test_totals_agree_with_each_other(experts):
    document = describe(open_checkpoint(experts)).to_dict()
    whole = document["checkpoint"]
    for part in ("dtypes", "groups"):
        assert sum(item["parameters"] for item in document[part]) == whole["parameters"]
        assert sum(item["bytes"] for item in document[part]) == document["integrity"]["tensor_bytes"]
    assert sum(group["count"] for group in document["groups"]) == whole["tensors"] == 27
    assert whole["bytes"] == sum((experts / file["name"]).stat().st_size for file in whole["files"])
    integrity = document["integrity"]
    assert integrity["file_bytes"] == integrity["header_bytes"] + integrity["tensor_bytes"] == whole["bytes"]
    assert integrity["index"] == "agrees"
    assert integrity["index_total_size"] == integrity["tensor_bytes"]
    assert whole["model_type"] == "mixtral"
    assert whole["architectures"] == ["M"]
    assert [(d["dtype"], d["tensors"]) for d in document["dtypes"]] == [("F16", 24), ("F32", 3)]


def test_groups_have_a_level_for_layers_and_one_for_experts(experts):
    groups = {group.pattern: group for group in describe(open_checkpoint(experts)).groups}
    up = groups["model.layers.[N].mlp.experts.[N].up_proj.weight"]
    assert (up.count, up.levels, up.shape, up.dtype) == (12, (3, 4), (4, 8), "F16")
    assert (up.parameters, up.bytes) == (12 * 32, 12 * 64)
    down = groups["model.layers.[N].mlp.experts.[N].down_proj.weight"]
    assert (down.count, down.levels) == (11, (3, 4))
    assert groups["model.embed_tokens.weight"].levels == ()
    text = render_inspect(describe(open_checkpoint(experts)))
    assert "3x4x model.layers.[N].mlp.experts.[N].up_proj.weight" in text
    assert " 11x model.layers.[N].mlp.experts.[N].down_proj.weight" in text


def test_a_number_that_all_share_stays(tmp_path):
    names = ["h.0.mlp.0.w", "h.1.mlp.0.w", "block_7.weight_scale_2", "2.x", "v2.x"]
    arrays = {name: np.zeros(position + 1, np.int8) for position, name in enumerate(names)}
    arrays["h.1.mlp.0.w"] = np.zeros(1, np.int8)
    save_file(arrays, tmp_path / "m.safetensors")
    groups = describe(open_checkpoint(tmp_path)).groups
    assert {group.pattern for group in groups} == {"h.[N].mlp.0.w", "block_7.weight_scale_2", "2.x", "v2.x"}


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("layers.1.", 9),
        ("*.norm.weight", 3),
        ("model.layers.?.norm.weight", 3),
        ("norm*", 0),
        ("model.layers.[01].norm.weight", 2),
        ("NORM", 0),
        ("", 27),
    ],
)
def test_filter(pattern, count, experts):
    structure = describe(open_checkpoint(experts), pattern=pattern)
    assert len(structure.tensors) == count
    assert sum(total.tensors for total in structure.dtypes) == count
    assert structure.tensor_count == 27
    text = render_inspect(structure)
    assert f"{count} of 27" in text
    assert structure.to_dict()["filter"] == pattern


def test_metadata_that_shards_share_and_that_they_do_not(experts):
    document = describe(open_checkpoint(experts)).to_dict()
    assert document["metadata"] == {"format": "pt"}
    assert document["metadata_by_file"] == {FIRST: {"part": "0"}, SECOND: {"part": "1"}}
    assert f"{SECOND}: part: 1" in render_inspect(describe(open_checkpoint(experts)))


def test_disagreements_are_findings_of_the_contract(experts):
    save_file({"late": np.zeros(3, np.float32)}, experts / "late.safetensors")
    structure = describe(open_checkpoint(experts))
    (finding,) = structure.to_dict()["findings"]
    keys = {"code", "name", "severity", "confidence", "message", "location", "evidence", "hint"}
    assert set(finding) == keys
    assert (finding["code"], finding["severity"]) == ("FIL002", "warning")
    assert structure.integrity.index == "disagrees"
    assert "warning FIL002" in render_inspect(structure)


def test_text_fits_the_width(experts):
    (experts / "config.json").unlink()
    structure = describe(open_checkpoint(experts))
    for width in (80, 120):
        for show_all in (False, True):
            lines = render_inspect(structure, width=width, show_all=show_all).splitlines()
            long = [line for line in lines if len(line) > width]
            assert all(" " not in line.strip() or "model.layers" in line for line in long)
    assert "config.json not read" in render_inspect(structure)


def test_all_lists_every_tensor_and_its_file(experts):
    structure = describe(open_checkpoint(experts))
    text = render_inspect(structure, show_all=True, width=120)
    for tensor in structure.tensors:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {tensor.name} ")]
        assert line.split()[1:3] == [tensor.dtype, "x".join(map(str, tensor.shape))]
        assert line.endswith(tensor.shard.name)


def test_long_lists_are_cut_and_say_so(tmp_path):
    count = 12
    for number in range(1, count + 1):
        name = f"model-{number:05d}-of-{count:05d}.safetensors"
        save_file({f"t{number}": np.zeros(1, np.int8)}, tmp_path / name, metadata={f"k{number}": "v" * 1000})
    structure = describe(open_checkpoint(tmp_path))
    text = render_inspect(structure)
    assert "and 4 more files; --all lists them" in text
    assert "(1,000 characters)" in text
    assert "more files" not in render_inspect(structure, show_all=True)


def test_scalar_and_sub_byte_sizes(tmp_path):
    header = json.dumps(
        {
            "half": {"dtype": "F4", "shape": [4, 4], "data_offsets": [0, 8]},
            "one": {"dtype": "F64", "shape": [], "data_offsets": [8, 16]},
            "none": {"dtype": "I8", "shape": [0, 3], "data_offsets": [16, 16]},
        }
    ).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    structure = describe(open_checkpoint(path))
    assert {total.dtype: (total.parameters, total.bytes) for total in structure.dtypes} == {
        "F4": (16, 8),
        "F64": (1, 8),
        "I8": (0, 0),
    }
    assert "scalar" in render_inspect(structure)


def test_demo_in_text():
    text = render_inspect(describe(open_checkpoint("demo")))
    assert text.startswith("demo · Qwen2ForCausalLM\n")
    assert "3x model.layers.[N].mlp.up_proj.weight" in text
    assert max(map(len, text.splitlines())) <= 80


def test_rendering_needs_neither_rich_nor_numpy():
    code = (
        "import sys; from rowscope.inspector.checkpoint import open_checkpoint as o;"
        "from rowscope.inspector.checkpoint.structure import describe as d;"
        "from rowscope.inspector.render.inspect import render_inspect as r; r(d(o('demo')));"
        "sys.exit(any(m in sys.modules for m in ('rich', 'numpy', 'typer')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_faults_in_text(tmp_path):
    path = tmp_path / "m.safetensors"
    header = json.dumps(
        {f"t\x1b{i}": {"dtype": "F9", "shape": [-1], "data_offsets": [0, 1]} for i in range(3)}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    text = render_faults(diagnose(path), path=str(path))
    assert "6 faults" in text
    assert text.count("[dtype]") == text.count("[shape]") == 3
    assert "\x1b" not in text
    assert "no fault" in render_faults((), path="x")


@given(st.integers(0, 2**64))
def test_sizes_in_words_are_near_and_short(count):
    number, unit = bytes_text(count).split()
    factor = 1000 ** ["B", "kB", "MB", "GB", "TB", "PB", "EB"].index(unit)
    assert abs(float(number) * factor - count) <= 0.005 * count
    assert len(number) <= 4 or unit == "EB"


@given(st.lists(st.tuples(st.text("ab.0漢é", max_size=90), st.text("cd", max_size=9)), max_size=8))
def test_tables_keep_every_cell(rows):
    text = "\n".join(table(rows, 40))
    for first, second in rows:
        assert first in text
        assert second in text


@given(st.lists(st.integers(0, 10**20), min_size=2, unique=True))
def test_numbers_sort_by_value(numbers):
    small = [number for number in numbers if number < 10**18]
    names = sorted((f"layers.{number}.w" for number in small), key=natural_key)
    assert names == [f"layers.{number}.w" for number in sorted(small)]
    assert sorted(map(str, numbers), key=natural_key)


@given(st.lists(st.text(max_size=12), max_size=20))
def test_any_names_can_be_sorted(names):
    assert sorted(sorted(names, key=natural_key)) == sorted(names)
