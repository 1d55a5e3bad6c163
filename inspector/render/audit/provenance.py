"""Where a page comes from: when it was made, by what, from which bytes."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterator
from typing import Final

import numpy as np

import rowscope
from rowscope.inspector.audit import Report
from rowscope.inspector.render.html import Words, html_table
from rowscope.inspector.render.plain import bytes_text, name_text

_FEW: Final = 8


def provenance(report: Report, words: Words, exit_code: int) -> Iterator[str]:
    """Date, versions, and every file with the digest of its header."""
    facts, coverage = report.checkpoint, report.coverage
    rows = [("", ""), (words.say("made.path"), facts.path)]
    made = _date(report)
    if made:
        rows.append((words.say("made.date"), made))
    rows += [
        (words.say("made.tool"), f"rowscope {rowscope.__version__}"),
        (words.say("made.versions"), f"Python {platform.python_version()}, numpy {np.__version__}"),
        (words.say("made.read"), f"{coverage.rows_scanned:,} · {bytes_text(coverage.bytes_read)}"),
        (words.say("made.exit"), str(exit_code)),
    ]
    if facts.quantization:
        rows.append((words.say("made.quantization"), name_text(facts.quantization)))
    yield from html_table(rows, set(), words.say("part.provenance"))
    files = [(words.say("made.file"), words.say("made.bytes"), words.say("made.digest"))]
    files += [(file.name, f"{file.bytes:,}", file.header_sha256) for file in facts.files]
    table = html_table(files, {1}, words.say("made.files"))
    if len(facts.files) <= _FEW:
        yield from table
        return
    yield f"<details><summary>{words.say('made.all_files', count=len(facts.files))}</summary>"
    yield from table
    yield "</details>"


def _date(report: Report) -> str | None:
    """When the page was made; nothing where the report is to be the same whenever that is."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if fixed.isascii() and fixed.isdigit():
        moment = datetime.datetime.fromtimestamp(int(fixed), datetime.UTC)
    elif report.timings:
        moment = datetime.datetime.now(datetime.UTC)
    else:
        return None
    return moment.strftime("%Y-%m-%d %H:%M UTC")
