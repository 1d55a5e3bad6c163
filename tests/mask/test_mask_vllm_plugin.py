"""The processor that vLLM loads by itself: off without ROWSCOPE_MASK, and never silently absent with it."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_array_equal

from rowscope.inspector.errors import RowscopeError, UsageError
from rowscope.inspector.mask import mask, render_mask
from rowscope.inspector.mask import vllm_plugin as plugin
from rowscope.inspector.mask.vllm_plugin import chosen_ids

V1, V2 = "vllm.v1.sample.logits_processor", "vllm.v1.worker.gpu.sample.logits_processor"


class RunnerV1(ABC):
    """The interface that vLLM documents for its V1 model runner."""

    @abstractmethod
    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None: ...

    @abstractmethod
    def apply(self, logits: Any) -> Any: ...

    @abstractmethod
    def is_argmax_invariant(self) -> bool: ...

    @abstractmethod
    def update_state(self, batch_update: Any) -> None: ...


class RunnerV2(ABC):
    """The interface of Model Runner V2; its other methods have defaults."""

    @abstractmethod
    def apply(self, logits: Any, ctx: Any) -> Any: ...


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gives the class as a vLLM with some of the two interfaces loads it."""

    def load(*present: str) -> Any:
        for place, base in ((V1, RunnerV1), (V2, RunnerV2)):
            parts = place.split(".")
            for depth in range(1, len(parts)):
                package = types.ModuleType(".".join(parts[:depth]))
                package.__path__ = []
                monkeypatch.setitem(sys.modules, package.__name__, package)
            module = types.ModuleType(place)
            module.LogitsProcessor = base  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, place, module if place in present else None)
        return importlib.reload(plugin).SuppressReserved

    yield load
    monkeypatch.undo()
    importlib.reload(plugin)


def _config(model: str) -> Any:
    return types.SimpleNamespace(model_config=types.SimpleNamespace(model=model))


def test_the_package_declares_the_entry_point() -> None:
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."vllm.logits_processors"]' in pyproject
    target = "rowscope.inspector.mask.vllm_plugin:SuppressReserved"
    assert f'rowscope = "{target}"' in pyproject
    for found in entry_points(group="vllm.logits_processors"):
        if found.name == "rowscope":
            assert found.value == target
            assert found.load() is plugin.SuppressReserved


@pytest.mark.parametrize("present", [(V1, V2), (V1,), (V2,)])
def test_either_runner_applies_it(vllm: Any, monkeypatch: pytest.MonkeyPatch, present: tuple[str]) -> None:
    found = mask("demo")
    made = vllm(*present)
    assert isinstance(made, type)
    assert all(issubclass(made, {V1: RunnerV1, V2: RunnerV2}[place]) for place in present)
    assert made.__module__ == "rowscope.inspector.mask.vllm_plugin"
    monkeypatch.setenv("ROWSCOPE_MASK", "reserved")
    old = made(_config("demo"), torch.device("cpu"), False)
    new = made(_config("demo"), object())
    for processor, more in ((old, ()), (new, (None,))):
        processor.update_state(None)
        processor.validate_params(None)
        assert processor.is_argmax_invariant() is False
        assert processor.add_request(0, None) is True
        logits = torch.randn(5, 4096)
        before = logits.clone()
        masked = processor.apply(logits, *more)
        assert masked is logits
        assert_array_equal(torch.isinf(masked).all(0).numpy(), found.flags)
        assert torch.equal(masked[:, ~found.flags], before[:, ~found.flags])
        narrow = processor.apply(torch.zeros(2, 4020), *more)
        assert torch.isinf(narrow).sum() == 2 * int((found.ids < 4020).sum())


@pytest.mark.parametrize("value", [None, "", "0", "off"])
def test_it_is_off_unless_asked_for(vllm: Any, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ROWSCOPE_MASK", raising=False)
    if value is not None:
        monkeypatch.setenv("ROWSCOPE_MASK", value)
    processor = vllm(V1, V2)(_config("/nowhere"), object())
    logits = torch.randn(2, 16)
    assert processor.apply(logits, None) is logits
    assert processor.is_argmax_invariant() is True
    assert processor.add_request(0, None) is False
    assert torch.isfinite(logits).all()


def test_all_that_the_variable_may_say(tmp_path: Path) -> None:
    found = mask("demo")
    wanted = found.ids.tolist()
    assert chosen_ids("reserved", "demo") == wanted
    assert chosen_ids("unmapped,untrained", "demo") == mask("demo", "unmapped,untrained").ids.tolist()
    assert chosen_ids("7, 9:12 ,10", "/nowhere") == [7, 9, 10, 11]
    for format in ("ids", "ranges"):
        file = tmp_path / format
        file.write_text(str(render_mask(found, format)))
        assert chosen_ids(str(file), "/nowhere") == wanted


@pytest.mark.parametrize("value", ["yes", "5:x", "-1", "reserved,5", "1;2", "/nowhere/mask.txt"])
def test_what_it_cannot_read_stops_the_server(vllm: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ROWSCOPE_MASK", value)
    with pytest.raises(UsageError, match="ROWSCOPE_MASK"):
        vllm(V1)(_config("demo"), None, False)


def test_a_checkpoint_that_is_not_there_stops_it_too(vllm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWSCOPE_MASK", "reserved")
    with pytest.raises(RowscopeError, match="nowhere"):
        vllm(V2)(_config("/nowhere"), None)


def test_importing_it_costs_and_breaks_nothing() -> None:
    """vLLM imports it wherever rowscope is installed, in a process that may have no vLLM of this kind."""
    code = (
        "import sys; import rowscope.inspector.mask.vllm_plugin as p; p.SuppressReserved.mro();"
        "print(sorted({'numpy', 'torch', 'numba', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
