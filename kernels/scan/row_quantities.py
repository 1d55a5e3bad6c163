"""What the scan finds out about one row: vector code of `row_pass`, and element by element what is left."""
# ruff: noqa: ANN001, ANN201, ANN202 - numba infers the types of a compiled function from each call
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"

from __future__ import annotations

from typing import Any

import numpy as np

from rowscope.kernels.compile.compiler import inlined_part, part
from rowscope.kernels.formats import Format
from rowscope.kernels.vector.cells import make_block_size, make_code_at, make_value_at, word_at
from rowscope.kernels.vector.row_pass import (
    make_clean_pass,
    make_deviations,
    make_row_pass,
    make_zero_pass,
)


def make_measure(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`measure(row, t, source, rows, keys)`: of row t the least magnitude, greatest code, greatest signed
    code, the fingerprint's sum, sum, sum of squares and sum of magnitudes; zeros, and sign bits alone.

    `source` is what the row is made from, where it has yet to be. The least magnitude may be missed in a row
    of both signs, whose extremes do not depend on it.
    """
    row_pass, block, add_rest = make_row_pass(form), make_block_size(form), make_add_rest(form)
    count_zeros = make_count_zeros(form)

    @inlined_part
    def measure(row, t, source, rows, keys):
        blocks = rows.width // block()
        doubled, high, signed_high, prints, total, squares, magnitudes = row_pass(
            row, blocks, keys.words, keys.upper
        )
        least = doubled >> np.uint64(1)
        found = least, high, signed_high, prints, total, squares, magnitudes
        found = add_rest(row, blocks * block(), rows, keys, found)
        zeros, bare = count_zeros(row, rows) if found[0] == 0 else (np.int64(0), np.int64(0))
        return found, zeros, bare

    return measure


def make_add_rest(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`add_rest(row, first, rows, keys, found)`: the first seven numbers of `measure`, from those of the
    elements before `first`."""
    code_at, value_at = make_code_at(form), make_value_at(form)
    size = form.lane.itemsize
    sign = np.uint64(1 << (size * 8 - 1))

    @inlined_part
    def add_rest(row, first, rows, keys, found):
        least, high, signed_high, prints, total, squares, magnitudes = found
        for i in range(first, rows.width):
            code, value = code_at(row, i), value_at(row, i)
            least = min(least, code & ~sign)
            high = max(high, code)
            signed_high = (
                max(signed_high ^ sign, code ^ sign) ^ sign
            )  # flipped, negative codes are the lesser
            total += value
            squares += value * value
            magnitudes += abs(value)
        prints += _hash_rest(row, first * size, rows.size, keys.words)
        return least, high, signed_high, prints + np.uint64(rows.size), total, squares, magnitudes

    return add_rest


def make_count_zeros(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`count_zeros(row, rows)`: zeros, and sign bits alone."""
    zero_pass, block, code_at, _ = _parts(form, make_zero_pass)
    sign = np.uint64(1 << (form.lane.itemsize * 8 - 1))

    @part
    def count_zeros(row, rows):
        blocks = rows.width // block()
        zeros, bare = zero_pass(row, blocks)
        for i in range(blocks * block(), rows.width):
            code = code_at(row, i)
            zeros += code | sign == sign
            bare += code == sign
        return np.int64(zeros), np.int64(bare)

    return count_zeros


def make_hash_clean(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`hash_clean(row, rows, keys)`: the fingerprint's sum with +0 for -0."""
    clean_pass, block, code_at, _ = _parts(form, make_clean_pass)
    size = form.lane.itemsize
    sign = np.uint64(1 << (size * 8 - 1))

    @part
    def hash_clean(row, rows, keys):
        blocks = rows.width // block()
        prints = clean_pass(row, blocks, keys)
        word, place = np.uint64(0), 0  # the word of the fingerprint under way, and its number
        for i in range(blocks * block(), rows.width):
            code = code_at(row, i)
            code = np.uint64(0) if code == sign else code
            place = i * size // 8
            word |= code << np.uint64(i * size % 8 * 8)
            if (i + 1) * size % 8 == 0 or i + 1 == rows.width:
                prints += _hash(word, keys[place])
                word = np.uint64(0)
        return prints + np.uint64(rows.size)

    return hash_clean


def make_square_deviations(form: Format) -> Any:  # noqa: ANN401 - a function of numba's language
    """`square_deviations(row, rows, total, squares)`: sum of squared deviations of a row from its mean."""
    deviations, block, _, value_at = _parts(form, make_deviations)

    @part
    def square_deviations(row, rows, total, squares):
        # Q - S^2 / n, unless more than half of Q cancels: then the definition, corrected for the rounding of
        # the mean.
        n = rows.width
        if total * total <= 0.5 * n * squares:
            return squares - total * total / n
        mean = total / n
        blocks = n // block()
        rest, result = deviations(row, blocks, mean)
        for i in range(blocks * block(), n):
            deviation = value_at(row, i) - mean
            rest += deviation
            result += deviation * deviation
        return max(result - rest * rest / n, 0.0)

    return square_deviations


def _parts(form: Format, make: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ANN401 - functions of numba's language
    return make(form), make_block_size(form), make_code_at(form), make_value_at(form)


@part
def _hash_rest(row, first, size, keys):
    """The fingerprint's sum over the words from byte `first` on; the last one is filled up with zeros."""
    result = np.uint64(0)
    whole = size // 8 * 8
    for at in range(first, whole, 8):
        result += _hash(word_at(row, at), keys[at // 8])
    if whole < size:
        word = np.uint64(0)
        for at in range(max(whole, first), size):
            word |= np.uint64(row[at]) << np.uint64((at - whole) * 8)
        result += _hash(word, keys[whole // 8])
    return result


@part
def _hash(word, key):
    word += key
    return (word & np.uint64(0xFFFFFFFF)) * (word >> np.uint64(32))


@part
def mix(result):
    """See `rowscope.kernels.fingerprint`."""
    result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return result ^ (result >> np.uint64(31))
