"""Made-up results for the composer: whatever the figures, no two sentences disagree, in either language."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowscope.inspector import study as room
from rowscope.inspector.evidence import VERDICTS as ROW_VERDICTS
from rowscope.inspector.model import InitialRow, Policy
from rowscope.inspector.model.leak.advice import advise
from rowscope.inspector.model.policy.advice import advise_policy
from rowscope.inspector.model.verify.results import STATES
from rowscope.inspector.study.claims import CLAIMS
from rowscope.inspector.study.compose import write
from rowscope.inspector.study.document import Document
from rowscope.inspector.study.material import gather
from rowscope.inspector.study.rules import policy_mask
from rowscope.inspector.study.texts import LANGUAGES, Texts

from .stances import NEUTRAL, NEUTRAL_SECTIONS, STANCES, VERDICTS

NAN, INF = float("nan"), float("inf")
OPTIONS = {"device": "cpu", "dtype": "auto", "seed": 0, "trust_remote_code": False}


class Recorder(Texts):
    """Texts that note what was said, with the names filled in."""

    def __init__(self, language):
        super().__init__(language)
        self.said = []

    def say(self, key, **values):
        self.said.append((key, values))
        return super().say(key, **values)


@pytest.fixture(scope="module")
def measured(zoo):
    """Real results of a tied and of an untied model, whose figures are then replaced."""
    more = {"steps": 1, "rl_steps": 2, "starts": made_up}
    return [
        gather(zoo[name], with_model=True, options=OPTIONS, progress=None, **more)
        for name in ("qwen2", "llama")
    ]


def made_up(loaded):
    """Three initial rows that no claim would write."""
    rows = np.random.default_rng(0).standard_normal((3, 32))
    return [InitialRow(name, name, {"both": row}) for name, row in zip("abc", rows, strict=True)]


cosines = st.one_of(st.just(NAN), st.floats(-1, 1), st.sampled_from((0.9, 0.95, 0.98, 1.0)))
shares = st.one_of(st.sampled_from((0.0, 1e-12, 1e-6, 0.3, 1.0)), st.floats(0, 1))
norms = st.one_of(st.sampled_from((0.0, 1e-9, 1.0, NAN, INF)), st.floats(0, 10))


@st.composite
def groups(draw, group):
    rows = group.stats.rows
    names = draw(st.lists(st.sampled_from(ROW_VERDICTS), min_size=1, max_size=3, unique=True))
    cuts = sorted(draw(st.lists(st.integers(0, rows), min_size=len(names) - 1, max_size=len(names) - 1)))
    counts = [stop - start for start, stop in zip((0, *cuts), (*cuts, rows), strict=True)]
    verdicts = dict.fromkeys(ROW_VERDICTS, 0) | dict(zip(names, counts, strict=True))
    stats = dataclasses.replace(
        group.stats,
        pairwise_cosine=draw(cosines),
        distinct_rows=draw(st.sampled_from((1, 2, rows))),
        std=draw(norms),
    )
    return dataclasses.replace(group, stats=stats, verdicts=verdicts)


@st.composite
def forwards(draw, result):
    found = []
    for group in result.groups:
        apart = dataclasses.replace(
            group.divergence,
            js_nats=draw(st.sampled_from((NAN, 0.0, 1.0))),
            effective_outputs=draw(st.floats(1, 9)),
            hidden_cosine=draw(cosines),
            inputs=draw(st.sampled_from((0, 1, 2, 25))),
        )
        found.append(dataclasses.replace(group, divergence=apart, nonfinite=draw(st.sampled_from((0, 0, 2)))))
    first = dataclasses.replace(result.first_five, finite=draw(st.booleans()))
    return dataclasses.replace(result, groups=tuple(found), first_five=first)


@st.composite
def gradients(draw, result):
    def part(found):
        rows = [
            dataclasses.replace(
                group,
                all_zero=draw(st.booleans()),
                norm_median=draw(norms),
                norm_total=draw(norms),
                pairwise_cosine=draw(cosines),
            )
            for group in found.groups
        ]
        return dataclasses.replace(found, groups=tuple(rows))

    experiments = [dataclasses.replace(e, whole=tuple(map(part, e.whole))) for e in result.experiments]
    return dataclasses.replace(result, experiments=tuple(experiments))


@st.composite
def leaks(draw, result):
    def cells(found):
        values = [(cell, draw(shares)) for cell in found]
        return tuple(
            dataclasses.replace(
                cell, mean=mean, max=max(mean, draw(shares)), expected_tokens=1 / mean if mean else INF
            )
            for cell, mean in values
        )

    in_context = cells(result.in_context)
    rollouts = result.rollouts and dataclasses.replace(result.rollouts, cells=cells(result.rollouts.cells))
    rollouts = rollouts if draw(st.booleans()) else None
    scopes = {"prompts": in_context} | ({"rollouts": rollouts.cells} if rollouts else {})
    prompts = [dataclasses.replace(p, in_context=draw(shares)) for p in result.prompts]
    return dataclasses.replace(
        result,
        in_context=in_context,
        first=cells(result.first),
        first_share=draw(st.sampled_from((NAN, 0.5))),
        rollouts=rollouts,
        prompts=tuple(prompts),
        advice=advise(scopes, "reserved"),
    )


@st.composite
def trainings(draw, result):
    def figures(found):
        return dataclasses.replace(
            found,
            where_due=draw(shares),
            elsewhere=draw(shares),
            first_choice=draw(shares),
            text_loss=draw(norms),
        )

    kept = draw(st.lists(st.sampled_from(result.variants), min_size=1, unique_by=lambda v: v.name))
    variants = [
        dataclasses.replace(v, alive=draw(st.booleans()), before=figures(v.before), after=figures(v.after))
        for v in kept
    ]
    return dataclasses.replace(result, variants=tuple(variants))


@st.composite
def verifications(draw, result):
    tokens = [
        dataclasses.replace(
            t, state=draw(st.sampled_from(STATES)), agrees=draw(st.sampled_from((True, False, None)))
        )
        for t in result.tokens
    ]
    able = dataclasses.replace(
        result.ability, decided_by=draw(st.sampled_from((None, "prompts", "carriers")))
    )
    return dataclasses.replace(result, tokens=tuple(tokens), ability=able)


@st.composite
def policies(draw, result):
    """Masses near each other, as steps make them; the advice is the probe's own."""
    base = draw(shares)
    nearby = st.sampled_from((0.0, 1e-9, 1e-5, 0.1)).flatmap(
        lambda by: st.sampled_from((base + by, base * (1 - by)))
    )

    def cells(found):
        for cell in found:
            mean = draw(nearby) if cell.step else base
            yield dataclasses.replace(cell, mean=mean, expected_tokens=1 / mean if mean else INF)

    sampled = draw(st.sampled_from((0, 0, 3)))
    variants = tuple(
        dataclasses.replace(v, cells=tuple(cells(v.cells)), sampled=sampled, mismatch=draw(norms))
        for v in result.variants
    )
    advice = advise_policy(Policy(steps=result.steps), variants, 1.0, "reserved")
    return dataclasses.replace(result, variants=variants, advice=advice)


@st.composite
def comparisons(draw, starts):
    return tuple(
        dataclasses.replace(start, loss_before=draw(norms), loss_after=draw(norms), alive=draw(st.booleans()))
        for start in starts
    )


@st.composite
def materials(draw, measured):
    base = draw(st.sampled_from(measured))
    matrices = [
        matrix if draw(st.booleans()) else dataclasses.replace(matrix, reference=None)
        for matrix in base.report.matrices
    ]
    kept = draw(st.sampled_from((0, 1, 2, base.subject.reserved.size)))
    probes = {
        name: draw(make(getattr(base, name))) if draw(st.integers(0, 7)) else "It was not measured."
        for name, make in (
            ("forward", forwards),
            ("gradient", gradients),
            ("leak", leaks),
            ("train", trainings),
            ("verify", verifications),
            ("policy", policies),
            ("starts", comparisons),
        )
    }
    return dataclasses.replace(
        base,
        report=dataclasses.replace(base.report, matrices=tuple(matrices)),
        subject=dataclasses.replace(base.subject, reserved=base.subject.reserved[:kept]),
        groups={role: draw(groups(group)) for role, group in base.groups.items()},
        **probes,
    )


def asserted(material, language):
    """Every proposition of a document, with the sentence that says so; roles told by what stands around."""
    texts = Recorder(language)
    text = write(Document(texts), material)
    held, role, claim = [], None, None
    names = {texts._find(f"word.{m.role}"): m.role for m in material.report.matrices}
    roles = [m.role for m in material.report.matrices]
    for key, values in texts.said:
        if key == "weights.matrix":
            role = next(r for word, r in names.items() if word.lower() == values["role"].lower())
        if key.startswith("word.") and key[5:] in roles:
            role = key[5:]
        claim = next((name for name in CLAIMS if key == f"claim_name.{name}"), claim)
        for proposition, value in STANCES.get(key, {}).items():
            where = values.get("role")
            own = names.get(where, role) if where else role
            held.append((proposition.format(role=own), value, key))
        word = key.removeprefix("verdict_word.")
        if word != key:
            held += [(p, value, f"{claim}: {word}") for p, value in VERDICTS.get((claim, word), {}).items()]
    return held, [key for key, _ in texts.said], text


def require_agreement(held):
    found = {}
    for proposition, value, key in held:
        other = found.setdefault(proposition, (value, key))
        assert other[0] == value, f"{other[1]} and {key} disagree on: {proposition}"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_two_sentences_disagree(measured, data):
    material = data.draw(materials(measured))
    if not isinstance(material.policy, str):  # the study says what the probe itself advises
        assert policy_mask(material.policy) == (material.policy.advice.code == "mask-both")
    documents = [asserted(material, language) for language in LANGUAGES]
    for held, _, text in documents:
        require_agreement(held)
        assert "{" not in text.replace("{}", "")
    assert documents[0][1] == documents[1][1], "the languages say different things"


def test_every_sentence_is_known_to_the_stances():
    texts = tomllib.loads((Path(room.__file__).parent / "en.toml").read_text("utf-8"))
    keys = {f"{section}.{key}" for section in texts.keys() - NEUTRAL_SECTIONS for key in texts[section]}
    assert keys - STANCES.keys() - NEUTRAL == set()
    assert (STANCES.keys() | NEUTRAL) - keys == set()


def test_a_disagreement_is_found():
    with pytest.raises(AssertionError, match=r"safe.learned and conclusion.unlearned disagree on: learned"):
        require_agreement([("learned", True, "safe.learned"), ("learned", False, "conclusion.unlearned")])
