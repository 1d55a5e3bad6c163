"""A JSON document in pieces is, to the byte, what the json module writes of it as a whole."""

import json
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.plain import json_pieces, to_plain


@dataclass(frozen=True, slots=True)
class Result:
    """Any values."""

    a: Any
    b: Any


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.floats(width=32).map(np.float32)
    | st.integers(-(2**31), 2**31 - 1).map(np.int64)
)


def further(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Containers of values."""
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.lists(st.floats(), max_size=4).map(np.array)
        | st.builds(Result, inner, inner)
    )


@given(st.dictionaries(st.text(), st.recursive(scalars, further, max_leaves=12), max_size=5))
def test_pieces_are_the_text_of_the_whole(document: dict[str, Any]) -> None:
    whole = json.dumps(to_plain(document), indent=2, allow_nan=False) + "\n"
    assert "".join(json_pieces(document)) == whole


@pytest.mark.parametrize("rows", [[], [1, 2], [{"a": [1, {}, []], "b": float("nan")}]])
def test_a_list_may_come_one_by_one(rows: list[Any]) -> None:
    whole = json.dumps(to_plain({"rows": rows, "x": None}), indent=2) + "\n"
    assert "".join(json_pieces({"rows": iter(rows), "x": None})) == whole


def test_a_report_is_what_to_dict_says() -> None:
    report = rowscope.audit("demo")
    whole = json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n"
    assert "".join(json_pieces(report.document())) == whole


def test_nothing_is_taken_before_it_is_written() -> None:
    """Of a list of a million entries a piece holds one."""
    taken: list[int] = []
    rows = (taken.append(n) or n for n in range(1_000_000))  # type: ignore[func-returns-value]
    pieces = json_pieces({"rows": rows})
    first = [next(pieces) for _ in range(11)]
    assert taken == list(range(10))
    assert max(map(len, first)) < 30
    assert json.loads("".join(chain(first, ["]}"]))) == {"rows": list(range(10))}


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        list(json_pieces({"a": object()}))
