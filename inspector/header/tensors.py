"""Where a tensor lies: its entry in the header and the file that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rowscope.inspector.header.read import Header, TensorInfo


@dataclass(frozen=True, slots=True)
class Shard:
    """One safetensors file of a checkpoint.

    Attributes:
        name: its name relative to the checkpoint's folder, as the index spells it.
        path: where it is; may be a link (the Hugging Face cache links into `blobs/`).
        header: its validated header.
    """

    name: str
    path: Path
    header: Header


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor and the file that holds it."""

    info: TensorInfo
    shard: Shard

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def dtype(self) -> str:
        return self.info.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.info.shape

    @property
    def nbytes(self) -> int:
        return self.info.stop - self.info.start

    @property
    def offset(self) -> int:
        """Absolute position of the first byte in the file."""
        return self.shard.header.data_start + self.info.start
