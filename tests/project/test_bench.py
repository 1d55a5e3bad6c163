"""The benchmarks run and report. What they measure is no business of the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

for name in ("ml_dtypes", "torch"):
    pytest.importorskip(name, reason=f"the benchmarks compare with {name}")

ROOT = Path(__file__).resolve().parents[2]


def bench(*words):
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_quick_run_writes_a_report(tmp_path):
    report = tmp_path / "report.md"
    report.write_text("# Above\n\n<!-- below: the report of `python -m bench` -->\n\nthe last one\n")
    done = bench("--quick", "--only", "slices,giant,remote", "--repeat", "1", "--output", str(report))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = report.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Above"
    assert "the last one" not in lines
    assert {"## Machine", "## Claims", "### Slices", "### Giant"} <= set(lines)
    assert any(line.startswith("| reserved, opened each time |") for line in lines)
    assert any(line.startswith("| 800 GB in 191 files, `inspect` | at most 3 s |") for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert all(line.endswith("|") and line.count("|") >= 3 for line in tables)


def test_an_unknown_section_is_refused_by_name():
    done = bench("--only", "slices,speed")
    assert done.returncode != 0
    assert "'speed'" in done.stderr
    assert "slices" in done.stderr


def test_the_truth_table_of_the_demo(tmp_path):
    report = tmp_path / "truth.md"
    report.write_text("# Above\n\n<!-- below: the tables of `python -m bench.truth` -->\n\nthe last one\n")
    words = ["--models", "demo", "--only", "scores", "--output", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.truth", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Above\n")
    assert "the last one" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("| demo | input | 266 ")]
    found, recall = line.split(" | ")[3:5]
    assert float(recall) == pytest.approx(int(found) / 266, abs=1e-4)
    assert sum(line.startswith("| demo, untied | output | 266 ") for line in text.splitlines()) == 1
