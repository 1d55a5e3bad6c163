"""What every public function gives back compares, copies and pickles; walked from the doors."""

from __future__ import annotations

import copy
import inspect
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector import model
from rowscope.inspector.errors import UsageError

DEMO = Path(rowscope.__file__).parent / "demo"


def _copied(folder):
    return shutil.copytree(DEMO, folder / "copy")


def _planned(folder):
    return rowscope.plan_claim(_copied(folder), "<A>", values="keep")


def _undone(folder):
    path = _copied(folder)
    rowscope.apply_claim_in_place(rowscope.plan_claim(path, "<A>", values="keep"))
    return rowscope.undo_claim(path)


# Function -> a result of it, given an empty folder.
RESULTS = {
    "apply_claim": lambda folder: rowscope.apply_claim(_planned(folder), folder / "out"),
    "apply_claim_in_place": lambda folder: rowscope.apply_claim_in_place(_planned(folder)),
    "apply_mask": lambda folder: rowscope.apply_mask(_copied(folder), rowscope.mask("demo")),
    "audit": lambda folder: rowscope.audit("demo"),
    "claim_into": lambda folder: rowscope.claim_into("demo", "<A>", folder / "out", values="keep"),
    "diff": lambda folder: rowscope.diff("demo", "demo"),
    "find_suspects": lambda folder: rowscope.find_suspects("demo"),
    "fleet": lambda folder: rowscope.fleet("demo", folder / "store", workers=1),
    "fleet_report": lambda folder: (
        rowscope.fleet("demo", folder / "s", workers=1) and rowscope.fleet_report(folder / "s")
    ),
    "mask": lambda folder: rowscope.mask("demo"),
    "open_checkpoint": lambda folder: rowscope.open_checkpoint("demo"),
    "plan_claim": lambda folder: rowscope.plan_claim("demo", "<A>"),
    "reserved_ids": lambda folder: rowscope.reserved_ids("demo").tolist(),
    "row_table": lambda folder: rowscope.row_table("demo", ids=range(9), evidence=True),
    "study": lambda folder: rowscope.study("demo", with_model=False),
    "undo_claim": _undone,
    "vocabulary_bounds": lambda folder: rowscope.vocabulary_bounds("demo"),
}
TRAINING = {"steps": 1, "batch": 1, "variants": ["token-only"], "learning_rate": 1e-3}
OF_MODELS = {
    "distil": lambda: model.distil("demo", {"<A>": 4010}, ["One <A> text."], steps=1),
    "find_subject": lambda: model.find_subject(rowscope.open_checkpoint("demo")),
    "forward": lambda: model.forward("demo", limit=1),
    "gradient": lambda: model.gradient("demo"),
    "leak": lambda: model.leak("demo", prompts=["One text."], rollout_tokens=2),
    "read_prompts": lambda: model.read_prompts(DEMO / "config.json"),
    "train": lambda: model.train("demo", **TRAINING),
    "verify": lambda: model.verify("demo", suspects=1, controls=1),
}


def _functions(door):
    return {name for name in door.__all__ if inspect.isfunction(getattr(door, name))}


def test_every_public_function_is_here():
    assert set(RESULTS) == _functions(rowscope)
    assert set(OF_MODELS) == _functions(model) - {"load"}  # what it gives is a loaded model


def _holds(result):
    again = pickle.loads(pickle.dumps(result))
    assert result == again
    assert result == copy.deepcopy(result)
    assert result != object()


@pytest.mark.parametrize("name", RESULTS)
def test_results_compare_copy_and_pickle(name, tmp_path):
    if name.startswith("fleet"):
        pytest.importorskip("pyarrow", reason="extra table")
    _holds(RESULTS[name](tmp_path))


@pytest.mark.parametrize("name", OF_MODELS)
def test_results_of_models_compare_copy_and_pickle(name):
    pytest.importorskip("transformers", reason="extra model")
    _holds(OF_MODELS[name]())


def test_seconds_make_no_two_runs_differ(tmp_path):
    pytest.importorskip("pyarrow", reason="extra table")
    rowscope.fleet("demo", tmp_path / "store", workers=1)
    one, other = (rowscope.fleet("demo", tmp_path / "store", workers=1) for _ in range(2))
    assert one == other
    assert one.unchanged == 1


FORMS = {
    "list": [4008, 4010],
    "tuple": (4010, 4008),
    "range": range(4008, 4012, 2),
    "flags": np.isin(np.arange(4096), [4008, 4010]),
    "list of flags": [id in (4008, 4010) for id in range(4096)],
    "set": {4010, 4008},
    "array": np.array([4010, 4008], dtype=np.uint16),
    "iterator": iter([4008, 4010]),
    "keys": {4008: "a", 4010: "b"}.keys(),
}
BAD = {
    "words": ["a"],
    "a fraction": [1.5],
    "a negative id": [-1],
    "an object": object(),
    "text": "a",
    "nothing": None,
}
# Whatever takes ids besides the functions of `rowscope`, which tests/project/test_public_api.py tries.
OF_IDS = {
    "SuppressReserved": lambda ids: model.SuppressReserved(ids).ids.tolist(),
    "find_subject": lambda ids: model.find_subject(rowscope.open_checkpoint("demo"), ids).ids.tolist(),
}
PROBES = ("forward", "gradient", "leak", "train", "verify")


def _takes_ids(name):
    return "ids" in inspect.signature(getattr(model, name)).parameters


def test_everything_that_takes_ids_is_here():
    taking = {
        name for name in _functions(model) if "ids" in inspect.signature(getattr(model, name)).parameters
    }
    classes = {name for name in model.__all__ if isinstance(getattr(model, name), type)}
    own = {name for name in classes if not hasattr(getattr(model, name), "__dataclass_fields__")}
    taking |= {name for name in own if _takes_ids(name)}
    assert taking == {*OF_IDS, *PROBES, "load"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OF_IDS)
def test_ids_in_every_form(name, form):
    ids = iter([4008, 4010]) if form == "iterator" else FORMS[form]
    assert OF_IDS[name](ids) == [4008, 4010]


@pytest.mark.parametrize("form", BAD)
@pytest.mark.parametrize("name", OF_IDS)
def test_what_holds_no_ids_is_refused(name, form):
    if name == "find_subject" and form == "nothing":
        pytest.skip("the reserved ones")
    with pytest.raises(UsageError):
        OF_IDS[name](BAD[form])


@pytest.mark.parametrize("form", [form for form in BAD if form != "nothing"])
@pytest.mark.parametrize("name", PROBES)
def test_a_probe_refuses_them_before_its_model_loads(name, form, monkeypatch):
    pytest.importorskip("transformers", reason="extra model")
    monkeypatch.setattr(
        "transformers.AutoModelForCausalLM.from_pretrained", lambda *a, **k: pytest.fail("loads")
    )
    with pytest.raises(UsageError):
        getattr(model, name)("demo", ids=BAD[form])


@pytest.mark.parametrize("prompts", [7, [7], [None], object()])
def test_what_is_no_prompt_is_refused(prompts):
    pytest.importorskip("transformers", reason="extra model")
    with pytest.raises(UsageError, match="text"):
        model.leak("demo", prompts=prompts)


@pytest.mark.parametrize("target", ["a", 1.5, True, [3], -1, 4096])
def test_what_is_no_target_is_refused(target):
    pytest.importorskip("transformers", reason="extra model")
    with pytest.raises(UsageError, match="--target"):
        model.gradient("demo", target=target)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: rowscope.row_table("demo", role="middle"),
        lambda: rowscope.find_suspects("demo", role="middle"),
        lambda: rowscope.find_suspects("demo", group="everyone"),
        lambda: rowscope.audit("demo", matrix="middle"),
        lambda: rowscope.audit("demo").exit_code("fatal"),
        lambda: rowscope.study("demo", "fr", with_model=False),
        lambda: rowscope.plan_claim("demo", "<A>", id=-1),
        lambda: rowscope.plan_claim("demo", "<A>", values="nonsense"),
        lambda: rowscope.plan_claim("demo", "<A>", replace=["no such token"]),
    ],
)
def test_other_bad_values(wrong):
    with pytest.raises(rowscope.RowscopeError) as caught:
        wrong()
    assert caught.value.location
