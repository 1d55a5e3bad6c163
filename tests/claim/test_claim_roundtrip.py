"""Claims in random checkpoints of all layouts: loading bears them out, and undo takes every byte back.

`ROWSCOPE_CLAIM_EXAMPLES=2000 pytest tests/claim/test_claim_roundtrip.py` is the long run.
"""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from rowscope.inspector.claim import (
    ClaimPlan,
    apply_claim,
    apply_claim_in_place,
    plan_claim,
    undo_claim,
)
from rowscope.inspector.errors import RefusedError

from .layouts import HOLDERS, LAYOUTS, LISTED, OWN_TYPES, Choice, write_checkpoint

logging.set_verbosity_error()

EXAMPLES = int(os.environ.get("ROWSCOPE_CLAIM_EXAMPLES", "25"))
ALONE = ("sentencepiece", "tiktoken", "tekken")
NAMES = (
    "<NUM>",
    "İx",
    "e\u0301q",
    "cafés",
    " lead",
    "<a b>",
    "x",
    "😀",
    '"q"',
    "a\\b",
    "ＡＢ",
    "ﬁn",
    "MiXed",
)
NAMES += (
    "<|new|>",
    "[NEW]",
    "##ing",
    "▁foo",
    "Ġbar",
    "don't",
    "ß",
    "中文",
    "a\u200bb",
    "<NUM> ",
    "lead",
    "I",
)
TEXTS = (
    "the leader will lead a <a b> < a b > or mislead",
    "Ising I i İ i̇ ı xx y axb",
    "naïve naive café cafés e\u0301q eq AB ＡＢ fin ﬁn ß ss SS",
    "😀 smile don't don ' t a\\b \"q\" q un able unable . , !",
    "[ new ] [new] <num> < num > ##ing foo ▁foo bar 中文 中 文 mixed MIXED",
)

choices = st.builds(
    Choice,
    layout=st.sampled_from([layout for layout in LAYOUTS if layout not in ALONE]),
    listed=st.sampled_from(LISTED),
    seed=st.integers(0, 10**6),
)
names = st.sampled_from(NAMES) | st.text('aIİé\u0301<> [#▁x"\\😀中', min_size=1, max_size=5)


def load(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return AutoTokenizer.from_pretrained(str(folder))


def others(token: str) -> list[str]:
    """Texts that are close to the token, and texts that are not."""
    forms = ("NFC", "NFD", "NFKC", "NFKD")
    spellings = [
        token.lower(),
        token.upper(),
        token.strip(),
        *(unicodedata.normalize(f, token) for f in forms),
    ]
    spellings += [f"a{token.strip()}b", " ".join(token.strip()), token.strip()[1:], token.replace(" ", "  ")]
    return [*TEXTS, *(f"the {spelling} is" for spelling in spellings)]


def planned(source: Path, token: str, **options: Any) -> ClaimPlan | None:
    """The plan; None where it is refused, with a next step."""
    try:
        return plan_claim(source, token, **options)
    except RefusedError as error:
        refused = error
    assert refused.message.count(";")
    return None


def assert_borne_out(plan: ClaimPlan, before: Any, after: Any) -> None:
    """The tokenizer has the ids of the plan, and encodes as the plan says."""
    (claim,) = plan.claimed
    kept = {token: id for token, id in before.get_vocab().items() if token != claim.replaces}
    assert after.get_vocab() == kept | {claim.token: claim.id}
    assert (plan.entries_before, plan.entries_after) == (len(before), len(after))
    for text in (claim.token, f"the {claim.token} is"):
        assert claim.id in after.encode(text, add_special_tokens=False)
    if not {"other-text", "unchecked"} & {caution.code for caution in plan.cautions}:
        for text in others(claim.token):
            if claim.token not in text and (claim.replaces is None or claim.replaces not in text):
                assert before.encode(text) == after.encode(text)


def assert_rows(plan: ClaimPlan, folder: Path) -> None:
    """The model that is loaded has the rows of the plan."""
    model = AutoModelForCausalLM.from_pretrained(str(folder))
    tables = {"model.embed_tokens.weight": model.get_input_embeddings()}
    tables["lm_head.weight"] = model.get_output_embeddings()
    assert plan.rows
    for patch in plan.rows:
        row = tables[patch.tensor].weight.detach().numpy()[patch.id]
        assert (row == np.frombuffer(patch.after, dtype=np.float32)).all()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=choices, token=names, special=st.booleans(), holder=st.sampled_from([None, *HOLDERS]))
def test_loading_bears_the_plan_out(
    contents: Callable[[Path], dict[str, str]], choice: Choice, token: str, special: bool, holder: str | None
) -> None:
    with tempfile.TemporaryDirectory() as root:
        source, out = write_checkpoint(Path(root) / "source", choice), Path(root) / "out"
        before = load(source)
        holder = holder if holder in before.get_vocab() else None
        llama = not (choice.listed == "nowhere" and choice.layout in OWN_TYPES)
        values = "like:a" if llama and "a" in before.get_vocab() else "keep"
        if token in before.get_vocab() or not token.strip():
            return
        plan = planned(source, token, special=special, replace=holder, values=values)
        if plan is None:
            return
        apply_claim(plan, out)
        assert_borne_out(plan, before, load(out))
        if values != "keep":
            assert_rows(plan, out)
        files = contents(source)
        apply_claim_in_place(plan)
        assert contents(source) != files
        undo_claim(source)
        assert contents(source) == files


@pytest.mark.parametrize("layout", ALONE)
def test_formats_without_a_place_for_added_tokens(tmp_path: Path, layout: str) -> None:
    source = write_checkpoint(tmp_path / "source", Choice(layout, "tokenizer", 3))
    with pytest.raises(RefusedError, match="save_pretrained"):
        plan_claim(source, "<NUM>", values="keep")


def bert(folder: Path, **rules: object) -> Path:
    """vocab.txt of a lowercasing BERT, without a list of added tokens."""
    source = write_checkpoint(folder, Choice("vocab.txt", "tokenizer", 11))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **rules}
    (source / "tokenizer_config.json").write_text(json.dumps(config))
    return source


@pytest.mark.parametrize("token", ["İx", "e\u0301q", " Lead", "<A b>", "MiXed"])
def test_other_spellings_of_a_normalised_token(tmp_path: Path, token: str) -> None:
    cautions = {c.code: c.message for c in plan_claim(bert(tmp_path / "x"), token, values="keep").cautions}
    assert {"normalised", "respelt", "other-text"} <= cautions.keys()
    assert repr(token) in cautions["respelt"]


def test_a_token_that_no_text_would_reach(tmp_path: Path) -> None:
    with pytest.raises(
        RefusedError, match=r"would not become the new token .* normaliser turns the name into ''"
    ):
        plan_claim(bert(tmp_path / "x"), "\u0301\u0302", values="keep")


def test_a_letter_in_a_placeholders_place_is_a_piece_of_other_words(tmp_path: Path) -> None:
    source = bert(tmp_path / "x", do_lower_case=False)
    lines = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()
    kept = ["q" if line in ("x", "##x") else line for line in lines]
    (source / "vocab.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    cautions = {c.code for c in plan_claim(source, "x", replace="[unused1]", values="keep").cautions}
    assert "inside-words" in cautions


def test_an_emoji_flagged_special_beside_added_tokens_json(tmp_path: Path) -> None:
    source = bert(tmp_path / "x")
    (source / "added_tokens.json").write_text("{}")
    plan = plan_claim(source, "😀", special=True, values="keep")
    apply_claim(plan, tmp_path / "out")
    before, after = load(source), load(tmp_path / "out")
    assert_borne_out(plan, before, after)
    assert "😀" in after.all_special_tokens


def test_sentinels_that_only_the_class_lists_are_counted(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "x", Choice("Unigram, T5", "tokenizer", 5))
    before = load(source)
    assert "<extra_id_99>" in before.get_vocab()
    assert "<extra_id_99>" not in (source / "tokenizer.json").read_text(encoding="utf-8")
    with pytest.raises(RefusedError, match=r"which is '<extra_id_3>'.*save_pretrained"):
        plan_claim(source, "<NUM>", values="keep")  # a new token would go before those that are added
    plan = plan_claim(source, "<NUM>", replace="[unused0]", values="keep")
    apply_claim(plan, tmp_path / "out")
    assert_borne_out(plan, before, load(tmp_path / "out"))


def test_without_the_library_the_rules_in_the_files_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    cautions = {c.code: c.message for c in plan_claim(bert(tmp_path / "x"), "MiXed", values="keep").cautions}
    assert "'MiXed' into 'mixed'" in cautions["respelt"]
    assert "pip install 'rowscope[tokenizer]'" in cautions["unchecked"]
