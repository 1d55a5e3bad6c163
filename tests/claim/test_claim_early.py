"""Copies that begin before the plan is made: the same result, and nothing left where the plan fails."""

import shutil

import pytest

import rowscope
from rowscope.inspector.claim import EarlyCopy, apply_claim, plan_claim
from rowscope.inspector.errors import RefusedError, UsageError


@pytest.fixture
def source(tmp_path):
    return shutil.copytree(rowscope.open_checkpoint("demo").root, tmp_path / "source")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("values", ["mean", "like:Ġthe", "keep"])
def test_the_result_is_that_of_a_copy_made_afterwards(source, tmp_path, values):
    plan = plan_claim(source, "<NUM>", values=values)
    apply_claim(plan, tmp_path / "late", link="copy")
    with EarlyCopy(source, ["model.safetensors"], tmp_path / "early") as early:
        apply_claim(plan, tmp_path / "early", link="copy", early=early)
    assert contents(tmp_path / "early") == contents(tmp_path / "late")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["early", "late", "source"]


def test_a_plan_that_fails_leaves_nothing(source, tmp_path):
    before = contents(source)
    with (
        pytest.raises(UsageError),
        EarlyCopy(source, ["model.safetensors"], tmp_path / "out"),
    ):
        plan_claim(source, "")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert contents(source) == before


def test_an_existing_target_is_refused_before_anything_is_written(source, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(RefusedError, match="exists already"), EarlyCopy(source, [], tmp_path / "out"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_a_source_that_vanishes_is_refused_and_cleaned_up(source, tmp_path):
    plan = plan_claim(source, "<NUM>")
    with (
        pytest.raises(RefusedError, match="no such folder"),
        EarlyCopy(source, ["gone.safetensors", "model.safetensors"], tmp_path / "out") as early,
    ):
        apply_claim(plan, tmp_path / "out", early=early)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_row_that_changed_after_the_plan_is_refused(source, tmp_path):
    plan = plan_claim(source, "<NUM>")
    with (source / "model.safetensors").open("r+b") as file:
        file.seek(plan.rows[0].offset)
        file.write(b"\xff\xff")
    with (
        pytest.raises(RefusedError, match="changed after the plan"),
        EarlyCopy(source, ["model.safetensors"], tmp_path / "out") as early,
    ):
        apply_claim(plan, tmp_path / "out", early=early)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
