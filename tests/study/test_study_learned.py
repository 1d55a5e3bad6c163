"""When a study says that a claimed slot was learned: the rule at its edges."""

from __future__ import annotations

import dataclasses

import pytest

from rowscope.inspector.model.train.results import Measured, TrainResult, Variant
from rowscope.inspector.study.rules import is_learned, learning


def measured(**figures):
    known = {f.name: 0.0 for f in dataclasses.fields(Measured)}
    return Measured(**{**known, **figures})


def variant(*, alive=True, name="full", **after):
    figures = {"where_due": 0.9, "elsewhere": 1e-4, "first_choice": 1.0, **after}
    return Variant(
        name=name,
        trained="all",
        weight_decay=0.0,
        learning_rate=0.01,
        alive=alive,
        trainable=1,
        before=measured(where_due=1e-5, elsewhere=1e-5),
        after=measured(**figures),
        loss_first=1.0,
        loss_last=0.1,
        decay_factor=1.0,
        drift=(),
        seconds_per_step=0.0,
    )


@pytest.mark.parametrize(
    ("after", "learned"),
    [
        ({}, True),
        ({"elsewhere": 0.01}, True),
        # A token that is due nowhere and comes in one place of five is no token that was learned.
        ({"where_due": 0.69, "elsewhere": 0.183}, False),
        ({"where_due": 9e-5}, False),
        ({"first_choice": 0.4}, False),
    ],
)
def test_the_rule(after, learned):
    assert is_learned(variant(**after)) is learned


@pytest.mark.parametrize(
    ("variants", "word"),
    [
        ((variant(), variant(name="token-only", elsewhere=0.2)), "learned"),
        ((variant(alive=False), variant(name="token-only", elsewhere=0.2)), "costly"),
        ((variant(elsewhere=0.2), variant(name="token-only", alive=False, first_choice=0.1)), "unlearned"),
    ],
)
def test_what_the_study_says(variants, word):
    known = {f.name: None for f in dataclasses.fields(TrainResult)}
    assert learning(TrainResult(**{**known, "variants": variants})).word == word
