"""Which tensors are the input and output matrices of a checkpoint, and whether they are tied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import (
    BIAS_NAMES,
    HEAD_ENDINGS,
    INPUT_NAMES,
    OUTPUT_NAMES,
    PACKING_SIBLINGS,
    VALUES,
    NameRule,
)

Role = Literal["input", "output", "both"]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A vocabulary matrix: row index = token id.

    Attributes:
        role: "input" (embedding), "output" (lm_head) or "both" (tied).
        ref: the tensor and its file.
        rule: what found it, in words.
        packing: name of the quantisation whose side tensors stand beside it, or None.
    """

    role: Role
    ref: TensorRef
    rule: str
    packing: str | None = None

    @property
    def tensor(self) -> str:
        return self.ref.name

    @property
    def dtype(self) -> str:
        return self.ref.dtype

    @property
    def undecodable(self) -> str | None:
        """Why the stored elements are no values of rows, ending in what to do; None where they are.

        The one place that decides it: every reader of rows is opened by `rowscope.inspector.rows.open_rows`,
        which asks here.
        """
        if self.dtype in VALUES or (self.packing is None and self.dtype[:1] not in "IU"):
            return None
        if self.packing is None:
            return (
                f"{self.tensor!r} holds {self.dtype} elements, and nothing beside it tells which values they "
                "stand for; use the checkpoint it was quantised from"
            )
        return (
            f"{self.tensor!r} is packed ({self.packing}): its {self.dtype} elements are no row values; "
            "use the checkpoint it was quantised from"
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.ref.shape[0], self.ref.shape[1]

    @property
    def rows(self) -> int:
        return self.ref.shape[0]

    @property
    def file(self) -> str:
        return self.ref.shard.name


@dataclass(frozen=True, slots=True)
class MatrixLayout:
    """The vocabulary matrices of a checkpoint.

    Attributes:
        matrices: input first; one of role "both" where they are tied.
        output_bias: the bias over the vocabulary, or None.
        tied: whether one matrix has both roles, as far as names and config tell.
        tie_source: "config" (the config says so and one matrix is stored), "missing-head" (the config is
            silent and the architecture's head is not stored), "stored-twice" (the config says tied, both are
            stored: their bytes decide), "untied", "no-head" (the architecture has no output matrix).
        config_says_tied: `tie_word_embeddings`, None where the config does not say.
        head_expected: whether the architecture computes logits; None where the config does not name one.
    """

    matrices: tuple[Matrix, ...]
    output_bias: TensorRef | None
    tied: bool
    tie_source: str
    config_says_tied: bool | None
    head_expected: bool | None

    def of_role(self, role: Role) -> Matrix | None:
        """The matrix that plays `role`; a tied matrix plays both."""
        return next((m for m in self.matrices if m.role in (role, "both")), None)


def config_value(config: Mapping[str, Any] | None, *keys: str) -> Any:  # noqa: ANN401 - JSON value
    """First value that is not None under `keys`, at the top level or in a nested text config."""
    if config is None:
        return None
    for scope in _scopes(config):
        for key in keys:
            if scope.get(key) is not None:
                return scope[key]
    return None


def config_int(config: Mapping[str, Any] | None, *keys: str) -> int | None:
    """Like `config_value`, for a non-negative integer; anything else counts as absent."""
    value = config_value(config, *keys)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _scopes(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield config
    for key in ("text_config", "llm_config", "language_config", "decoder"):
        nested = config.get(key)
        if isinstance(nested, Mapping):
            yield nested


def find_matrices(tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None) -> MatrixLayout:
    """Find the vocabulary matrices from names, shapes and config; none gives an empty `matrices`."""
    vocab = config_int(config, "vocab_size")
    tails = _tails(tensors)
    source = _pick(tails, INPUT_NAMES, vocab, None) or _by_shape(tensors, config, vocab)
    width = source[0].shape[1] if source else None
    target = _pick(tails, OUTPUT_NAMES, vocab or (source[0].shape[0] if source else None), width)
    head = _head_expected(config)
    says_tied = _says_tied(config)
    bias_rows = (target or source or (None,))[0]
    bias = _pick_bias(tails, bias_rows.shape[0] if bias_rows else None)
    tied, tie_source = _tie(source is not None, target is not None, says_tied, head)
    matrices: list[Matrix] = []
    if source:
        matrices.append(_matrix("both" if tied and target is None else "input", source, tensors))
    if target and (source is None or target[0].name != source[0].name):
        matrices.append(_matrix("output", target, tensors))
    return MatrixLayout(tuple(matrices), bias, tied, tie_source, says_tied, head)


def _matrix(role: Role, found: tuple[TensorRef, str], tensors: Mapping[str, TensorRef]) -> Matrix:
    stem = found[0].name.removesuffix(".weight")
    packing = next((how for tail, how in PACKING_SIBLINGS.items() if stem + tail in tensors), None)
    return Matrix(role, found[0], found[1], packing)


def _tails(tensors: Mapping[str, TensorRef]) -> dict[str, list[TensorRef]]:
    wanted = {rule.suffix for table in (INPUT_NAMES, OUTPUT_NAMES, BIAS_NAMES) for rule in table}
    found: dict[str, list[TensorRef]] = {}
    for name, ref in tensors.items():
        parts = name.rsplit(".", 4)
        for start in range(len(parts)):
            tail = ".".join(parts[start:])
            if tail in wanted:
                found.setdefault(tail, []).append(ref)
    return found


def _pick(
    tails: Mapping[str, list[TensorRef]], rules: tuple[NameRule, ...], vocab: int | None, width: int | None
) -> tuple[TensorRef, str] | None:
    for rule in rules:
        fitting = [ref for ref in tails.get(rule.suffix, ()) if _fits(ref, rule, vocab, width)]
        if fitting:
            # Towers for other modalities reuse the names: the vocabulary's row count tells them apart,
            # then the widest reach (most rows), then the shallowest name.
            best = min(fitting, key=lambda r: (r.shape[0] != vocab, -r.shape[0], r.name.count("."), r.name))
            return best, f"name ends in {rule.suffix} ({rule.families})"
    return None


def _fits(ref: TensorRef, rule: NameRule, vocab: int | None, width: int | None) -> bool:
    if len(ref.shape) != 2 or 0 in ref.shape:
        return False
    if not rule.weak:
        return True
    # Padding adds at most a few per cent of rows, so a weak name needs a row count near the vocabulary.
    near = vocab is None or 0.9 * vocab <= ref.shape[0] <= 1.1 * vocab + 1024
    return near and (width is None or ref.shape[1] == width)


def _by_shape(
    tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, vocab: int | None
) -> tuple[TensorRef, str] | None:
    if vocab is None:
        return None
    hidden = config_int(config, "hidden_size", "d_model", "n_embd", "dim", "embedding_size")
    fitting = [
        ref
        for ref in tensors.values()
        if len(ref.shape) == 2
        and ref.shape[0] == vocab
        and (hidden is None or ref.shape[1] == hidden)
        and ("emb" in ref.name.lower() or "wte" in ref.name.lower())
    ]
    if len(fitting) != 1:
        return None
    return fitting[0], f"the only embedding of config.vocab_size = {vocab} rows"


def _pick_bias(tails: Mapping[str, list[TensorRef]], rows: int | None) -> TensorRef | None:
    if rows is None:
        return None
    for rule in BIAS_NAMES:
        for ref in tails.get(rule.suffix, ()):
            if ref.shape in ((rows,), (1, rows)):
                return ref
    return None


def _says_tied(config: Mapping[str, Any] | None) -> bool | None:
    if config is None:
        return None
    # The top level wins: transformers ties by the outermost config that speaks of it.
    value = config_value(config, "tie_word_embeddings")
    return value if isinstance(value, bool) else None


def _head_expected(config: Mapping[str, Any] | None) -> bool | None:
    names = (config or {}).get("architectures")
    if not isinstance(names, list) or not names:
        return None
    return any(isinstance(name, str) and name.endswith(HEAD_ENDINGS) for name in names)


def _tie(has_input: bool, has_output: bool, says_tied: bool | None, head: bool | None) -> tuple[bool, str]:
    if has_output:
        return False, "stored-twice" if says_tied and has_input else "untied"
    if head is False:
        return False, "no-head"
    if says_tied is not None:
        return says_tied, "config" if says_tied else "untied"
    return (True, "missing-head") if head else (False, "no-head")
