"""The training of `demo`, kept as the store of twelve of its steps, against what it had read by then."""

import json
from pathlib import Path

import pytest

from rowscope.inspector.fleet import fleet_report

pytest.importorskip("pyarrow", reason="extra table")

STEPS = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2" / "steps"


@pytest.fixture(scope="module")
def run():
    (found,) = fleet_report(STEPS).runs
    return found


def counts():
    """token -> step -> how often it had been read or was to be predicted, whichever is more."""
    seen = json.loads((STEPS / "seen.json").read_text(encoding="utf-8"))
    return {token: {int(step): max(seen[step][token]) for step in seen} for token in seen["0"]}


def test_twelve_steps_are_kept(run):
    assert [step.step for step in run.steps] == sorted(next(iter(counts().values())))
    assert len(run.steps) == 12
    assert {step.status for step in run.steps} == {"audited"}


def test_a_token_is_named_trained_if_and_only_if_the_training_read_it(run):
    seen = counts()
    found = {token.token: token.trained_at for token in run.tokens}
    assert found.keys() == seen.keys()
    for token, at in found.items():
        assert (at is not None) == (seen[token][1400] > 0), token
        if at is not None:
            # The weights show it later than the counts: a row has to leave its random start first.
            assert seen[token][at] >= 800


def test_untrained_rows_get_fewer_and_norms_part(run):
    known = [step.untrained_used_rows for step in run.steps if step.untrained_used_rows is not None]
    assert known == sorted(known, reverse=True)
    assert (known[0], known[-1]) == (4008, 182)
    assert not any(step.regressions for step in run.steps)
    used, reserved = run.steps[-1].norms[0].used, run.steps[-1].norms[0].reserved
    assert reserved > 3 * used
