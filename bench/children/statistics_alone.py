"""What an audit does before it judges: headers, tokenizer, scan, group statistics. Prints them as JSON.

`python statistics_alone.py FOLDER`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import numpy as np

from rowscope.inspector.census.census import GROUP_MEMBERS, GROUPS, take_census
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.plain import to_plain
from rowscope.inspector.rows import scan_rows
from rowscope.inspector.rows.blocks import RowReader
from rowscope.inspector.rows.statistics import GroupStats, group_statistics
from rowscope.inspector.vocabulary import read_vocabulary


def measure(folder: str) -> list[Mapping[str, GroupStats]]:
    """Group statistics of each vocabulary matrix."""
    checkpoint = open_checkpoint(folder)
    census = take_census(checkpoint.layout, read_vocabulary(checkpoint.folder), checkpoint.config)
    found = []
    for matrix in checkpoint.matrices:
        codes = np.ascontiguousarray(census.codes[: matrix.rows])
        with RowReader(matrix.ref) as reader:
            table, columns = scan_rows(reader, groups=codes, n_groups=len(GROUPS))
        assert columns is not None
        found.append(group_statistics(table, codes, columns, GROUP_MEMBERS))
    return found


if __name__ == "__main__":
    print(json.dumps(to_plain(measure(sys.argv[1]))))
