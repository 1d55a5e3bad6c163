"""How transformers reads weights: how far it is, and without pages of the files beside converted copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.model.results import Progress

# What transformers calls its loop over the tensors.
_LOOP: Final = "Loading weights"
_STORED: Final = {"float64": "F64", "float32": "F32", "bfloat16": "BF16", "float16": "F16"}


@contextmanager
def reporting(transformers: Any, checkpoint: Checkpoint, progress: Progress) -> Iterator[None]:  # noqa: ANN401
    """Report tensor by tensor what is loaded, where transformers has a hook for that (`set_tqdm_hook`)."""
    logging = transformers.utils.logging
    if progress is None or not hasattr(logging, "set_tqdm_hook"):
        yield
        return
    size = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
    stage = f"loading the model, {size / 1e6:,.0f} MB"

    def follow(make: Callable[..., Any], given: tuple[Any, ...], more: dict[str, Any]) -> Any:  # noqa: ANN401
        if more.get("desc") == _LOOP and given and hasattr(given[0], "__len__"):
            return _counted(given[0], len(given[0]), lambda done, total: progress(stage, done, total))
        return make(*given, **more)

    before = logging.set_tqdm_hook(follow)
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)


def _counted(items: Iterable[Any], total: int, tell: Callable[[int, int], None]) -> Iterator[Any]:
    for done, item in enumerate(items):
        tell(done, total)
        yield item
    tell(total, total)


@contextmanager
def unmapped(transformers: Any, checkpoint: Checkpoint, dtype: str) -> Iterator[None]:  # noqa: ANN401
    """Read tensors that are converted as they are asked for, in place of mapping the whole file.

    Mapped pages count as resident, and stay until the last tensor is converted: half a model more where
    bfloat16 becomes float32. What is loaded as it is stored remains mapped, and takes no memory of its own. A
    version of transformers that opens files in another way is left alone.
    """
    modeling = transformers.modeling_utils
    plain = getattr(modeling, "safe_open", None)
    if plain is None or {tensor.dtype for tensor in checkpoint.tensors.values()} <= {_STORED[dtype]}:
        yield
        return

    def opened(*given: Any, **more: Any) -> Any:  # noqa: ANN401
        if more.get("backend") == "mmap":
            more["backend"] = "pread"
        return plain(*given, **more)

    modeling.safe_open = opened
    try:
        yield
    finally:
        modeling.safe_open = plain
