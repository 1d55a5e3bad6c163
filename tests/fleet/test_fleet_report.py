"""What the report says of a store: the leaderboard, the steps of a run, the gate."""

import csv
import io
import json
import re

import pytest

import rowscope
from rowscope.inspector.errors import UsageError
from rowscope.inspector.fleet import TABLES, fleet_report, place_of
from rowscope.inspector.fleet.schema import parquet_bytes
from rowscope.inspector.fleet.tables import table_path, to_table
from rowscope.inspector.render.fleet_report import render_report, report_lines
from rowscope.inspector.render.lines import to_plain_text

pytest.importorskip("pyarrow", reason="extra table")


def finding(code, severity="warning", subject="embed"):
    return {
        "code": code,
        "name": code.lower(),
        "severity": severity,
        "subject": subject,
        "subject_fingerprint": f"{code}-{subject}",
    }


def token(id, input=None, output=None, uses=("template",)):
    names = {"verdict_input": input, "verdict_output": output}
    return {"id": id, "token": f"<t{id}>", "text": f"<t{id}>", "uses": list(uses), "roles": ["eos"], **names}


def matrix(role="both", reference="collapsed", norms=(1.0, 0.5)):
    shared = {"role": role, "tensor": f"{role}.weight", "reference_kind": reference}
    groups = zip(("used", "reserved"), norms, strict=True)
    return [{**shared, "group": group, "norm_median": norm} for group, norm in groups]


def write(folder, *checkpoints):
    """A store of (path, fields of `checkpoints`, findings, tokens, matrices)."""
    rows = {name: [] for name in TABLES}
    for path, fields, *others in checkpoints:
        where = place_of(path).record()
        worst = next((at for level in ("error", "warning", "note") for at in others[0:1] for at in at
                      if at["severity"] == level), None)  # fmt: skip
        named = {} if worst is None else {"worst_severity": worst["severity"], "worst_code": worst["code"]}
        rows["checkpoints"].append({**where, "status": "audited", **named, **fields})
        for name, found in zip(("findings", "special_tokens", "matrices"), others, strict=False):
            rows[name] += [{**where, **row} for row in found]
    folder.mkdir(exist_ok=True)
    for name, columns in TABLES.items():
        table_path(folder, name).write_bytes(parquet_bytes(to_table(rows[name], columns)))
    return folder


def run_of(tmp_path, *states, severity="warning"):
    """A run of one token whose input verdict is given step by step; None: nothing tells."""
    return write(
        tmp_path / "store",
        *(
            (
                f"/r/checkpoint-{10 * at}",
                {"untrained_used_rows": 5},
                [finding("TOK301", severity)] if state == "collapsed" else [],
                [token(7, state or "trained")],
                matrix(reference=None if state is None else "collapsed"),
            )
            for at, state in enumerate(states)
        ),
    )


@pytest.mark.parametrize(
    ("states", "trained_at", "untrained_at", "lost_at"),
    [
        (["collapsed", "collapsed", "trained", "trained"], 20, 10, ()),
        (["collapsed", None, "trained"], 20, 0, ()),
        (["trained", "trained"], 0, None, ()),
        ([None, "trained"], 10, None, ()),
        (["collapsed", "fresh"], None, 10, ()),
        (["trained", None, "collapsed"], None, 20, (20,)),
        (["trained", "collapsed", "trained"], 20, 10, (10,)),
        ([None, None], None, None, ()),
    ],
)
def test_the_step_at_which_a_token_became_trained(tmp_path, states, trained_at, untrained_at, lost_at):
    (found,) = fleet_report(run_of(tmp_path, *states)).runs
    (history,) = found.tokens
    assert (history.trained_at, history.untrained_at, history.lost_at) == (trained_at, untrained_at, lost_at)


def test_both_matrices_count_and_each_needs_a_reference(tmp_path):
    two = [*matrix("input"), *matrix("output", None)]
    store = write(
        tmp_path / "s",
        ("/r/checkpoint-1", {}, [], [token(1, "trained", "trained")], two),
        ("/r/checkpoint-2", {}, [], [token(1, "trained", "collapsed")], two),
        ("/r/checkpoint-3", {}, [], [token(1, "trained", None)], two),
        ("/r/checkpoint-4", {}, [], [token(1, "damaged", "trained")], two),
        ("/r/checkpoint-5", {}, [], [], two),
    )
    (history,) = fleet_report(store).runs[0].tokens
    assert history.states == ("unknown", "untrained", "trained", "damaged", "absent")


def test_steps_stand_in_the_order_of_their_numbers(tmp_path):
    paths = ["/r", *(f"/r/checkpoint-{step}" for step in (900, 1000, 80))]
    store = write(tmp_path / "s", *((path, {}, [], [], matrix()) for path in paths))
    report = fleet_report(store)
    assert [step.step for step in report.runs[0].steps] == [80, 900, 1000]
    latest = {line.step: line.latest for line in report.checkpoints}
    assert latest == {None: True, 80: False, 900: False, 1000: True}


def test_a_step_that_is_worse_is_marked(tmp_path):
    (found,) = fleet_report(run_of(tmp_path, "collapsed", "trained", "collapsed")).runs
    assert [step.regressions for step in found.steps] == [(), (), ("token 7 ('<t7>') is no longer trained",)]
    rows = [50, 54, 60, None, 61, 90]
    store = write(
        tmp_path / "s",
        *(
            (f"/r/step_{at}", {"untrained_used_rows": n}, [finding("ROW203")], [])
            for at, n in enumerate(rows)
        ),
    )
    steps = fleet_report(store).runs[0].steps
    assert [step.step for step in steps if step.regressions] == [5]
    assert steps[5].regressions == ("untrained used rows rose from 61 to 90",)


def test_findings_come_and_go_across_a_step_that_failed(tmp_path):
    store = write(
        tmp_path / "s",
        ("/r/step_1", {}, [finding("ROW201", "error")]),
        ("/r/step_2", {"status": "failed", "error_code": "HEADER", "error_message": "cut off"}, []),
        ("/r/step_3", {}, [finding("ROW201", "error"), finding("VOC103")]),
        ("/r/step_4", {}, [finding("VOC103")]),
    )
    report = fleet_report(store)
    steps = report.runs[0].steps
    assert [step.appeared for step in steps] == [(), (), ("VOC103 embed",), ()]
    assert [step.vanished for step in steps] == [(), (), (), ("ROW201 embed",)]
    assert [step.regressions for step in steps] == [(), (), ("new warning VOC103 embed",), ()]
    kept = {history.code: history for history in report.runs[0].findings}
    assert (kept["ROW201"].appeared_at, kept["ROW201"].vanished_at) == ((1,), (4,))
    assert kept["ROW201"].present == (True, False, True, False)
    assert report.exit_code() == 0
    assert report.exit_code("warning") == 1
    assert report.only_new().exit_code("warning") == 0


@pytest.mark.parametrize(
    ("states", "plain", "new"),
    [
        (["collapsed", "collapsed"], 1, 0),
        (["collapsed", None, "collapsed"], 1, 0),
        (["trained", "collapsed"], 1, 1),
        (["collapsed", "trained"], 0, 0),
        (["collapsed"], 1, 1),
    ],
)
def test_the_gate_of_a_run(tmp_path, states, plain, new):
    report = fleet_report(run_of(tmp_path, *states, severity="error"))
    assert (report.exit_code(), report.only_new().exit_code()) == (plain, new)
    assert report.only_new().exit_code("never") == 0
    gates = [line.gate() for line in report.only_new().checkpoints if line.latest]
    assert gates == ["fail" if new else "pass"]


def test_what_could_not_be_audited_is_exit_3(tmp_path):
    failed = ("/a", {"status": "failed", "error_code": "HEADER", "error_message": "cut off"}, [])
    assert fleet_report(write(tmp_path / "s", failed)).exit_code("never", allow_partial=True) == 3
    report = fleet_report(write(tmp_path / "s", ("/a", {"status": "partial"}, [])))
    assert (report.exit_code(), report.exit_code(allow_partial=True)) == (3, 0)
    with pytest.raises(UsageError, match="fatal"):
        report.exit_code("fatal")


def test_a_store_with_nothing_in_it_is_no_clean_verdict(tmp_path):
    report = fleet_report(write(tmp_path / "s"))
    assert (report.exit_code(), report.exit_code("never", allow_partial=True)) == (3, 3)
    assert "nothing was audited" in shown(report, "text")


def shown(report, format):
    if format == "text":
        return to_plain_text(report_lines(report, fail_on="error", exit_code=1, by="all", width=200))
    return render_report(report, format, fail_on="error", exit_code=1, by="all")


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_every_format_says_what_matters(tmp_path, format):
    hostile = "</script><img src=x onerror=alert(1)>|*"
    found = [finding("ROW201", subject=hostile)]
    store = write(
        tmp_path / "s",
        ("/r/checkpoint-1", {"rows": 4096, "untrained_used_rows": 9}, [], [token(1, "collapsed")], matrix()),
        ("/r/checkpoint-2", {"rows": 4096}, found, [token(1, "trained")], matrix()),
        (f"/b/{hostile}", {"status": "failed", "error_code": "HEADER", "error_message": hostile}, []),
    )
    said = shown(fleet_report(store), format)
    plain = said.replace("\\", "").replace("&lt;", "<").replace("&gt;", ">")
    for words in ("from step 2 on, untrained at 1", "4,096", "new warning ROW201", "HEADER", "○●", "<t1>"):
        assert words in plain, words
    if format == "html":
        assert "<img" not in said
        assert "<script" not in said
        assert said.count("<svg") == 4
        assert not re.search(r'(src|href)="(?!#)', said)


def test_csv_and_json_hold_every_checkpoint_and_step(tmp_path):
    report = fleet_report(run_of(tmp_path, "collapsed", "trained"))
    lines = list(csv.DictReader(io.StringIO(shown(report, "csv"))))
    assert [(line["path"], line["latest"], line["gate"]) for line in lines] == [
        ("/r/checkpoint-10", "True", "pass"),
        ("/r/checkpoint-0", "False", "pass"),
    ]
    steps = render_report(report, "csv", fail_on="error", exit_code=0, by="step")
    found = list(csv.DictReader(io.StringIO(steps)))
    assert [(line["step"], line["used_norm"], line["vanished"]) for line in found] == [
        ("0", "1.0", ""),
        ("10", "1.0", "TOK301 embed"),
    ]
    body = json.loads(json.dumps(report.to_dict(exit_code=0), allow_nan=False))
    assert body["runs"][0]["tokens"][0]["trained_at"] == 10
    assert body["tool"]["version"] == rowscope.__version__


def test_what_is_no_store_is_said(tmp_path):
    with pytest.raises(rowscope.RowscopeError, match="rowscope fleet PATH"):
        fleet_report(tmp_path)


def test_the_command_reports_and_gates_a_store_that_a_fleet_wrote(run, tmp_path):
    out = tmp_path / "store"
    run("fleet", "demo", "--out", out, "--workers", "1")
    code, said, _ = run("fleet", "report", out)
    assert (code, "ROW203" in said) == (0, True)
    code, said, _ = run("fleet", "report", out, "--fail-on", "warning", "--format", "json")
    body = json.loads(said)
    assert (code, body["exit_code"], body["checkpoints"][0]["untrained_used_rows"]) == (1, 1, 182)
    assert run("fleet", "report", out, "-o", tmp_path / "r.html")[0] == 0
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run("fleet", "report", out, "--by", "tree")[0] == 2
    assert run("fleet", "report", tmp_path)[0] == 5
