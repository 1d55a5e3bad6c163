"""The Hugging Face cache: links into blobs, refs, revisions, and the variables that move it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError

from ..writing import EMBED, FIRST, NORM, SECOND, names, write, write_index


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """`models--org--name` as huggingface_hub lays it out: files are links into blobs."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    repository = tmp_path / "hub" / "models--org--name"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    for blob, name, arrays in [("aa", FIRST, EMBED), ("bb", SECOND, NORM)]:
        write(repository / "blobs", blob, arrays)
        (snapshot / name).symlink_to(Path("..", "..", "blobs", blob))
    index = write_index(
        repository / "blobs", {"model.embed_tokens.weight": FIRST, "model.norm.weight": SECOND}, name="cc"
    )
    (snapshot / "model.safetensors.index.json").symlink_to(Path("..", "..", "blobs", index.name))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd", encoding="ascii")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_cache_entry_of_links_opens(cache):
    checkpoint = open_checkpoint("org/name")
    assert names(checkpoint) == [FIRST, SECOND]
    assert checkpoint.path == "org/name"
    assert checkpoint.root.name == "0123abcd"
    assert not checkpoint.problems


def test_cache_layout_is_that_of_huggingface_hub(cache):
    hub = pytest.importorskip("huggingface_hub")
    found = hub.try_to_load_from_cache("org/name", FIRST, cache_dir=cache)
    assert Path(found) == open_checkpoint("org/name").shards[0].path
    listed = {repo.repo_id for repo in hub.scan_cache_dir(cache).repos}
    assert listed == {"org/name"}


@pytest.mark.parametrize("revision", ["main", "0123abcd", "v1.0", "refs/pr/3"])
def test_cache_revisions(revision, cache):
    refs = cache / "models--org--name" / "refs"
    (refs / "v1.0").write_text("0123abcd\n", encoding="ascii")
    (refs / "refs" / "pr").mkdir(parents=True)
    (refs / "refs" / "pr" / "3").write_text("0123abcd", encoding="ascii")
    assert names(open_checkpoint(f"org/name@{revision}")) == [FIRST, SECOND]


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_cache_variables(variable, cache, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE")
    deeper = {"HF_HOME": ".", "XDG_CACHE_HOME": "huggingface"}.get(variable)
    target = cache
    if deeper is not None:
        target = cache.parent / "elsewhere"
        (target / deeper).mkdir(parents=True)
        (target / deeper / "hub").symlink_to(cache)
    monkeypatch.setenv(variable, str(target))
    assert names(open_checkpoint("org/name")) == [FIRST, SECOND]


def test_local_folder_wins_over_the_cache(cache, monkeypatch):
    write(cache.parent / "org" / "name", "model.safetensors", NORM)
    monkeypatch.chdir(cache.parent)
    assert open_checkpoint("org/name").parameters == 4


def test_only_snapshot_without_a_ref_is_taken_with_a_note(cache):
    (cache / "models--org--name" / "refs" / "main").unlink()
    checkpoint = open_checkpoint("org/name")
    assert "0123abcd" in checkpoint.notes[0]


@pytest.mark.parametrize("content", ["../../../..", "/", "", "..", "a/b", "ffff"])
def test_ref_that_names_no_snapshot_is_not_followed(content, cache):
    (cache / "models--org--name" / "refs" / "main").write_text(content, encoding="ascii")
    (cache / "models--org--name" / "snapshots" / "4567").mkdir()
    with pytest.raises(CheckpointError, match=r"without revision 'main'.*0123abcd, 4567"):
        open_checkpoint("org/name")


@pytest.mark.parametrize(
    "path", ["org/other", "org/name@v9", "org/name@../../x", "nothing", "a/b/c", "", "x y"]
)
def test_what_is_nowhere(path, cache):
    with pytest.raises(CheckpointError, match="; ") as caught:
        open_checkpoint(path)
    if path == "org/other":
        assert "hf download org/other" in caught.value.message
        assert str(cache) in caught.value.message


def test_linked_sub_folder_of_shards_opens(tmp_path, tmp_path_factory):
    """The name stays inside; where a link leads is the owner's choice."""
    outside = tmp_path_factory.mktemp("outside")
    write(outside, "m.safetensors", EMBED)
    (tmp_path / "sub").symlink_to(outside, target_is_directory=True)
    write_index(tmp_path, dict.fromkeys(EMBED, "sub/m.safetensors"), metadata={})
    assert names(open_checkpoint(tmp_path)) == ["sub/m.safetensors"]


@pytest.mark.parametrize("place", ["models--org--name", "models--org--name/", "."])
def test_a_folder_of_the_cache_stands_for_its_snapshot(place, cache, monkeypatch):
    """The repository's folder, and a cache that holds but one model."""
    monkeypatch.delenv("HF_HUB_CACHE")
    checkpoint = open_checkpoint(cache / place)
    assert names(checkpoint) == [FIRST, SECOND]
    assert checkpoint.root.name == "0123abcd"
    monkeypatch.chdir(cache / place)
    assert open_checkpoint(".").root.name == "0123abcd"


def test_a_cache_with_several_models_names_them(cache):
    (cache / "models--other--two" / "snapshots" / "ff").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"with 2 models.*models--org--name, .*models--other--two"):
        open_checkpoint(cache)
    with pytest.raises(CheckpointError, match="holds no weights"):
        open_checkpoint(cache / "models--other--two")


def test_a_folder_with_weights_is_no_cache(cache):
    write(cache, "model.safetensors", EMBED)
    assert names(open_checkpoint(cache)) == ["model.safetensors"]


@pytest.mark.parametrize("commit", ["0123abc", "0123abcd"])
def test_the_beginning_of_a_commit_is_enough(commit, cache):
    assert open_checkpoint(f"org/name@{commit}").root.name == "0123abcd"


@pytest.mark.parametrize("commit", ["0123ab", "1123abc", "0123abcz"])
def test_too_little_or_another_commit_is_none(commit, cache):
    with pytest.raises(CheckpointError, match=f"hf://org/name@{commit}, "):
        open_checkpoint(f"org/name@{commit}")


def test_two_commits_that_begin_alike_are_told(cache):
    (cache / "models--org--name" / "snapshots" / "0123abce").mkdir()
    with pytest.raises(CheckpointError, match="0123abcd, 0123abce"):
        open_checkpoint("org/name@0123abc")
