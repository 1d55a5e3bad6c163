"""From the name of a kernel to its machine code: the one module that brings numba in."""

from __future__ import annotations

from rowscope.kernels.arguments import ENTRY, Decoding, Groups, Keys, Outputs, Pairs, Products, Rows, Tile
from rowscope.kernels.compile.compiler import compile_kernel
from rowscope.kernels.formats import FORMATS


def build(name: str, *variant: str) -> bytes:
    """The object file of a kernel.

    Args:
        name: `scan`, `project`, `compare` or `decode`.
        variant: the format; for `project` also the number of vectors, for `compare` the other format; for
            `decode` the levels, their bits, and `offset` or `zero`.
    """
    if name == "scan":
        from rowscope.kernels.scan.scan import make_scan

        return compile_kernel(make_scan(FORMATS[variant[0]]), (Rows, Keys, Groups, Tile, Outputs), ENTRY)
    if name == "project":
        from rowscope.kernels.scan.project import make_project

        return compile_kernel(
            make_project(FORMATS[variant[0]], int(variant[1])), (Rows, Tile, Products), ENTRY
        )
    if name == "compare":
        from rowscope.kernels.compare.compiled import make_compare

        return compile_kernel(make_compare(*(FORMATS[form] for form in variant)), (Rows, Rows, Pairs), ENTRY)
    if name == "decode":
        from rowscope.kernels.decode.compiled import make_decode

        levels, bits, shift = variant
        return compile_kernel(
            make_decode(levels, int(bits), shift == "offset"), (Decoding,), ENTRY, exact=True
        )
    raise ValueError(name)
