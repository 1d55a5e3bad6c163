"""Each form of the mask, read back the way its stack reads it."""

from __future__ import annotations

import io
import json
import re
import sys
import types
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from transformers import GenerationConfig, SuppressTokensLogitsProcessor

from rowscope.inspector.errors import UsageError
from rowscope.inspector.mask import FORMATS, Mask, format_notes, mask, render_mask
from rowscope.inspector.ranges import parse_ranges

DOCS = Path(__file__).parents[2] / "docs" / "mask.md"


def made_of(ids, rows):
    return Mask("x", ("reserved",), rows, np.array(sorted(ids), dtype=np.int64), {}, (), ())


@st.composite
def masks(draw):
    rows = draw(st.integers(1, 400))
    return made_of(draw(st.sets(st.integers(0, rows - 1))), rows)


def text(found, format):
    result = render_mask(found, format)
    assert isinstance(result, str)
    assert result.endswith("\n") or not len(found)
    return result


@given(masks())
def test_ids_and_ranges_are_read_back(found):
    assert [int(line) for line in text(found, "ids").split()] == found.ids.tolist()
    ranges = text(found, "ranges").strip()
    if ranges:
        assert_array_equal(parse_ranges(ranges, found.rows), found.ids)
    else:
        assert len(found) == 0


@given(masks())
def test_request_bodies_hold_every_id_once(found):
    openai = json.loads(text(found, "logit-bias"))["logit_bias"]
    assert [int(key) for key in openai] == found.ids.tolist()
    assert set(openai.values()) <= {-100}
    llama = json.loads(text(found, "llama.cpp-server"))["logit_bias"]
    assert [id for id, _ in llama] == found.ids.tolist()
    assert all(bias is False for _, bias in llama)


@given(masks())
def test_llama_cpp_arguments_parse_as_an_id_a_sign_and_infinity(found):
    words = text(found, "llama.cpp").split()
    assert set(words[::2]) <= {"--logit-bias"}
    parsed = [re.fullmatch(r"(\d+)([+-])(.*)", word).groups() for word in words[1::2]]
    assert [int(id) for id, _, _ in parsed] == found.ids.tolist()
    assert all(float(sign + bias) == float("-inf") for _, sign, bias in parsed)


@given(masks())
def test_numpy_flags_are_true_for_masked_ids(found):
    data = render_mask(found, "numpy")
    assert isinstance(data, bytes)
    flags = np.load(io.BytesIO(data), allow_pickle=False)
    assert flags.dtype == bool
    assert flags.shape == (found.rows,)
    assert_array_equal(np.flatnonzero(flags), found.ids)


@given(masks())
def test_the_python_module_masks_arrays_and_tensors(found):
    names = {}
    exec(text(found, "python"), names)
    assert frozenset(found.ids.tolist()) == names["IDS"]
    assert names["ROWS"] == found.rows
    for logits in (np.zeros((2, found.rows)), torch.zeros(2, 3, found.rows)):
        masked = names["suppress"](logits)
        assert masked is logits
        assert_array_equal(np.isinf(np.asarray(masked)).all(axis=tuple(range(masked.ndim - 1))), found.flags)
    assert all(len(line) <= 100 for line in text(found, "python").splitlines())


@given(masks())
def test_generation_config_takes_the_list(found):
    ids = GenerationConfig(**json.loads(text(found, "generation-config"))).suppress_tokens
    assert ids == found.ids.tolist()
    if ids:
        scores = SuppressTokensLogitsProcessor(ids)(torch.zeros(1, 1).long(), torch.zeros(1, found.rows))
        assert_array_equal(torch.isinf(scores[0]).numpy(), found.flags)


class RunnerV1(ABC):
    """The interface that vLLM documents for its V1 model runner."""

    @abstractmethod
    def __init__(self, vllm_config, device, is_pin_memory): ...

    @abstractmethod
    def apply(self, logits): ...

    @abstractmethod
    def is_argmax_invariant(self): ...

    @abstractmethod
    def update_state(self, batch_update): ...


class RunnerV2(ABC):
    """The interface that vLLM documents for Model Runner V2; its other methods have defaults."""

    @abstractmethod
    def apply(self, logits, ctx): ...


PLACES = {
    "vllm.v1.sample.logits_processor": RunnerV1,
    "vllm.v1.worker.gpu.sample.logits_processor": RunnerV2,
}


def load_vllm_module(monkeypatch, source, present):
    for name in list(sys.modules):
        if name.split(".")[0] == "vllm":
            monkeypatch.delitem(sys.modules, name)
    for place, base in PLACES.items():
        parts = place.split(".")
        for depth in range(1, len(parts)):
            package = types.ModuleType(".".join(parts[:depth]))
            package.__path__ = []
            monkeypatch.setitem(sys.modules, package.__name__, package)
        module = types.ModuleType(place)
        module.LogitsProcessor = base
        monkeypatch.setitem(sys.modules, place, module if place in present else None)
    names = {"__name__": "suppress_reserved"}
    exec(source, names)
    return names["SuppressReserved"]


@pytest.mark.parametrize("present", [tuple(PLACES), *((place,) for place in PLACES)])
def test_the_vllm_processor_fits_either_runner(monkeypatch, present):
    found = mask("demo")
    processor = load_vllm_module(monkeypatch, text(found, "vllm"), present)
    for place in present:
        assert issubclass(processor, PLACES[place])
    logits = torch.randn(5, 4096)
    before = logits.clone()
    if PLACES["vllm.v1.sample.logits_processor"] in processor.__mro__:
        old = processor(None, torch.device("cpu"), False)
        old.update_state(None)
        assert old.is_argmax_invariant() is False
        masked = old.apply(logits.clone())
        assert_array_equal(torch.isinf(masked).all(0).numpy(), found.flags)
    new = processor(None, object())
    processor.validate_params(None)
    assert new.add_request(0, None) is True
    masked = new.apply(logits, object())
    assert_array_equal(torch.isinf(masked).all(0).numpy(), found.flags)
    assert torch.equal(masked[:, ~found.flags], before[:, ~found.flags])
    narrow = torch.zeros(2, 4020)  # a server that cuts the padding off
    assert torch.isinf(new.apply(narrow, None)).sum() == 2 * int((found.ids < 4020).sum())


def test_the_vllm_module_needs_one_of_the_interfaces(monkeypatch):
    with pytest.raises(ImportError, match="neither"):
        load_vllm_module(monkeypatch, text(mask("demo"), "vllm"), ())


def test_large_masks_say_what_servers_refuse():
    assert format_notes(made_of(range(1024), 2000), "logit-bias") == ()
    (note,) = format_notes(made_of(range(1025), 2000), "logit-bias")
    assert "1,025 entries" in note
    assert "--format vllm" in note
    assert format_notes(made_of(range(1025), 2000), "numpy") == ()


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="'gguf'"):
        render_mask(mask("demo"), "gguf")


def test_every_format_is_documented_with_its_setting():
    page = DOCS.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `([^`]+)`.*?\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(FORMATS) == set(sections)
    for body in sections.values():
        assert "Goes into:" in body
        assert "Source:" in body
