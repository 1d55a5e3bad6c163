"""Every reader of a packed layout, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rowscope.inspector.matrices.packed.beside import Beside
from rowscope.inspector.matrices.packed.bitsandbytes import read_four_bit, read_int8
from rowscope.inspector.matrices.packed.columns import read_gptq
from rowscope.inspector.matrices.packed.mlx import read_mlx
from rowscope.inspector.matrices.packed.model import Packed
from rowscope.inspector.matrices.packed.nibbles import read_gemma, read_modelopt
from rowscope.inspector.matrices.packed.pack_quantized import read_compressed
from rowscope.inspector.matrices.packed.scaled import read_scaled
from rowscope.inspector.matrices.packed.static import read_static
from rowscope.inspector.matrices.packed.torchao import read_torchao

READERS: Final[tuple[Callable[[Beside], Packed | None], ...]] = (
    read_mlx,
    read_scaled,
    read_compressed,
    read_four_bit,
    read_int8,
    read_modelopt,
    read_gemma,
    read_torchao,
    read_gptq,
    read_static,
)
