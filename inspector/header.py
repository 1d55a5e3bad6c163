"""safetensors header: file bytes -> validated table of tensors. The only place that trusts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One entry of the header.

    Attributes:
        name: the tensor's name.
        dtype: the format's spelling, `BF16`.
        shape: non-negative sizes; `()` is a scalar.
        start, stop: half-open byte range relative to the data section.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Header:
    """A validated header.

    Attributes:
        tensors: in order of their bytes in the file.
        metadata: the `__metadata__` strings.
        data_start: absolute position of the data section: 8 + header length.
        file_bytes: size of the whole file.
    """

    tensors: tuple[TensorInfo, ...]
    metadata: MappingProxyType[str, str]
    data_start: int
    file_bytes: int
