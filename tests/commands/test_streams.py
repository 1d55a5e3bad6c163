"""Closed, full and old streams: the exit code is the command's own, and nothing ends in a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

POSIX = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
ROWSCOPE = shlex.join([sys.executable, "-m", "rowscope"])


def shell(line, **environment):
    """(exit code, standard output, standard error) of a line of shell, `rowscope` in it being this one."""
    words = line.replace("rowscope", ROWSCOPE, 1)
    done = subprocess.run(
        ["bash", "-c", words], capture_output=True, env={**os.environ, **environment}, check=False
    )
    assert b"Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr.decode()


@POSIX
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("rowscope explain ROW201 >&-", 5, "cannot write to standard output: Bad file descriptor; open it"),
        ("rowscope --help >&-", 5, "cannot write to standard output"),
        ("rowscope explain ROW201 >/dev/full", 5, "No space left on device; free space"),
        ("rowscope audit -h >/dev/full", 5, "No space left on device; free space"),
        ("rowscope audit demo --frob >&-", 2, "No such option"),
        ("rowscope audit demo --frob 2>&-", 2, ""),
        ("rowscope audit demo --frob 2>/dev/full", 2, ""),
        ("rowscope audit demo --format xml 2>&- >&-", 2, ""),
        ("rowscope audit demo --fail-on note 2>&- <&-", 1, ""),
        ("rowscope audit demo --fail-on note -f html | head -c 1", 1, ""),
        ("rowscope --help | true", 0, ""),
    ],
)
def test_the_exit_code_is_that_of_the_command(line, code, said):
    if "/dev/full" in line and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    found, _, err = shell(f"set -o pipefail; {line}")
    assert found == code
    assert said in err


@POSIX
def test_a_file_needs_no_standard_output(tmp_path):
    target = tmp_path / "report.json"
    assert shell(f"rowscope audit demo -f json -o {shlex.quote(str(target))} >&-")[0] == 0
    assert target.read_text().startswith("{")


@POSIX
def test_what_is_opened_next_does_not_become_standard_output(tmp_path):
    """Without a stream of its number the file that is written would get everything that is printed."""
    target = tmp_path / "rows.csv"
    code, _, _ = shell(f"rowscope rows demo --ids 0:2 -o {shlex.quote(str(target))} <&- >&- 2>&-")
    assert code == 0
    assert len(target.read_text().splitlines()) == 3


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
@pytest.mark.parametrize("color", ["always", "never"])
def test_an_old_encoding_is_no_error(encoding, color):
    code, out, err = shell(f"rowscope suspects demo --color {color}", PYTHONIOENCODING=encoding)
    assert (code, err) == (0, "")
    assert "␣SM" in out.decode("utf-8")  # a pipe is not asked what it can show
    assert (b"\x1b[" in out) == (color == "always")


@POSIX
@pytest.mark.parametrize(("encoding", "shown"), [("ascii", ["_SM", "+#@@@"]), ("utf-8", ["␣SM", "▅▇███"])])
def test_a_terminal_gets_what_it_can_show(encoding, shown):
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    parent, child = pty.openpty()
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "TERM": "xterm", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "rowscope", "audit", "demo"]
    with subprocess.Popen(words, stdout=child, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(child)
        parts = []
        while True:
            try:
                part = os.read(parent, 1 << 16)
            except OSError:
                break
            if not part:
                break
            parts.append(part)
    os.close(parent)
    assert process.returncode == 0
    text = b"".join(parts).decode(encoding)
    assert [word for word in shown if word not in text] == []
    assert "\x1b[1m" in text
