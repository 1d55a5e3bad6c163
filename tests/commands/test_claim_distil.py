"""`claim --values distil:TEXT`, from the command line to the stored bytes and back."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

import rowscope
from rowscope.inspector.claim import GivenRows, plan_claim
from rowscope.inspector.errors import MissingExtraError, RefusedError, UsageError

pytest.importorskip("transformers", reason="extra model")

TEXT = "distil:The lamp costs <NUM> 12 today."
NAME = "model.embed_tokens.weight"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(rowscope.open_checkpoint("demo").root, tmp_path / "demo")


def raw(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_from_the_text_to_the_row_and_back(run, folder, tmp_path):
    from rowscope.inspector import model

    before = raw(folder)
    code, out, err = run("claim", str(folder), "<NUM>", "--values", TEXT, "--in-place", "--format", "json")
    assert code == 0, err
    claimed = json.loads(out)["tokens"][0]["id"]
    expected = model.distil("demo", {"<NUM>": claimed}, [TEXT.partition(":")[2]]).rows[0]
    table = rowscope.row_table(rowscope.open_checkpoint(folder), ids=[claimed], evidence=True)
    assert table.norm[0] == pytest.approx(np.linalg.norm(expected.values), rel=0.01)
    assert table.verdict[0] == "fresh"
    record = json.loads((folder / "rowscope-claim.json").read_text())
    assert [row["recipe"] for row in record["rows"]] == ["distil"]
    assert run("undo", str(folder))[0] == 0
    assert raw(folder) == before


def test_the_plan_says_what_was_found(run, folder, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("We paid <NUM> 7.\n\nIt costs <NUM> 12.\n")
    code, out, err = run(
        "claim", str(folder), "<NUM>", "--values", f"distil:@{texts}", "--dry-run", "--format", "json"
    )
    assert code == 0, err
    plan = json.loads(out)
    assert "4 pieces on 2 texts" in plan["rows"][0]["source"]
    cautions = {caution["code"]: caution["message"] for caution in plan["warnings"]}
    assert "as an output row" in cautions["cost"]
    assert "both roles" in cautions["output-logit"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("distil:", "distil:TEXT or distil:@FILE"),
        ("distil:no such token", "occurs in none"),
        ("distil:@nowhere.txt", "cannot read 'nowhere.txt'"),
    ],
)
def test_texts_that_will_not_do(run, folder, monkeypatch, values, words):
    monkeypatch.chdir(folder)
    code, _, err = run("claim", str(folder), "<NUM>", "--values", values, "--dry-run")
    assert code == 2
    assert words in err.replace("\n", " ")


def test_a_claim_that_is_refused_loads_no_model(run, folder, monkeypatch):
    from rowscope.inspector import model

    monkeypatch.setattr(model, "distil", lambda *_, **__: pytest.fail("was loaded"))
    code, _, err = run("claim", str(folder), "the", "--values", "distil:the", "--dry-run")
    assert code != 0, err


def test_without_the_extra(run, folder, monkeypatch):
    from rowscope.inspector import model

    def missing(*_, **__):
        raise MissingExtraError("torch", "model", "model mode")

    monkeypatch.setattr(model, "distil", missing)
    code, _, err = run("claim", str(folder), "<NUM>", "--values", TEXT, "--dry-run")
    assert code == 4
    assert "rowscope[model]" in err


def test_given_rows_are_checked():
    with pytest.raises(UsageError, match="given="):
        plan_claim("demo", ["<NUM>"], values=TEXT)
    good = GivenRows(np.zeros((1, 128)), "made")
    with pytest.raises(UsageError, match="alone"):
        plan_claim("demo", ["<NUM>"], values="mean", given=good)
    for values in (np.zeros((1, 127)), np.zeros((2, 128)), np.full((1, 128), np.nan)):
        with pytest.raises(RefusedError, match="distil them"):
            plan_claim("demo", ["<NUM>"], values=TEXT, given=GivenRows(values, "made"))


def test_an_output_matrix_of_its_own_gets_the_default(tmp_path):
    """Untied: the input row is the distilled one, the output row what `--values mean` writes."""
    import torch
    import transformers

    source = rowscope.open_checkpoint("demo").root
    folder = tmp_path / "untied"
    config = transformers.AutoConfig.from_pretrained(source, tie_word_embeddings=False)
    network = transformers.AutoModelForCausalLM.from_pretrained(source).float()
    stored = {**network.state_dict(), "lm_head.weight": 1.5 * network.lm_head.weight}
    other = transformers.AutoModelForCausalLM.from_config(config)
    other.load_state_dict({name: value.detach().clone() for name, value in stored.items()})
    other.float().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, folder)
    row = torch.linspace(-1, 1, config.hidden_size).double().numpy()
    given = GivenRows(row[None], "made")
    rowscope.apply_claim(plan_claim(folder, ["<NUM>"], values=TEXT, given=given), tmp_path / "a")
    plan = plan_claim(folder, ["<NUM>"], values="mean")
    rowscope.apply_claim(plan, tmp_path / "b")
    distilled, mean = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    id = plan.claimed[0].id
    assert np.array_equal(distilled[NAME][id], row.astype(np.float32))
    assert np.array_equal(distilled["lm_head.weight"][id], mean["lm_head.weight"][id])
