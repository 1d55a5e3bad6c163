"""What is known around a table whose packing is to be understood: side tensors, config, sizes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from rowscope.inspector.frozen import record
from rowscope.inspector.header import TensorRef
from rowscope.inspector.storage import decode_json

Read = Callable[[TensorRef], bytes]

MOST_READ = 1 << 16
"""Bytes of the largest tensor that is read to learn a table's shape."""


@record
class Beside:
    """A stored table and its surroundings.

    Attributes:
        main: the tensor that was recognised as the table.
        stem: its name without what its form appends.
        suffix: what its form appends, `.weight`.
        tensors: all tensors by name.
        config: of the checkpoint, or None.
        width: columns that the table should have, by other tensors or the config; None where unknown.
        vocab: rows that it should have.
        read: the bytes of a small tensor.
        absent: names that an index lists and no file holds.
    """

    main: TensorRef
    stem: str
    suffix: str
    tensors: Mapping[str, TensorRef]
    config: Mapping[str, Any] | None
    width: int | None
    vocab: int | None
    read: Read
    absent: Collection[str] = ()

    def side(self, suffix: str) -> TensorRef | None:
        """The tensor `stem + suffix`."""
        return self.tensors.get(self.stem + suffix)

    @property
    def metadata(self) -> Mapping[str, str]:
        """`__metadata__` of the file that holds the table."""
        return self.main.shard.header.metadata

    @property
    def settings(self) -> Iterator[Mapping[str, Any]]:
        """What the config says of the quantisation, the table's own settings first."""
        for key in ("quantization", "quantization_config"):
            for scope in (self.config or {}, (self.config or {}).get("text_config") or {}):
                whole = scope.get(key) if isinstance(scope, Mapping) else None
                if isinstance(whole, Mapping):
                    own = whole.get(self.stem)
                    if own is False:  # MLX: the module is said to be none of those that this speaks of
                        continue
                    if isinstance(own, Mapping):
                        yield own
                    yield whole
                    yield _agreed(whole.get("config_groups"))

    def setting(self, *keys: str) -> Any:  # noqa: ANN401 - JSON value
        """The first value under one of `keys` in the settings."""
        for scope in self.settings:
            for key in keys:
                if scope.get(key) is not None:
                    return scope[key]
        return None

    def number(self, *keys: str) -> int | None:
        """Like `setting`, for a positive integer."""
        value = self.setting(*keys)
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return value if good else None

    def small(self, ref: TensorRef) -> bytes | None:
        """The bytes of a tensor that is small enough to be read along with the headers."""
        return self.read(ref) if ref.nbytes <= MOST_READ else None

    def json(self, ref: TensorRef) -> Mapping[str, Any] | None:
        """A tensor of bytes that are a JSON object; None where they are not."""
        raw = self.small(ref)
        try:
            found = decode_json(raw.decode()) if raw is not None else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def _agreed(groups: object) -> Mapping[str, Any]:
    """What compressed-tensors says of weights, as far as all its groups agree."""
    weights = [
        group["weights"]
        for group in (groups.values() if isinstance(groups, Mapping) else ())
        if isinstance(group, Mapping) and isinstance(group.get("weights"), Mapping)
    ]
    return {
        key: value
        for key, value in (weights[0].items() if weights else ())
        if all(key in other and other[key] == value for other in weights)
    }
