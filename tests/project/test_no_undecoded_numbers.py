"""Every public way into rowscope, with a table that cannot be decoded: none publishes numbers of its bytes.

The ways are read from the doors: `rowscope.__all__`, that of the model room, and the commands of the
application. One that is new fails here until it has a line below. The table holds integers of about 2^30, so
that whatever is computed from its bytes is far above all else that is printed.
"""

import dataclasses
import json
import re

import numpy as np
import pytest
import typer.main
from typer.testing import CliRunner

import rowscope
from rowscope.commands.application import make_app
from rowscope.inspector import model
from rowscope.inspector.fleet import TABLES
from rowscope.inspector.gate import FORMATS

STEM = "model.embed_tokens"
ROWS, TOKENS, WIDTH = 128, 96, 64
LARGE = 1e6

CALLS = {
    "apply_claim": lambda p: rowscope.apply_claim(rowscope.plan_claim(p.packed, "<new>"), p.out),
    "apply_claim_in_place": lambda p: rowscope.apply_claim_in_place(rowscope.plan_claim(p.packed, "<new>")),
    "apply_mask": lambda p: rowscope.apply_mask(rowscope.mask(p.packed, "untrained")),
    "audit": lambda p: rowscope.audit(p.packed),
    "claim_into": lambda p: rowscope.claim_into(p.packed, ["<new>"], p.out),
    "diff": lambda p: rowscope.diff(p.plain, p.packed),
    "find_suspects": lambda p: rowscope.find_suspects(p.packed),
    "fleet": lambda p: _stored(p),
    "fleet_report": lambda p: _stored(p) and rowscope.fleet_report(p.store),
    "mask": lambda p: rowscope.mask(p.packed, "untrained"),
    "open_checkpoint": lambda p: rowscope.open_checkpoint(p.packed).matrices,
    "plan_claim": lambda p: rowscope.plan_claim(p.packed, "<new>"),
    "reserved_ids": lambda p: rowscope.reserved_ids(p.packed),
    "row_table": lambda p: rowscope.row_table(p.packed, ids=np.array([0, 5])),
    "study": lambda p: rowscope.study(p.packed, with_model=False),
    "undo_claim": lambda p: rowscope.undo_claim(p.packed),
    "vocabulary_bounds": lambda p: rowscope.vocabulary_bounds(p.packed),
}

OF_MODELS = {
    "distil": lambda p: model.distil(p.packed, {"<A>": 70}, ["One <A> text."]),
    "find_subject": lambda p: model.find_subject(rowscope.open_checkpoint(p.packed)),
    "forward": lambda p: model.forward(p.packed),
    "gradient": lambda p: model.gradient(p.packed),
    "leak": lambda p: model.leak(p.packed),
    "load": lambda p: model.load(rowscope.open_checkpoint(p.packed), probe="forward"),
    "read_prompts": lambda p: model.read_prompts(p.packed / "config.json"),
    "train": lambda p: model.train(p.packed),
    "verify": lambda p: model.verify(p.packed),
}

LINES = {
    "audit": ["audit {packed}", *(f"audit {{packed}} --format {f}" for f in FORMATS)],
    "claim": ["claim {packed} <new> --dry-run", "claim {packed} <new> --out {out}"],
    "diff": ["diff {plain} {packed}", "diff {packed} {plain}", "diff {packed} {packed}"],
    "explain": ["explain ROW201"],
    "fleet report": ["fleet report {store}", "fleet report {store} --format csv"],
    "fleet run": ["fleet {packed} --out {store} --workers 1 --rows"],
    "fleet status": ["fleet status {store}"],
    "inspect": ["inspect {packed}", "inspect {packed} --all"],
    "mask": ["mask {packed} --include untrained", "mask {packed}"],
    "probe forward": ["probe forward {packed}"],
    "probe gradient": ["probe gradient {packed}"],
    "probe leak": ["probe leak {packed}"],
    "probe train": ["probe train {packed}"],
    "probe verify": ["probe verify {packed}"],
    "rows": ["rows {packed}", "rows {packed} --ids 0:2 --no-evidence", "rows {packed} --full --format csv"],
    "study": ["study {packed} --no-model", "study {packed} --no-model --lang zh"],
    "suspects": ["suspects {packed}", "suspects {packed} --format csv"],
    "undo": ["undo {packed}"],
}


@dataclasses.dataclass
class Places:
    packed: object
    plain: object
    out: object
    store: object


def _checkpoint(write_checkpoint, folder, table):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH}
    config |= {"vocab_size": ROWS, "tie_word_embeddings": True}
    return write_checkpoint(folder, table, config, {f"word{i}": i for i in range(TOKENS)})


@pytest.fixture(scope="module")
def places(tmp_path_factory, write_checkpoint):
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("entries")
    integers = random.integers(2**29, 2**31, (ROWS, WIDTH // 8), dtype=np.uint32)
    packed = {f"{STEM}.weight": integers, f"{STEM}.codebook": random.random((256, 8), dtype=np.float32)}
    return Places(
        _checkpoint(write_checkpoint, root / "packed", packed),
        _checkpoint(write_checkpoint, root / "plain", {f"{STEM}.weight": np.ones((ROWS, WIDTH), np.float32)}),
        root / "out",
        root / "store",
    )


def _functions(door):
    names = (name for name in door.__all__ if not name.startswith("_"))
    return {
        name for name in names if callable(getattr(door, name)) and not isinstance(getattr(door, name), type)
    }


def _commands(command, start=""):
    inside = getattr(command, "commands", None)
    if inside is None:
        return {start.strip()}
    return set().union(*(_commands(sub, f"{start} {name}") for name, sub in inside.items()))


def _largest(found, seen=()):
    """The largest magnitude in a result, through its fields."""
    if isinstance(found, np.ndarray):
        numbers = found[np.isfinite(found)] if found.dtype.kind in "iuf" else []
        return float(np.abs(np.asarray(numbers, dtype=np.float64)).max(initial=0))
    if isinstance(found, (int, float)):
        return abs(float(found)) if np.isfinite(found) else 0.0
    if hasattr(found, "to_dict"):
        found = found.to_dict()
    if isinstance(found, dict):
        found = tuple(found.values())
    elif dataclasses.is_dataclass(found):
        found = tuple(getattr(found, field.name) for field in dataclasses.fields(found))
    if not isinstance(found, (list, tuple)) or id(found) in seen:
        return 0.0
    return max((_largest(item, (*seen, id(found))) for item in found), default=0.0)


def _large_in(text):
    numbers = re.findall(r"(?<![\w.#/-])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w/-])", text)
    return {number for number in numbers if float(number.replace(",", "")) > LARGE}


def _printed(line, places, **other):
    """What a line prints, without the paths in it."""
    names = {**vars(places), **other}
    words = [word.format(**names) for word in line.split()]
    text = CliRunner().invoke(make_app(*words), words, standalone_mode=False).stdout
    for path in names.values():
        text = text.replace(str(path), "")
    return text


def _stored(places):
    """All tables of a store with the packed checkpoint, as values."""
    fleet = rowscope.fleet([places.packed], places.store, workers=1)
    return [row for name in TABLES for row in fleet.table(name).to_pylist()]


def test_every_entry_has_a_line():
    assert set(CALLS) == _functions(rowscope)
    assert set(OF_MODELS) == _functions(model)
    assert set(LINES) == _commands(typer.main.get_command(make_app()))


@pytest.mark.parametrize("name", [*CALLS, *OF_MODELS])
def test_a_call_gives_none(name, places):
    if name in OF_MODELS:
        pytest.importorskip("torch", reason="the probes need the extra model")
    try:
        found = {**CALLS, **OF_MODELS}[name](places)
    except rowscope.RowscopeError as error:
        found = str(error)
    assert not _large_in(found) if isinstance(found, str) else _largest(found) < LARGE


@pytest.mark.parametrize("name", LINES)
def test_a_command_prints_none(name, places):
    if name.startswith("probe"):
        pytest.importorskip("torch", reason="the probes need the extra model")
    lines = [
        more for line in LINES[name] for more in (line, f"{line} --format json") if more.count("--format") < 2
    ]
    for line in lines:
        printed = _printed(line, places)
        large = _large_in(printed)
        if large:  # such as stand in the documentation of a rule
            large -= _large_in(_printed(line, places, packed=places.plain))
        assert not large, line
        if line.endswith("json") and name in ("rows", "suspects", "diff", "study", "claim"):
            assert "error" in json.loads(printed), line
    assert not places.out.exists()


def test_the_walk_would_see_them(places, tmp_path, write_checkpoint):
    """The same integers as plain values: rows, audit and the calls show what they are."""
    values = np.random.default_rng(0).integers(2**29, 2**31, (ROWS, WIDTH)).astype(np.float32)
    folder = _checkpoint(write_checkpoint, tmp_path / "plain", {f"{STEM}.weight": values})
    for line in ("rows {packed} --ids 0:2", "audit {packed}", "audit {packed} --format json"):
        assert _large_in(_printed(line, places, packed=folder)), line
    assert _largest(rowscope.row_table(folder)) > LARGE
    assert _largest(rowscope.audit(folder)) > LARGE
