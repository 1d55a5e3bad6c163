"""A checkpoint loaded through transformers: offline, without its own code, only where it fits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.errors import MissingExtraError, RefusedError
from rowscope.inspector.model.loading.classes import choose_class, head_of
from rowscope.inspector.model.loading.fit import choose_device, choose_dtype, require_room
from rowscope.inspector.model.loading.memory import give_back
from rowscope.inspector.model.loading.refusals import (
    first_line,
    load_errors,
    refuse_other_input,
    refuse_other_shapes,
    refuse_random,
    refuse_unloadable,
    refuse_unread,
    told,
)
from rowscope.inspector.model.loading.subject import Subject, find_subject
from rowscope.inspector.model.loading.weights import reporting, unmapped
from rowscope.inspector.model.results import Progress, Settings


@dataclass(frozen=True)
class Loaded:
    """A model in memory, in evaluation mode, and what is known of its vocabulary.

    Attributes:
        network: the transformers model.
        kind: "causal", "seq2seq", "masked" or "headless".
        tokenizer: the transformers tokenizer, or None where it could not be loaded.
        dtype_reason: why it was loaded in `dtype`, in a few words.
    """

    checkpoint: Checkpoint
    subject: Subject
    network: Any
    tokenizer: Any
    kind: str
    device: str
    dtype: str
    seed: int
    notes: tuple[str, ...]
    dtype_reason: str = ""

    @property
    def embedding(self) -> Any:  # noqa: ANN401 - torch module
        """The module that reads the input matrix."""
        return self.network.get_input_embeddings()

    @property
    def head(self) -> Any:  # noqa: ANN401 - torch module
        """The module that applies the output matrix; None in a headless model."""
        return None if self.kind == "headless" else head_of(self.network)

    @property
    def tied(self) -> bool:
        return self.head is not None and self.head.weight is self.embedding.weight

    @property
    def input_rows(self) -> int:
        return int(self.embedding.weight.shape[0])

    @property
    def output_rows(self) -> int | None:
        return None if self.head is None else int(self.head.weight.shape[0])

    @property
    def settings(self) -> Settings:
        import torch
        import transformers

        return Settings(
            path=self.checkpoint.path,
            model_class=type(self.network).__name__,
            kind=self.kind,
            device=self.device,
            dtype=self.dtype,
            dtype_reason=self.dtype_reason,
            seed=self.seed,
            parameters=sum(p.numel() for p in self.network.parameters()),
            input_rows=self.input_rows,
            output_rows=self.output_rows,
            tied=self.tied,
            subject=self.subject.facts,
            versions={"torch": torch.__version__, "transformers": transformers.__version__},
        )


Source = Loaded | Checkpoint | str | os.PathLike[str]


def load(
    path: Source,
    *,
    probe: str,
    device: str = "auto",
    dtype: str = "auto",
    seed: int = 0,
    ids: Iterable[int] | None = None,
    trust_remote_code: bool = False,
    needed: bool = True,
    progress: Progress = None,
) -> Loaded:
    """Load a checkpoint's model for a probe; a `Loaded` is returned as it is, with `seed` set.

    Args:
        device: one of `fit.DEVICES`; "auto" takes CUDA, else MPS, else the CPU.
        dtype: one of `fit.DTYPES`; "auto" takes float32, or the stored type where only that fits.
        ids: probe these ids instead of the reserved ones.
        trust_remote_code: run the Python files of the checkpoint, where its config names some.
        needed: refuse a checkpoint in which nothing is reserved or looks untrained.
        progress: told how many of the tensors are loaded.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        UsageError: an unknown device or dtype, or an id without a row.
        RefusedError: no such device, not enough memory, code of its own, quantised weights, files that
            transformers does not read, nothing to probe, or a model that transformers cannot load.
        CheckpointError: the path cannot be opened (see `open_checkpoint`).
    """
    torch = require("torch")
    transformers = require("transformers")
    if isinstance(path, Loaded):
        require_room(torch, path.checkpoint, path.device, path.dtype, probe)
        return replace(path, seed=seed) if ids is None else _with_ids(path, ids, seed)
    place = choose_device(torch, device)
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
    refuse_unloadable(checkpoint, probe, trust_remote_code=trust_remote_code)
    precision = choose_dtype(torch, checkpoint, place, dtype, probe)
    subject = find_subject(checkpoint, ids, needed=needed)
    told_how_far = reporting(transformers, checkpoint, progress)
    with _quiet(transformers), told_how_far, unmapped(transformers, checkpoint, precision.dtype):
        network, kind = _network(transformers, torch, checkpoint, place, precision.dtype, trust_remote_code)
        tokenizer, more = _tokenizer(transformers, checkpoint, subject, trust_remote_code)
    give_back()  # of what reading the tokenizer and judging the rows took
    return Loaded(
        checkpoint=checkpoint,
        subject=subject,
        network=network,
        tokenizer=tokenizer,
        kind=kind,
        device=place,
        dtype=precision.dtype,
        dtype_reason=precision.why,
        seed=seed,
        notes=(*subject.notes, *([precision.note] if precision.note else []), *more),
    )


def _with_ids(loaded: Loaded, ids: Iterable[int], seed: int) -> Loaded:
    return replace(loaded, subject=find_subject(loaded.checkpoint, ids), seed=seed)


def require(package: str) -> Any:  # noqa: ANN401 - a module
    """Import torch or transformers.

    Raises:
        MissingExtraError: it is not installed.
    """
    import importlib

    # Nothing here asks the network for anything; huggingface_hub reads this when it is first imported.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(package, "model", "model mode") from error


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:  # noqa: ANN401 - the module
    """No progress bars and reports of transformers' own on standard error: what is wrong, we say."""
    logging = transformers.utils.logging
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def _network(
    transformers: Any,  # noqa: ANN401 - the module
    torch: Any,  # noqa: ANN401 - the module
    checkpoint: Checkpoint,
    device: str,
    dtype: str,
    trust: bool,
) -> tuple[Any, str]:
    loader, kind = choose_class(transformers, checkpoint, trust_remote_code=trust)
    refuse_other_input(loader, checkpoint)
    # transformers renamed the argument in 4.56.
    name = "dtype" if _version(transformers) >= (4, 56) else "torch_dtype"
    try:
        network, info = loader.from_pretrained(
            checkpoint.root,
            **{name: getattr(torch, dtype)},
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trust,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # to be refused with their names
        )
        network = network.to(device)
    except load_errors() as error:
        raise RefusedError(
            f"transformers {transformers.__version__} cannot load {checkpoint.path!r} as "
            f"{loader.__name__}: {first_line(error)}; `rowscope audit` needs no transformers",
            location=checkpoint.path,
            code="CANNOT_LOAD",
        ) from error
    refuse_other_shapes(info["mismatched_keys"], checkpoint)
    refuse_random(info["missing_keys"], checkpoint)
    refuse_unread(network, checkpoint)
    network.train(False)
    network.requires_grad_(False)
    _whole_input(head_of(network))
    return network, kind if kind == "headless" or head_of(network) is not None else "headless"


def _whole_input(head: Any) -> None:  # noqa: ANN401 - torch module or None
    """Let a head read its input in one piece.

    Asked for the last position alone, transformers gives it a slice; of a slice and a weight without gradient
    torch copies the weight once for each sequence: 27 times 272 MB for 27 sequences of a 0.5B model. The
    slice of one sequence counts as contiguous, and has the strides of the whole all the same.
    """
    if head is not None:
        head.register_forward_pre_hook(
            lambda module, inputs: (inputs[0].reshape(-1).view(inputs[0].shape), *inputs[1:])
        )


def _version(transformers: Any) -> tuple[int, int]:  # noqa: ANN401 - the module
    major, minor = transformers.__version__.split(".")[:2]
    return int(major), int(minor)


def _tokenizer(
    transformers: Any,  # noqa: ANN401 - the module
    checkpoint: Checkpoint,
    subject: Subject,
    trust: bool,
) -> tuple[Any, tuple[str, ...]]:
    """The checkpoint's tokenizer, else what tokenizer.json gives by itself, else None; and a note on it."""
    if subject.vocabulary is None:
        return None, ()
    file = checkpoint.root / "tokenizer.json"
    notes: tuple[str, ...] = ()
    try:
        auto = transformers.AutoTokenizer
        return auto.from_pretrained(checkpoint.root, local_files_only=True, trust_remote_code=trust), ()
    except BaseException as error:
        if not told(error):
            raise
        notes = (f"transformers cannot load the tokenizer ({first_line(error)})",)
    if file.is_file():
        try:
            alone = transformers.PreTrainedTokenizerFast(tokenizer_file=str(file))
            return alone, (f"{notes[0]}: tokenizer.json was read alone.",)
        except BaseException as error:
            if not told(error):
                raise
    return None, (f"{notes[0]}: words are given ids by hash.",)
