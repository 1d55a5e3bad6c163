"""Suspects are columns that look like a tuple of entries."""

import dataclasses
import json
import pickle

import numpy as np
import pytest

import rowscope
from rowscope.inspector.listing import Suspect
from rowscope.inspector.plain import json_pieces, to_plain
from rowscope.inspector.render.suspects import render_suspects


@pytest.fixture(scope="module")
def found():
    return rowscope.find_suspects("demo", group="all")


def test_every_entry_is_the_row_that_the_table_shows(found):
    table = rowscope.row_table("demo", evidence=True)
    at = {int(id): place for place, id in enumerate(table.id)}
    assert len(found.rows) == found.total > 100
    for row in found.rows:
        place = at[row.id]
        for name in ("token", "text", "group", "verdict", "confidence", "norm", "duplicates", "recipe"):
            assert getattr(row, name) == getattr(table, name)[place]
        assert row.cosine == table.cosine_to_reference[place]
        assert row.reachable is row.verified is row.largest_probability is None


def test_it_is_a_sequence(found):
    rows = tuple(found.rows)
    assert all(type(row) is Suspect for row in rows)
    assert found.rows[0] == rows[0]
    assert found.rows[-1] == rows[-1]
    assert found.rows[3:7] == rows[3:7]
    assert rows[5] in found.rows
    with pytest.raises(IndexError):
        found.rows[len(rows)]
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again != dataclasses.replace(found, total=0)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_entries_one_by_one_give_the_same_documents(found, format):
    alone = dataclasses.replace(found, rows=tuple(found.rows))
    assert render_suspects(found, format) == render_suspects(alone, format)
    assert "".join(json_pieces(found.document())) == "".join(json_pieces(alone.document()))
    assert json.loads("".join(json_pieces(found.document())))["suspects"][0] == to_plain(found.rows[0])
    for name, values in found.columns.items():
        assert values.dtype == alone.columns[name].dtype
        np.testing.assert_array_equal(values, alone.columns[name])


def test_a_long_token_does_not_widen_the_column_that_is_sorted(found):
    from rowscope.inspector.listing import filtered

    table = rowscope.row_table("demo", evidence=True)
    token = table.token.copy()
    token[7] = "\U0010ffff" * 4_000_000  # 4,096 rows of this length would be 65 GB
    ordered = filtered(dataclasses.replace(table, token=token), sort="-token")
    assert ordered.id[0] == 7
