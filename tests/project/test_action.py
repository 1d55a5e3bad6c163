"""The GitHub action, run as the runner runs it, and the workflow of docs/embedding.md, checked by zizmor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rowscope

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text()
yaml = pytest.importorskip("yaml")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def workflow() -> str:
    (text,) = re.findall(r"^## GitHub Actions$.*?^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return text


def script(name: str) -> tuple[str, dict[str, str]]:
    """The script of a step and the defaults of its inputs."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
    defaults = {}
    for variable, expression in step.get("env", {}).items():
        found = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", expression)
        assert found is not None
        assert variable == f"INPUT_{found[1].upper().replace('-', '_')}"
        defaults[variable] = ACTION["inputs"][found[1]].get("default", "")
    return step["run"], defaults


@pytest.fixture
def audit(bash, tmp_path):
    """audit(path, **inputs) -> (completed process, outputs, summary); a settings file in no folder above."""

    def call(path: str, **inputs: str):
        text, defaults = script("Audit")
        assert set(defaults) == {f"INPUT_{name.upper().replace('-', '_')}" for name in ACTION["inputs"]}
        output, summary = tmp_path / "output", tmp_path / "summary"
        own = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        done = bash(text, **{**defaults, **files, "RUNNER_TEMP": str(tmp_path), "INPUT_PATH": path, **own})
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done, outputs, summary.read_text() if summary.exists() else ""

    return call


@pytest.mark.parametrize(
    ("path", "inputs", "code", "annotations"),
    [
        ("demo", {}, 0, 6),
        ("demo", {"fail_on": "warning", "select": "ROW203,VOC"}, 1, 3),
        ("demo", {"ignore": "VOC", "allow_partial": "true"}, 0, 4),
        ("nowhere; echo x", {}, 3, 1),
        ("--version", {}, 3, 1),
    ],
)
def test_the_action_annotates_and_passes_the_exit_code_on(audit, tmp_path, path, inputs, code, annotations):
    sarif = tmp_path / "not" / "there yet" / "a b.sarif"
    done, outputs, summary = audit(path, sarif_file=str(sarif), **inputs)
    assert done.returncode == code, done.stderr
    assert sum(line.startswith("::") for line in done.stdout.splitlines()) == annotations
    assert outputs["exit-code"] == str(code)
    assert sarif.exists() == ("sarif-file" in outputs) == (code != 3)
    assert summary.startswith("# Vocabulary audit")
    if code != 3:
        assert len(json.loads(sarif.read_text())["runs"][0]["results"]) == annotations
        assert "| reserved | 88 |" in summary
    else:
        assert "Nothing was audited (exit code 3)" in summary


def test_several_paths_are_one_log_and_the_largest_exit_code(audit, checkpoint_folders, tmp_path):
    paths = f"  demo\n\n{checkpoint_folders['untied']}\nnowhere\n"
    done, outputs, summary = audit(paths, sarif_file="r/x.sarif", html_file="r/page.html")
    assert done.returncode == 3
    assert outputs == {"exit-code": "3", "sarif-file": "r/x.sarif"}
    runs = json.loads((tmp_path / "r" / "x.sarif").read_text())["runs"]
    assert len(runs) == 2
    assert len({run["automationDetails"]["id"] for run in runs}) == 2
    assert summary.count("# Vocabulary audit") == 3
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"x.sarif", "page.html", "page-2.html"}
    assert done.stdout.count(": 0 errors, 2 warnings") == 1


def test_each_path_is_audited_once():
    assert script("Audit")[0].count("rowscope audit") == 1


def test_no_path_and_no_summary(audit):
    done, outputs, _ = audit(" \n ")
    assert (done.returncode, outputs) == (2, {"exit-code": "2"})
    assert audit("demo", summary="false")[2] == ""


def test_a_python_that_is_too_old_is_told(bash, tmp_path):
    for name in ("python3", "python"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    text = f'PATH="{tmp_path}:$PATH"\n' + script("Install")[0]
    done = bash(text, RUNNER_TEMP=str(tmp_path), GITHUB_ACTION_PATH=str(ROOT))
    assert done.returncode == 4
    assert done.stdout.startswith("::error title=rowscope::It needs Python 3.11")
    assert not (tmp_path / "rowscope-venv").exists()


def test_it_installs_into_an_environment_of_its_own():
    """Never into the system's, which refuses it where it is managed by others (PEP 668)."""
    text = script("Install")[0]
    assert '-m venv "$home"' in text
    assert text.index("-m venv") < text.index("-m pip install")


def test_no_script_holds_an_expression():
    assert all("${{" not in step["run"] for step in ACTION["runs"]["steps"])


def test_the_workflow_uses_what_the_action_offers():
    steps = yaml.safe_load(workflow())["jobs"]["audit"]["steps"]
    (ours,) = [step for step in steps if step["uses"].startswith("rowscope/")]
    assert f"{ours['uses']} # v{rowscope.__version__}\n" in workflow()
    assert set(ours["with"]) <= set(ACTION["inputs"])
    assert {name for name, entry in ACTION["inputs"].items() if entry.get("required")} <= set(ours["with"])
    (upload,) = [step for step in steps if "upload-sarif" in step["uses"]]
    used = re.findall(r"steps\.rowscope\.outputs\.([\w-]+)", json.dumps(upload))
    assert set(used) <= set(ACTION["outputs"])
    assert upload["if"].startswith("always()")


def test_zizmor_finds_nothing(tmp_path):
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("needs zizmor")
    place = tmp_path / ".github" / "workflows" / "rowscope.yml"
    place.parent.mkdir(parents=True)
    place.write_text(workflow())
    words = [
        str(program),
        "--offline",
        "--persona",
        "auditor",
        "--no-progress",
        str(place),
        ROOT / "action.yml",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
