"""Where a tensor lies: its entry in the header and the file that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rowscope.inspector.frozen import record
from rowscope.inspector.header.read import PREFIX, Header, TensorInfo
from rowscope.inspector.storage import File


@record
class Shard:
    """One safetensors file of a checkpoint.

    Attributes:
        name: its name relative to the checkpoint's folder, as the index spells it.
        file: where its bytes are.
        header: its validated header.
    """

    name: str
    file: File
    header: Header

    @property
    def path(self) -> Path:
        """Where the local disk holds it, for rooms that write; may be a link (the Hugging Face cache links
        into `blobs/`). Raises RefusedError where it is elsewhere."""
        return self.file.local()

    def header_sha256(self) -> str:
        """SHA-256 of the header's JSON bytes as the file has them, padding included, in hexadecimal.

        Raises:
            UnreadableError: the file has gone.
        """
        import hashlib  # loads OpenSSL, for those alone who ask

        return hashlib.sha256(self.file.head(PREFIX, self.header.data_start)[0]).hexdigest()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tensor that is stored in several files, and where in the whole it begins."""

    ref: TensorRef
    at: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor and the file that holds it.

    Attributes:
        info, shard: of a tensor in pieces, the whole's shape, and the file of its first piece.
        pieces: where the parts of a tensor lie that several files hold together; () for all others.
    """

    info: TensorInfo
    shard: Shard
    pieces: tuple[Piece, ...] = ()

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
        """Absolute position of the first byte in the file; of a tensor in pieces, of its first piece."""
        if self.pieces:
            return self.pieces[0].ref.offset
        return self.shard.header.data_start + self.info.start
