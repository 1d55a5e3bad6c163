"""`rowscope-claim.json`: what claims wrote into rows. A hint, never more: only matching bytes count."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from rowscope.inspector.errors import CheckpointError
from rowscope.inspector.frozen import field_names, fields_of, record
from rowscope.inspector.storage import File, Folder, read_json
from rowscope.inspector.text import say

CLAIM_RECORD: Final = "rowscope-claim.json"
CLAIM_RECORD_LIMIT: Final = 8 << 20
"""Bytes above which a record is not read."""

MOST_ROWS: Final = 10_000
"""Rows that a record may list; of more, a claim keeps the newest."""

_VERSION: Final = 1
_LONGEST: Final = 1_000
_MOST_ID: Final = 1 << 48
_RECIPE: Final = re.compile(r"mean|normal|distil|(like|text):.+", re.DOTALL)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@record
class ClaimedRow:
    """One row as a claim wrote it.

    Attributes:
        id, token: whose row it is.
        tensor, dtype: where it was stored, and how.
        recipe: the initial values asked for: `mean`, `normal`, `like:TOKEN`, `text:WORDS`,
            `distil`.
        sha256: of the row's stored bytes, lower-case hexadecimal.
    """

    id: int
    token: str
    tensor: str
    dtype: str
    recipe: str
    sha256: str


@record
class ClaimRecord:
    """All rows of a record; `note` says why a file that is there was not used."""

    rows: tuple[ClaimedRow, ...] = ()
    note: str = ""

    def extended(self, new: tuple[ClaimedRow, ...]) -> ClaimRecord:
        """With the rows of a further claim, which replace older ones of the same place."""
        places = {(row.tensor, row.id) for row in new}
        kept = tuple(row for row in self.rows if (row.tensor, row.id) not in places)
        return ClaimRecord((*kept, *new)[-MOST_ROWS:])

    def encode(self) -> bytes:
        """The record as a JSON file."""
        rows = [fields_of(row) for row in self.rows]
        text = json.dumps({"rowscope_claim": _VERSION, "rows": rows}, indent=1, ensure_ascii=False)
        return (text + "\n").encode()


def read_claim_record(folder: Folder) -> ClaimRecord:
    """The record beside a checkpoint; empty where there is none, or none that can be used; never an error.

    It may come with a download: at most 8 MiB and `MOST_ROWS` rows are read, and one wrong entry spoils all.
    """
    if not folder.has(CLAIM_RECORD):
        return ClaimRecord()
    try:
        return ClaimRecord(_rows(read_json(File(folder, CLAIM_RECORD), CLAIM_RECORD_LIMIT)))
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        why = error.message if isinstance(error, CheckpointError) else f"{CLAIM_RECORD}: {error}"
        return ClaimRecord(note=say("the record of claims was ignored: {why}; remove the file", why=why))


def _rows(document: Any) -> tuple[ClaimedRow, ...]:  # noqa: ANN401 - a JSON value
    if not isinstance(document, Mapping) or document.get("rowscope_claim") != _VERSION:
        raise ValueError(f"no record of version {_VERSION}")
    entries = document.get("rows")
    if not isinstance(entries, list) or len(entries) > MOST_ROWS:
        raise ValueError(f"its rows are no list of at most {MOST_ROWS:,}")
    return tuple(_row(entry) for entry in entries)


def _row(entry: Any) -> ClaimedRow:  # noqa: ANN401 - a JSON value
    if not isinstance(entry, Mapping) or set(entry) != set(field_names(ClaimedRow)):
        raise ValueError("a row does not have the keys " + ", ".join(field_names(ClaimedRow)))
    row = ClaimedRow(**entry)
    if type(row.id) is not int or not 0 <= row.id < _MOST_ID:
        raise ValueError(f"the id {str(row.id)[:40]!r} is no row number")
    for name in ("token", "tensor", "dtype", "recipe", "sha256"):
        value = getattr(row, name)
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise ValueError(f"{name} of row {row.id} is no text of at most {_LONGEST} characters")
    if not _RECIPE.fullmatch(row.recipe) or not _SHA256.fullmatch(row.sha256):
        raise ValueError(f"recipe or sha256 of row {row.id} is none that a claim writes")
    return row
