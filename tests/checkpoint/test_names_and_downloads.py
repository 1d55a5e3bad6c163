"""Names that no loader matches, index entries without a tensor, downloads and their digests."""

import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest

import rowscope
from rowscope.inspector.checkpoint import describe, open_checkpoint
from rowscope.inspector.errors import MissingShardError

EMBEDDING = "model.embed_tokens.weight"
DEMO = open_checkpoint("demo").root


@pytest.fixture
def demo(tmp_path):
    shutil.copytree(DEMO, tmp_path / "demo")
    return tmp_path / "demo"


def codes(folder):
    return {problem.code: problem for problem in open_checkpoint(folder).problems}


def read(path):
    """Header and data of a file."""
    raw = path.read_bytes()
    stop = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:stop]), raw[stop:]


def renamed(folder, change):
    path = folder / "model.safetensors"
    header, data = read(path)
    metadata = header.pop("__metadata__")
    header = {"__metadata__": metadata} | {change(name): entry for name, entry in header.items()}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return folder


WRAPPED = {
    "compiled": lambda name: f"_orig_mod.{name}",
    "parallel": lambda name: f"module.{name}",
    "fsdp": lambda name: f"_fsdp_wrapped_module.{name}",
    "checkpointed": lambda name: name.replace("self_attn.", "_checkpoint_wrapped_module.self_attn."),
    "compiled-layers": lambda name: name.replace("layers.0.", "layers.0._orig_mod."),
    "peft": lambda name: f"base_model.model.{name}",
    "peft-layer": lambda name: name.replace("embed_tokens.", "embed_tokens.base_layer."),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_no_loader_matches_wrapped_names(demo, kind):
    """transformers reports the same names as missing, and starts them at random."""
    transformers = pytest.importorskip("transformers", reason="extra model")
    folder = renamed(demo, WRAPPED[kind])
    report = rowscope.audit(folder)
    (finding,) = [finding for finding in report.findings if finding.code == "FIL006"]
    assert (finding.severity, report.exit_code()) == ("error", 1)
    _, info = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert set(finding.evidence["tensors"]) == set(info["unexpected_keys"])
    assert info["missing_keys"]


def test_the_step_that_the_page_names_mends_it(demo):
    folder = renamed(demo, WRAPPED["compiled"])
    assert "FIL006" in codes(folder)
    assert "FIL006" not in codes(renamed(folder, lambda name: name.replace("_orig_mod.", "")))


def test_usual_names_are_no_wrappers(demo):
    assert codes(demo) == {}
    renamed(demo, lambda name: f"module_list.{name}")
    assert codes(demo)["FIL006"].evidence["wrapper"] == "module_list."  # of no library, and in nobody's way
    (demo / "config.json").unlink()
    assert codes(demo) == {}


def indexed(folder, extra):
    tensors = [name for name in read(folder / "model.safetensors")[0] if name != "__metadata__"]
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    places = dict.fromkeys([*tensors, *extra], "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("mtp.fc.weight", "warning"),
        ("lm_head.weight", "warning"),
        ("model.rotary_emb.inv_freq", "warning"),
        ("model.layers.7.mlp.up_proj.weight", "error"),
    ],
    ids=["unrelated", "tied-head", "buffer", "layer"],
)
def test_a_tensor_that_no_shard_holds(demo, name, severity):
    report = rowscope.audit(indexed(demo, [name]))
    (finding,) = [finding for finding in report.findings if finding.code == "FIL002"]
    assert (finding.severity, finding.evidence["tensors"], report.complete) == (severity, [name], True)
    assert len(report.matrices) == 1


@pytest.mark.parametrize("suffix", [".aria2", ".part", ".incomplete", ".crdownload"])
def test_what_a_download_left_beside_its_file(demo, suffix):
    (demo / f"model.safetensors{suffix}").write_bytes(b"x")
    report = rowscope.audit(demo)
    (finding,) = [finding for finding in report.findings if finding.code == "FIL005"]
    assert (report.exit_code(), finding.evidence["kind"]) == (1, "unfinished")
    (demo / "unrelated.zip.part").write_bytes(b"x")
    (demo / f"model.safetensors{suffix}").unlink()
    assert codes(demo) == {}


def cached(tmp_path):
    """A snapshot of the Hugging Face cache: links to blobs that are named by their digests."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / ("c" * 40)
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for path in DEMO.iterdir():
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix == ".safetensors":
            name = hashlib.sha256(data).hexdigest()
        else:
            name = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        (blobs / name).write_bytes(data)
        (snapshot / path.name).symlink_to(f"../../blobs/{name}")
    return snapshot


def test_git_names_small_files_as_the_cache_does(tmp_path):
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    path = DEMO / "config.json"
    named = subprocess.run(
        [git, "hash-object", path], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert (cached(tmp_path).parents[1] / "blobs" / named).is_file()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_blob_that_is_not_its_name(tmp_path, name):
    snapshot = cached(tmp_path)
    found = describe(open_checkpoint(snapshot), verify=True)
    assert not found.verified.wrong
    assert not found.verified.unknown
    assert name in found.verified.right
    blob = (snapshot / name).resolve()
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    found = describe(open_checkpoint(snapshot), verify=True)
    (problem,) = found.problems
    assert (problem.code, problem.evidence["file"], found.exit_code) == ("FIL005", name, 1)


def test_digests_of_a_local_download(demo):
    records = demo / ".cache" / "huggingface" / "download"
    records.mkdir(parents=True)
    digest = hashlib.sha256((demo / "model.safetensors").read_bytes()).hexdigest()
    (records / "model.safetensors.metadata").write_text(f"{'c' * 40}\n{digest}\n1700000000.0\n")
    found = describe(open_checkpoint(demo), verify=True)
    assert found.verified.right == ("model.safetensors",)
    assert "tokenizer.json" in found.verified.unknown
    (records / "model.safetensors.metadata").write_text(f"{'c' * 40}\n{'0' * 64}\n1700000000.0\n")
    assert describe(open_checkpoint(demo), verify=True).exit_code == 1


def test_a_missing_shard_whose_download_has_begun(demo):
    indexed(demo, [])
    shard = demo / "model-00001-of-00001.safetensors"
    shard.rename(shard.with_name(shard.name + ".incomplete"))
    with pytest.raises(MissingShardError, match=r"download has begun: .*incomplete"):
        open_checkpoint(demo)


def test_a_missing_blob_whose_download_has_begun(tmp_path):
    snapshot = cached(tmp_path)
    indexed_name = "model-00001-of-00001.safetensors"
    (snapshot / "model.safetensors").unlink()
    (snapshot / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {EMBEDDING: indexed_name}})
    )
    (snapshot / indexed_name).symlink_to("../../blobs/" + "a" * 64)
    (tmp_path / "blobs" / ("a" * 64 + ".incomplete")).write_bytes(b"x")
    with pytest.raises(MissingShardError, match="download has begun"):
        open_checkpoint(snapshot)


def test_a_hole_in_numbers_is_no_missing_tensor(tmp_path, write_checkpoint):
    """Numbers that differ in the expert or the layer make no name that is needed."""
    tensors = {EMBEDDING: np.ones((8, 4), "f4"), "model.layers.0.mlp.weight": np.ones(2, "f4")}
    write_checkpoint(tmp_path, tensors, {"vocab_size": 8, "tie_word_embeddings": True})
    (problem,) = open_checkpoint(indexed(tmp_path, ["model.layers.0.extra.weight"])).problems
    assert problem.severity == "warning"


def test_a_missing_shard_whose_local_download_has_begun(demo):
    indexed(demo, [])
    shard = demo / "model-00001-of-00001.safetensors"
    records = demo / ".cache" / "huggingface" / "download"
    records.mkdir(parents=True)
    shard.rename(records / f"{shard.name}.{'a' * 8}.incomplete")
    with pytest.raises(MissingShardError, match=r"download has begun: .*incomplete"):
        open_checkpoint(demo)
