"""Whether a model fits is asked before it is loaded."""

from __future__ import annotations

import importlib
import os

import pytest

import rowscope
from rowscope.inspector import model
from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.loading import fit, memory


def test_what_cannot_fit_is_refused_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(memory, "_ram", lambda: 600 << 20)
    loading = importlib.import_module("rowscope.inspector.model.loading.load")
    monkeypatch.setattr(loading, "_network", lambda *_: pytest.fail("was loaded"))
    monkeypatch.setattr(memory, "WORKSPACE", 700 << 20)
    with pytest.raises(RefusedError, match=r"0\.63 GB available") as caught:
        model.forward("demo", device="cpu")
    assert (caught.value.code, caught.value.exit_code) == ("NO_MEMORY", 5)
    with pytest.raises(RefusedError, match="--variant token-only"):
        model.train("demo", device="cpu")


def test_a_loaded_model_is_refused_what_does_not_fit_beside_it(demo, monkeypatch):
    monkeypatch.setattr(memory, "_ram", lambda: memory.WORKSPACE + 1000)
    with pytest.raises(RefusedError, match="train on 'demo'"):
        model.train(demo)


def test_auto_takes_what_is_stored_where_only_that_fits(monkeypatch):
    import torch

    checkpoint = rowscope.open_checkpoint("demo")
    monkeypatch.setattr(memory, "_ram", lambda: memory.WORKSPACE + 3 * checkpoint.parameters)
    chosen = fit.choose_dtype(torch, checkpoint, "cpu", "auto", "forward")
    assert chosen.dtype == "bfloat16"
    assert "float32 does not fit" in chosen.note
    assert chosen.why == "as stored; float32 does not fit"
    with pytest.raises(RefusedError):
        fit.choose_dtype(torch, checkpoint, "cpu", "float32", "forward")


@pytest.mark.parametrize("probe", sorted(fit._HELD))
@pytest.mark.parametrize("there", [True, False])
def test_bfloat16_by_itself_where_it_changes_no_answer(monkeypatch, probe, there):
    import torch

    monkeypatch.setattr(fit, "computes_bfloat16", lambda torch, device: there)
    checkpoint = rowscope.open_checkpoint("demo")
    chosen = fit.choose_dtype(torch, checkpoint, "cpu", "auto", probe)
    rounded = there and probe == "verify"
    exact = "for exact numbers; stored in bfloat16"
    assert chosen.dtype == ("bfloat16" if rounded else "float32")
    assert chosen.why == ("as stored, and cpu computes in it" if rounded else exact)
    for dtype in ("float32", "bfloat16"):
        asked = fit.choose_dtype(torch, checkpoint, "cpu", dtype, probe)
        assert (asked.dtype, asked.why, asked.note) == (dtype, "as asked", None)


def test_the_report_says_the_dtype_and_why(demo):
    from rowscope.inspector.render.probe import probe_lines

    result = model.forward("demo", device="cpu", ids=[5, 6])
    assert result.settings.dtype_reason == "for exact numbers; stored in bfloat16"
    assert result.to_dict()["settings"]["dtype_reason"] == result.settings.dtype_reason
    text = " ".join(line.text for line in probe_lines(result))
    assert "cpu float32 (for exact numbers; stored in bfloat16)" in " ".join(text.split())


def test_estimates():
    need = memory.estimate(1000, 200, "bfloat16", copies=4, matrices=3)
    assert (need.weights, need.copies, need.matrices) == (2000, 8000, 1200)
    assert need.total == 11200 + memory.WORKSPACE


def test_the_tightest_control_group_counts(tmp_path, monkeypatch):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner / "memory.current").write_text("5000\n")
    (inner.parent / "memory.max").write_text("9000\n")
    (inner.parent / "memory.current").write_text("6000\n")
    (inner.parent / "memory.stat").write_text("anon 4000\ninactive_file 1500\n")
    monkeypatch.setattr(memory, "_cgroup_folders", lambda: [inner, inner.parent, tmp_path])
    assert memory._cgroup_rest() == 9000 - 6000 + 1500
    import torch

    assert memory.available(torch, "cpu") == 4500


def test_ram_is_some_of_what_there_is():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory._ram() <= total
