"""A claim in a new folder: models load it, the rest is the same bytes, what cannot be done is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rowscope.inspector.claim import apply_claim, plan_claim
from rowscope.inspector.claim.disk.disk import Disk
from rowscope.inspector.errors import RefusedError, UsageError

Make = Callable[..., Path]
Contents = Callable[[Path], dict[str, str]]
LARGE = 3 << 19  # bytes; smaller files are never linked


@pytest.mark.parametrize(
    ("dtype", "tied", "shards", "kind"),
    [
        ("BF16", True, 1, "BPE"),
        ("BF16", False, 2, "Unigram"),
        ("F16", True, 3, "WordPiece"),
        ("F16", False, 1, "BPE"),
        ("F32", False, 2, "WordPiece"),
        ("F32", True, 1, "Unigram"),
    ],
)
def test_transformers_loads_the_model(
    tmp_path: Path, make: Make, dtype: str, tied: bool, shards: int, kind: str
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    source, out = make(tmp_path / "source", kind, tied=tied, shards=shards, dtype=dtype), tmp_path / "out"
    plan = plan_claim(source, ["<NUM>"], values="normal")
    apply_claim(plan, out)
    old, new = (
        transformers.AutoModelForCausalLM.from_pretrained(str(f), dtype="auto") for f in (source, out)
    )
    id = plan.claimed[0].id
    for patch in plan.rows:
        layer = new.get_output_embeddings() if patch.role == "output" else new.get_input_embeddings()
        assert layer.weight[id].detach().view(torch.uint8).numpy().tobytes() == patch.after
    assert len({patch.tensor for patch in plan.rows}) == (1 if tied else 2)
    before = old.state_dict()
    for name, tensor in new.state_dict().items():
        same = (tensor == before[name]).reshape(len(tensor), -1).all(dim=1)
        changed = [] if name not in ("model.embed_tokens.weight", "lm_head.weight") else [id]
        assert (~same).nonzero().flatten().tolist() == changed
    with torch.no_grad():
        logits = new(torch.tensor([[1, id, 5]])).logits
    assert logits.shape[-1] == plan_rows(source)
    assert torch.isfinite(logits).all()


def plan_rows(source: Path) -> int:
    return int(json.loads((source / "config.json").read_text())["vocab_size"])


def test_every_other_file_is_the_same(tmp_path: Path, make: Make, contents: Contents) -> None:
    source, out = make(tmp_path / "source", layout="older"), tmp_path / "out"
    (source / "original").mkdir()
    (source / "original" / "params.json").write_text("{}")
    (source / "README.md").write_text("model card")
    (source / "README.md").chmod(0o640)
    (source / ".git").mkdir()
    (source / "dangling").symlink_to(tmp_path / "nowhere")
    plan = plan_claim(source, ["<NUM>"])
    result = apply_claim(plan, out)
    before, after = contents(source), contents(out)
    assert after.keys() - before.keys() == {"rowscope-claim.json"}
    assert before.keys() <= after.keys()
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {*(edit.name for edit in plan.files), "model.safetensors"}
    assert not (out / ".git").exists()
    assert (out / "README.md").stat().st_mode & 0o777 == 0o640
    assert sum(".git was left out" in note or "dangling was left out" in note for note in result.notes) == 2
    assert result.patched == {"model.safetensors": plan.patched_bytes}
    assert sorted(os.listdir(tmp_path)) == ["out", "source"]
    json.dumps([plan.to_dict(), result.to_dict()])


def large(source: Path) -> None:
    """A second weights file that is worth a link."""
    save_file({"model.extra": np.zeros(LARGE, np.uint8)}, source / "model-00009-of-00009.safetensors")


@pytest.mark.parametrize("link", ["auto", "hard", "copy"])
def test_only_the_shard_with_the_matrix_is_copied(tmp_path: Path, make: Make, link: str) -> None:
    source, out = make(tmp_path / "source", shards=2), tmp_path / "out"
    large(source)
    result = apply_claim(plan_claim(source, ["<NUM>"]), out, link=link)  # type: ignore[arg-type]
    shared = {name for name in os.listdir(source) if (out / name).samefile(source / name)}
    how = result.placed["model-00009-of-00009.safetensors"]
    if link == "auto" and how == "reflink":
        assert shared == set()
    else:
        assert shared == (set() if link == "copy" else {"model-00009-of-00009.safetensors"})
        assert any("hard links" in note for note in result.notes) is (link != "copy")


def test_keep_links_every_shard(tmp_path: Path, make: Make) -> None:
    source, out = make(tmp_path / "source"), tmp_path / "out"
    tensors = load_file(source / "model.safetensors")
    save_file({**tensors, "model.extra": np.zeros(LARGE, np.uint8)}, source / "model.safetensors")
    apply_claim(plan_claim(source, ["<NUM>"], values="keep"), out, link="hard")
    assert (out / "model.safetensors").samefile(source / "model.safetensors")


def reflinks(folder: Path) -> bool:
    """Whether the file system can share blocks, asked of the system itself."""
    cp = subprocess.run(
        ["cp", "--reflink=always", str(folder / "source" / "config.json"), str(folder / "probe")],
        capture_output=True,
        check=False,
    )
    (folder / "probe").unlink(missing_ok=True)
    return cp.returncode == 0


def test_reflink_or_a_clear_refusal(tmp_path: Path, make: Make, contents: Contents) -> None:
    source, out = make(tmp_path / "source"), tmp_path / "out"
    plan = plan_claim(source, ["<NUM>"])
    if reflinks(tmp_path):
        assert apply_claim(plan, out, link="reflink").placed["config.json"] == "reflink"
        assert contents(out)["config.json"] == contents(source)["config.json"]
    else:
        with pytest.raises(RefusedError, match="cannot share blocks"):
            apply_claim(plan, out, link="reflink")
        assert os.listdir(tmp_path) == ["source"]


def test_a_source_of_links_is_copied(tmp_path: Path, make: Make, contents: Contents) -> None:
    """As in the Hugging Face cache: files of a snapshot are links into blobs."""
    real = make(tmp_path / "real", shards=2)
    large(real)
    blobs, source = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    source.mkdir()
    for path in real.iterdir():
        shutil.move(path, blobs / path.name)
        (source / path.name).symlink_to(Path("..") / "blobs" / path.name)
    before = contents(blobs)
    for link in ("auto", "hard"):
        out = tmp_path / link
        apply_claim(plan_claim(source, ["<NUM>"]), out, link=link)  # type: ignore[arg-type]
        assert not any(path.is_symlink() for path in out.iterdir())
        assert not any((out / path.name).samefile(path) for path in blobs.iterdir())
    assert contents(blobs) == before


def test_targets_that_are_refused(tmp_path: Path, make: Make, contents: Contents) -> None:
    source = make(tmp_path / "source")
    plan, before = plan_claim(source, ["<NUM>"]), contents(source)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(source)
    for out, message in (
        (source, "is the source itself"),
        (tmp_path / "link", "is the source itself"),
        (source / "inside", "lies inside the source"),
        (tmp_path / "link" / "inside", "lies inside the source"),
        (tmp_path / "file", "exists already"),
        (tmp_path / "folder", "exists already"),
        (tmp_path / "missing" / "out", "create it first"),
        (tmp_path / "file" / "out", "create it first"),
    ):
        with pytest.raises(RefusedError, match=message):
            apply_claim(plan, out)
    with pytest.raises(UsageError, match="--link"):
        apply_claim(plan, tmp_path / "out", link="soft")  # type: ignore[arg-type]
    assert contents(source) == before
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "link", "source"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path, make: Make) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    source, place = make(tmp_path / "source"), tmp_path / "place"
    place.mkdir(0o555)
    with pytest.raises(RefusedError, match="permission denied"):
        apply_claim(plan_claim(source, ["<NUM>"]), place / "out")


class FailingDisk(Disk):
    """Raises an error at the n-th step of one kind."""

    def __init__(self, step: str, at: int, number: int) -> None:
        self.step, self.left, self.number = step, at, number

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "step"):
            self.left -= 1
            if self.left == 0:
                raise OSError(self.number, os.strerror(self.number))
        return object.__getattribute__(self, name)


@pytest.mark.parametrize(
    ("step", "at", "number", "message"),
    [
        ("make_folder", 1, errno.EROFS, "read-only"),
        ("make_folder", 1, errno.EACCES, "permission denied"),
        ("write", 1, errno.ENOSPC, "disk is full"),
        ("write", 2, errno.ENOSPC, "disk is full"),
        ("copy", 1, errno.ENOSPC, "disk is full"),
        ("copy", 2, errno.EDQUOT, "quota"),
        ("create", 4, errno.EFBIG, "largest size"),
        ("sync", 3, errno.EIO, os.strerror(errno.EIO)),
        ("sync_folder", 2, errno.ENOSPC, "disk is full"),
        ("rename", 1, errno.ENOTEMPTY, "exists already"),
    ],
)
def test_what_the_system_refuses_leaves_nothing(
    tmp_path: Path, make: Make, contents: Contents, step: str, at: int, number: int, message: str
) -> None:
    source = make(tmp_path / "source")
    plan, before = plan_claim(source, ["<NUM>"]), contents(source)
    with pytest.raises(RefusedError, match=message) as caught:
        apply_claim(plan, tmp_path / "out", link="copy", disk=FailingDisk(step, at, number))
    assert "The source is untouched" in caught.value.message
    assert contents(source) == before
    assert os.listdir(tmp_path) == ["source"]


def test_a_disk_that_is_really_full(tmp_path: Path, make: Make) -> None:
    """The system's own limit on the size of a file, in a process of its own."""
    import resource

    source = make(tmp_path / "source")
    plan = plan_claim(source, ["<NUM>"])
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            apply_claim(plan, tmp_path / "out")
        except RefusedError as error:
            os._exit(0 if "largest size" in error.message else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.listdir(tmp_path) == ["source"]


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_a_source_that_changed_since_the_plan(tmp_path: Path, make: Make, name: str) -> None:
    source = make(tmp_path / "source")
    plan = plan_claim(source, ["<NUM>"])
    data = bytearray((source / name).read_bytes())
    patch = plan.rows[0]
    data[patch.offset if name.endswith("s") else -1] ^= 1
    (source / name).write_bytes(bytes(data))
    with pytest.raises(RefusedError, match="changed after the plan"):
        apply_claim(plan, tmp_path / "out")
    assert os.listdir(tmp_path) == ["source"]


def test_leftovers_of_a_killed_claim_are_named(tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "source")
    (tmp_path / ".out.rowscope-incomplete-abcd").mkdir()
    result = apply_claim(plan_claim(source, ["<NUM>"]), tmp_path / "out")
    assert ".out.rowscope-incomplete-abcd" in result.notes[0]
    assert not list((tmp_path / "out").glob("*INCOMPLETE*"))
