"""From the name of a kernel to its machine code: the one module that brings numba in."""

from __future__ import annotations

from rowscope.kernels.arguments import ENTRY, Decoding, Groups, Keys, Outputs, Pairs, Products, Rows, Tile
from rowscope.kernels.compile.compiler import compile_kernel
from rowscope.kernels.formats import FORMATS


def build(name: str, *variant: str) -> bytes:
    """The object file of a kernel.

    Args:
        name: `scan`, `project`, `compare`, `decode` or `scan_decoded`.
        variant: the format; for `project` also the number of vectors, for `compare` the other format; for the
            last two those of `rowscope.kernels.vector.elements.Packing`.
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
    if name in ("decode", "scan_decoded"):
        from rowscope.kernels.decode.compiled import make_decode, make_scan_decoded
        from rowscope.kernels.vector.elements import Packing

        levels, bits, shift = variant
        packing = Packing(levels, int(bits), shift)
        if name == "decode":
            return compile_kernel(make_decode(packing), (Decoding,), ENTRY, exact=True)
        kinds = (Decoding, Keys, Groups, Tile, Outputs)
        return compile_kernel(make_scan_decoded(packing), kinds, ENTRY, exact=True)
    raise ValueError(name)
