"""Columns of a terminal: as wide as rich lays characters out, whatever the script."""

import textwrap
import unicodedata
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rowscope.inspector.render.plain import columns, columns_of, shorten, wrap
from rowscope.inspector.text import visible

# Wide since Unicode 16 (trigrams, hexagrams, Tai Xuan Jing, counting rods), and skin tones, which a terminal
# may or may not join to the emoji before them.
NEWER = (range(0x2630, 0x2690), range(0x4DC0, 0x4E00), range(0x1D300, 0x1D380), range(0x1F3FB, 0x1F400))


def _shown(character: str) -> bool:
    unassigned = unicodedata.category(character) == "Cn"
    return visible(character) == character and not unassigned and not any(ord(character) in r for r in NEWER)


def test_every_character_is_as_wide_as_rich_has_it() -> None:
    wrong = [
        hex(code)
        for code in range(0x20, 0x30000)
        if _shown(chr(code)) and columns_of(chr(code)) != cell_len(chr(code))
    ]
    assert wrong == []


@given(st.text(), st.integers(2, 12))
def test_a_cut_fits_and_is_as_long_as_can_be(text: str, size: int) -> None:
    text = visible(text)
    cut = shorten(text, size)
    assert columns_of(cut) <= size
    assert cut == text or (text.startswith(cut[:-1]) and cut[-1] == "…")
    if cut != text:
        assert columns_of(text[: len(cut)]) > size - 1


def test_columns_stay_aligned() -> None:
    cells = [("介绍一下", "1"), ("😀", "2"), ("ก็", "3"), ("한", "4"), ("abc", "5"), ("é", "6")]
    lines = list(columns(cells, 80, {1}))
    assert {columns_of(line) for line in lines} == {columns_of(lines[0])}
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}


@given(st.text(st.sampled_from("ab-.'  \n"), max_size=60), st.integers(12, 40), st.sampled_from(["", "    "]))
def test_ascii_is_wrapped_as_by_textwrap(text, width, indent):
    keep = {"break_long_words": False, "break_on_hyphens": False}
    expected = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + "  ", **keep)
    assert wrap(text, width, indent) == expected


@given(
    st.lists(st.text(st.sampled_from("aé你好한😀e\u0301"), min_size=1, max_size=9), max_size=20),
    st.integers(24, 60),
)
def test_wide_text_is_wrapped_by_columns(words, width):
    lines = wrap(" ".join(words), width, "")
    assert " ".join(line.strip() for line in lines) == " ".join(words)
    assert all(cell_len(line) <= width for line in lines)
    for line, following in pairwise(lines):
        assert cell_len(f"{line} {following.split()[0]}") > width
