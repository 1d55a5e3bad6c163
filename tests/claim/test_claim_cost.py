"""What new output rows cost before training, against the model itself."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

import rowscope
from rowscope.inspector.claim import ClaimPlan, apply_claim, plan_claim

DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
TEXT = "The rows of the matrix are numbers, and a number of them have no token in the text at all."


def probabilities(folder: Path, without: list[int]) -> torch.Tensor:
    """Next-token probabilities at every position of the text, float64 [positions, rows]; `without` masked."""
    ids = torch.tensor([AutoTokenizer.from_pretrained(DEMO).encode(TEXT)])
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids).logits[0].double()
    logits[:, without] = -torch.inf
    return torch.softmax(logits, -1)


def cost(
    tmp_path: Path, values: str, tokens: list[str], *, scale: bool
) -> tuple[ClaimPlan, torch.Tensor, torch.Tensor]:
    """The plan, KL(before || after) at every position, and the probabilities before."""
    plan = plan_claim(DEMO, tokens, values=values, scale=scale)
    apply_claim(plan, tmp_path / "out")
    new = [claim.id for claim in plan.claimed]
    others = [id for id in rowscope.reserved_ids(DEMO).tolist() if id not in new]
    before, after = probabilities(DEMO, [*others, *new]), probabilities(tmp_path / "out", others)
    kept = before > 0
    terms = torch.where(kept, before * (before.clamp_min(1e-300).log() - after.clamp_min(1e-300).log()), 0.0)
    return plan, terms.sum(-1), before


def caution(plan: ClaimPlan) -> str:
    (found,) = [item.message for item in plan.cautions if item.code == "cost"]
    return found


def test_the_mean_stays_below_its_bound(tmp_path: Path) -> None:
    plan, divergence, _ = cost(tmp_path, "mean", ["<A>", "<B>"], scale=False)
    assert "log(1 + 2/3826) = 0.000523" in caution(plan)
    # The mean is over trained rows, rounded to BF16; the normaliser has the untrained ones as well.
    assert 0 < float(divergence.max()) < np.log1p(2 / 3826) * 1.01


def test_a_text_stays_below_its_bound_and_is_not_scaled(tmp_path: Path) -> None:
    plan, divergence, before = cost(tmp_path, "text:a number", ["<A>", "<B>"], scale=True)
    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    pieces = tokenizer.encode("a number", add_special_tokens=False).ids
    share = before[:, pieces].sum(-1)
    assert (divergence <= torch.log1p(2 / len(pieces) * share) * 1.05 + 1e-6).all()
    assert f"log(1 + 2/{len(pieces)} P)" in caution(plan)
    assert "start at the mean logit" in next(c.message for c in plan.cautions if c.code == "output-logit")


def test_a_copy_costs_what_is_said(tmp_path: Path) -> None:
    plan, divergence, before = cost(tmp_path, "like:er", ["<A>", "<B>"], scale=True)
    id = Tokenizer.from_file(str(DEMO / "tokenizer.json")).token_to_id("er")
    torch.testing.assert_close(divergence, torch.log1p(2 * before[:, id]), rtol=1e-4, atol=1e-7)
    assert "log(1 + 2 p)" in caution(plan)


@pytest.mark.parametrize(
    ("tokens", "values", "distinct"), [(["<A>"], "mean", 1), (["<A>", "<B>", "<C>"], "normal", 3)]
)
def test_several_tokens_start_different(tokens: list[str], values: str, distinct: int) -> None:
    plan = plan_claim(DEMO, tokens)
    assert plan.values == values
    assert len({patch.after for patch in plan.rows}) == distinct
    assert "duplicate" not in {item.code for item in plan.cautions}
