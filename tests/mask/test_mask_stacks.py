"""The forms for engines and trainers, taken by the library that each is for, or by its documented shape."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import types
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from transformers import GenerationConfig

from rowscope.inspector.mask import Mask, Suppressed, mask, render_mask
from rowscope.inspector.mask.stacks import bitmask


def made_of(ids: Any, rows: int, **more: Any) -> Mask:
    return Mask("x", ("reserved",), rows, np.array(sorted(ids), dtype=np.int64), {}, (), (), **more)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    rows = draw(st.integers(1, 400))
    return made_of(draw(st.sets(st.integers(0, rows - 1))), rows)


def text(found: Mask, format: str) -> str:
    result = render_mask(found, format)
    assert isinstance(result, str)
    return result


# In a process of its own: its library and others that a test session loads do not always go together.
_XGRAMMAR = """
import io, sys
import numpy as np, torch, xgrammar
from rowscope.inspector.mask import Mask, mask, render_mask

def flags_by_xgrammar(found, words):
    logits = torch.randn(words.shape[0], found.rows)
    masked = logits.clone()
    xgrammar.apply_token_bitmask_inplace(masked, words)
    assert torch.equal(masked[:, ~found.flags], logits[:, ~found.flags])
    return torch.isinf(masked).all(0).numpy()

random = np.random.default_rng(0)
for rows in (*range(1, 100), 400, 4096):
    ids = np.flatnonzero(random.random(rows) < random.random())
    found = Mask("x", ("reserved",), rows, ids, {}, (), ())
    words = torch.from_numpy(np.load(io.BytesIO(render_mask(found, "xgrammar")), allow_pickle=False))
    assert words.shape == xgrammar.get_bitmask_shape(1, rows)
    assert words.dtype == xgrammar.bitmask_dtype
    assert (flags_by_xgrammar(found, words) == found.flags).all(), rows
found = mask("demo")
grammar = xgrammar.allocate_token_bitmask(3, found.rows)
grammar &= torch.from_numpy(np.load(io.BytesIO(render_mask(found, "xgrammar")), allow_pickle=False))
assert (flags_by_xgrammar(found, grammar) == found.flags).all()
print("fits")
"""


@pytest.mark.skipif(find_spec("xgrammar") is None, reason="xgrammar is not installed")
def test_the_bitmask_is_that_of_xgrammar_and_joins_that_of_a_grammar() -> None:
    done = subprocess.run([sys.executable, "-c", _XGRAMMAR], capture_output=True, text=True, check=False)
    assert done.stdout == "fits\n", done.stderr


@given(masks())
def test_bits_beyond_the_head_are_off(found: Mask) -> None:
    bits = np.unpackbits(bitmask(found).view("u1").reshape(-1), bitorder="little")
    assert_array_equal(bits[: found.rows] == 0, found.flags)
    assert not bits[found.rows :].any()


@settings(max_examples=20, deadline=None)
@given(masks())
def test_mlx_takes_the_processor(found: Mask) -> None:
    mx = pytest.importorskip("mlx.core")
    names: dict[str, Any] = {}
    exec(text(found, "mlx"), names)
    logits = mx.random.normal((2, found.rows))
    masked = names["suppress"](mx.array([1]), logits)
    assert_array_equal(np.isinf(np.asarray(masked)).all(0), found.flags)
    assert_array_equal(np.asarray(masked)[:, ~found.flags], np.asarray(logits)[:, ~found.flags])
    assert not np.isinf(np.asarray(logits)).any()
    if len(found):
        samplers = pytest.importorskip("mlx_lm.sample_utils")
        (biased,) = samplers.make_logits_processors({id: float("-inf") for id in found.ids.tolist()})
        assert_array_equal(np.asarray(biased(None, logits)), np.asarray(masked))


class Disallowed:
    """As SGLang documents its DisallowedTokensLogitsProcessor: all requests of a batch give the same list."""

    def __call__(self, logits: torch.Tensor, custom_param_list: list[dict[str, Any]]) -> torch.Tensor:
        ids = custom_param_list[0]["token_ids"]
        assert all(ids == params["token_ids"] for params in custom_param_list)
        logits[..., ids] = float("-inf")
        return logits


@pytest.fixture
def sglang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of that name whose one class is the documented one."""
    parts = ["sglang", "srt", "sampling", "custom_logit_processor"]
    for depth in range(1, len(parts) + 1):
        module = types.ModuleType(".".join(parts[:depth]))
        module.__path__ = []
        module.DisallowedTokensLogitsProcessor = Disallowed  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_sglang_loads_its_own_processor(sglang: None) -> None:
    found = mask("demo")
    body = json.loads(text(found, "sglang"))
    loader = pytest.importorskip("dill")
    processor = loader.loads(bytes.fromhex(json.loads(body["custom_logit_processor"])["callable"]))
    assert processor is Disallowed
    logits = processor()(torch.zeros(2, found.rows), [body["custom_params"]] * 2)
    assert_array_equal(torch.isinf(logits).all(0).numpy(), found.flags)
    assert pickle.loads(bytes.fromhex(json.loads(body["custom_logit_processor"])["callable"])) is Disallowed


class TensorRT(ABC):
    """The interface that TensorRT-LLM documents."""

    @abstractmethod
    def __call__(
        self, req_id: int, logits: Any, token_ids: Any, stream_ptr: int | None, client_id: int | None
    ) -> None: ...


def test_the_tensorrt_processor_fits_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt_llm", "tensorrt_llm.sampling_params"):
        module = types.ModuleType(name)
        module.LogitsProcessor = TensorRT  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    found = mask("demo")
    names: dict[str, Any] = {}
    exec(text(found, "tensorrt-llm"), names)
    logits = torch.randn(1, 2, 4096)
    before = logits.clone()
    names["SuppressReserved"]()(7, logits, [[1], [2]], None, None)
    assert_array_equal(torch.isinf(logits).all(1)[0].numpy(), found.flags)
    assert torch.equal(logits[..., ~found.flags], before[..., ~found.flags])


def test_trl_takes_the_settings(tmp_path: Any) -> None:
    trl = pytest.importorskip("trl")
    body = json.loads(text(mask("demo"), "trl"))
    try:
        config = trl.GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", **body)
    except ImportError as error:  # a part of TRL that is not installed
        pytest.skip(str(error))
    ids = GenerationConfig(**config.generation_kwargs).suppress_tokens
    assert ids == mask("demo").ids.tolist()


def test_settings_that_replace_others_hold_what_was_there() -> None:
    """TRL and generation_config.json take one list: the checkpoint's own ids and TRL's image token stay."""
    nothing = np.empty(0, dtype=np.int64)
    own = Suppressed("generation_config.json", np.array([2, 5]), nothing, *[None] * 4, ())  # type: ignore[arg-type]
    found = made_of([5, 9], 12, suppressed=own, image_token=7)
    assert json.loads(text(found, "trl"))["generation_kwargs"]["suppress_tokens"] == [2, 5, 7, 9]
    assert json.loads(text(found, "generation-config"))["suppress_tokens"] == [2, 5, 9]


@pytest.mark.parametrize("format", ["ranges", "verl"])
def test_a_mask_of_the_first_id_alone_is_not_read_as_off(format: str) -> None:
    """`ROWSCOPE_MASK=0` is off."""
    from rowscope.inspector.mask.vllm_plugin import chosen_ids

    first = text(made_of([0], 4), format).splitlines()[0]
    assert chosen_ids(first.rpartition("=")[2].strip("'"), "") == [0]


@settings(max_examples=30, deadline=None)
@given(masks())
def test_hydra_reads_the_overrides_of_verl(found: Mask) -> None:
    overrides = pytest.importorskip("hydra.core.override_parser.overrides_parser")
    lines = text(found, "verl").splitlines()
    assert all(len(line.split()) == 1 for line in lines)  # `$(cat verl.args)` splits at blanks
    first, second = overrides.OverridesParser.create().parse_overrides(lines)
    assert first.key_or_group == "ray_kwargs.ray_init.runtime_env.env_vars.ROWSCOPE_MASK"
    value = str(first.value())
    from rowscope.inspector.mask.vllm_plugin import chosen_ids

    assert chosen_ids(value, "") == found.ids.tolist()
    assert second.key_or_group.endswith("engine_kwargs.sglang.preferred_sampling_params")
    bias = json.loads(str(second.value()))["logit_bias"]
    assert [int(id) for id in bias] == found.ids.tolist()
    assert set(bias.values()) <= {-1e9}
    assert first.is_add()
    assert second.is_add()
