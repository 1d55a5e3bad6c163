"""A row that the model reads for one id, in place of the stored one."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rowscope.inspector.errors import RefusedError
from rowscope.inspector.model.loading.load import Loaded


class NewToken:
    """While it is entered, the model reads `row` [d] wherever `id` stands; gradients flow into it.

    The row goes through the embedding as any other (a scale, as in Gemma), and nothing is written.
    """

    def __init__(self, loaded: Loaded, id: int, row: Any) -> None:  # noqa: ANN401 - tensor
        self.module, self.id, self.row = loaded.embedding, id, row
        self.name = type(loaded.network).__name__
        self.read = 0
        self._inside = False

    def __enter__(self) -> Self:
        self._padding = getattr(self.module, "padding_idx", None)
        # torch asks that a padding id has a row, also in the table of one row below.
        self.module.padding_idx = None
        self._handle = self.module.register_forward_hook(self._put)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.remove()
        self.module.padding_idx = self._padding
        if error is None and not self.read:
            raise RefusedError(
                f"{self.name} does not read its input through its input matrix alone: no row of it can be "
                "distilled; use --values mean",
                location=self.name,
                code="NO_SINGLE_INPUT",
            )

    def _put(self, module: Any, inputs: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401 - a torch hook
        import torch

        if self._inside:
            return None
        here = inputs[0] == self.id
        self.read += int(here.sum())
        table = {"weight": self.row[None].to(module.weight.dtype)}
        self._inside = True
        try:
            made = torch.func.functional_call(module, table, (torch.zeros_like(inputs[0]),))
        finally:
            self._inside = False
        return torch.where(here[..., None], made, output)
