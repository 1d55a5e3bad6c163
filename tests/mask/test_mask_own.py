"""What a checkpoint suppresses by itself, against the mask and against transformers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import rowscope
from rowscope.inspector.mask import mask
from rowscope.inspector.render.mask.text import render_mask_text

DEMO = Path(rowscope.__file__).parent / "demo"


def _with(folder: Path, generation: dict[str, Any] | None, **config: Any) -> Path:
    shutil.copytree(DEMO, folder)
    file = folder / "generation_config.json"
    stated = json.loads(file.read_text())
    if generation is None:
        file.unlink()
    else:
        file.write_text(json.dumps({**stated, **generation}))
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def test_nothing_is_said_where_nothing_is_suppressed() -> None:
    found = mask("demo")
    assert found.suppressed is None
    assert found.to_dict()["suppressed"] is None


def test_what_the_list_covers_and_misses(tmp_path: Path) -> None:
    folder = _with(tmp_path / "m", {"suppress_tokens": [5, 4016, 4017, 9999], "begin_suppress_tokens": [220]})
    found = mask(folder)
    own = found.suppressed
    assert own is not None
    assert own.source == "generation_config.json"
    assert own.ids.tolist() == [5, 4016, 4017, 9999]
    assert own.begin_ids.tolist() == [220]
    assert (own.covered.ranges, own.missed.count) == (((4016, 4018),), 86)
    assert own.missed.ranges == ((4008, 4016), (4018, 4096))
    assert (own.others.ranges, own.without_row.ranges) == (((5, 6),), ((9999, 10000),))
    assert own.in_use == ()
    assert found.ids.tolist() == mask("demo").ids.tolist()
    notes = " ".join(found.notes)
    assert "suppresses 4 ids itself: 2 of the 88 masked ones, and misses [4008, 4016) [4018, 4096)" in notes
    assert "first place alone" in notes
    text = " ".join(render_mask_text(found).split())
    assert "suppresses 4 ids itself" in text
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))["suppressed"]
    assert document["covered"] == {"count": 2, "ranges": [[4016, 4018]]}
    assert found.with_own.tolist() == sorted({*found.ids.tolist(), 5, 9999})


def test_a_whole_mask_misses_nothing(tmp_path: Path) -> None:
    ids = mask("demo").ids.tolist()
    own = mask(_with(tmp_path / "m", {"suppress_tokens": ids})).suppressed
    assert own is not None
    assert (own.covered.count, own.missed.count, own.others.count) == (88, 0, 0)


@pytest.mark.parametrize("place", ["generation_config.json", "config.json"])
def test_a_suppressed_stop_token_is_named_and_never_comes(tmp_path: Path, place: str) -> None:
    """As `generate` has it: what is suppressed cannot be sampled, whatever the model says."""
    lists = {"suppress_tokens": [4002]}
    generation, config = (lists, {}) if place == "generation_config.json" else (None, lists)
    folder = _with(tmp_path / "m", generation, **config)
    found = mask(folder)
    own = found.suppressed
    assert own is not None
    assert own.source == place
    assert [(item.id, "eos" in item.roles) for item in own.in_use] == [(4002, True)]
    assert any("silences tokens in use" in note and "4002: " in note for note in found.notes)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([[5, 6, 7]])
    out = model.generate(ids, max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=4000)
    assert 4002 not in out[0].tolist()


@pytest.mark.parametrize("value", [None, [], "4002", [-1], [True, "x", 2.5]])
def test_what_is_no_list_of_ids_suppresses_nothing(tmp_path: Path, value: object) -> None:
    assert mask(_with(tmp_path / "m", {"suppress_tokens": value})).suppressed is None
