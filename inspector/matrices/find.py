"""Which tensors are the input and output matrices of a checkpoint, and whether they are tied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.classes import Tie, architectures, decide_tie, head_expected, text_path
from rowscope.inspector.matrices.layouts import (
    BEHIND,
    BIAS_NAMES,
    CLASS_INPUTS,
    INPUT_NAMES,
    OFFSET_CONFIGS,
    OTHER_ROWS,
    OUTPUT_NAMES,
)
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Table
from rowscope.inspector.matrices.pick import (
    ByTail,
    Found,
    Sizes,
    as_matrix,
    aside,
    by_shape,
    by_tail,
    form_words,
    in_own_form,
    is_table,
    lone_head,
    pick,
)
from rowscope.inspector.matrices.scopes import Scope, config_int, stated_sizes, text_scope
from rowscope.inspector.matrices.tables import other_heads
from rowscope.inspector.text import say

Config = Mapping[str, Any] | None


def find_matrices(tensors: Mapping[str, TensorRef], config: Config) -> MatrixLayout:
    """Find the vocabulary matrices from names, shapes and config; none gives an empty `matrices`.

    A head over another vocabulary than the input's (of a decoder, of audio codes, of a draft model) is none
    of the matrices: it stands in `others`.
    """
    scope = text_scope(config, text_path(config))
    tables = by_tail(tensors)
    sizes = Sizes(scope.size if scope else None, _hidden(config, scope), frozenset(tensors))
    source = (
        _of_class(tables, config) or pick(tables, INPUT_NAMES, sizes) or by_shape(tensors.values(), sizes)
    )
    if source:
        rows, width = sizes.of(source.table)
        sizes = sizes._replace(vocab=sizes.vocab or rows, width=width or sizes.width, strict=True)
    tie, head = decide_tie(config), head_expected(config)
    target = pick(tables, _output_rules(source, scope), sizes) or in_own_form(tensors, OUTPUT_NAMES)
    if target is None and source is not None and head and tie.ties is None:
        target = lone_head(tensors.values(), source, sizes)
    source = source or in_own_form(tensors, INPUT_NAMES)
    other = None if target is None else _other_vocabulary(target, source, sizes, config, tensors)
    if target and other is None and tie.ties and (source is None or aside(source.table.plain)):
        source = target  # stored under the name of the head alone, as BLT is
    beside = None
    if (
        target is None
        and source is not None
        and head is not False
        and (tie.ties is not False or "tgt_vocab_size" in (config or {}))
    ):
        beside = _decoder_table(tables, source)
        if beside is not None:
            other = _decoder_vocabulary(beside, sizes, config)
    heads: tuple[Table, ...] = () if other is None else (other,)
    if target is None and beside is None and source is not None and (head is False or tie.ties is not True):
        heads = other_heads(tensors, config, sizes.vocab)
    has_head = (target or beside) is not None and other is None
    alone = target if has_head and target is not source else None
    tied, tie_source = _tie(source, alone, tie, False if heads else head)
    if beside is not None:
        tied, tie_source = False, "no-head" if other else "decoder"
    matrices = _matrices(source, (target or beside) if has_head else None, tied, tie, sizes)
    leading = (target if has_head else None) or source
    layout = MatrixLayout(
        matrices,
        _pick_bias(tensors, sizes.of(leading.table)[0] if leading else None),
        tied,
        tie_source,
        tie.stated,
        head,
        tie,
        scope,
        heads,
        _served(config, matrices),
        behind=_behind(matrices, tensors),
    )
    return _unnamed(layout, config)


def _unnamed(layout: MatrixLayout, config: Config) -> MatrixLayout:
    """The same without a matrix to judge, where the class's rows are no ids of the tokenizer."""
    reason = next((OTHER_ROWS[name] for name in architectures(config)[:1] if name in OTHER_ROWS), None)
    if reason is None or not layout.matrices:
        return layout
    moved = [
        Table(matrix, f"audio {'input' if matrix.role == 'both' else matrix.role}", None, reason)
        for matrix in layout.matrices
    ]
    return replace(
        layout,
        matrices=(),
        output_bias=None,
        tied=False,
        tie_source="no-head",
        others=(*moved, *layout.others),
    )


def _hidden(config: Config, scope: Scope | None) -> int | None:
    keys = ("hidden_size", "d_model", "n_embd", "dim", "embedding_size")
    inner = config_int(scope.config, *keys) if scope else None
    return inner or config_int(config, *keys)


def _of_class(tables: ByTail, config: Config) -> Found | None:
    """The table that the class looks its input up in, where only the class tells."""
    for name in architectures(config)[:1]:
        suffix = CLASS_INPUTS.get(name)
        for found in tables.values() if suffix else ():
            for table in found:
                if suffix and is_table(table) and f".{table.plain}".endswith("." + suffix):
                    return Found(table, f"the input of {name}" + form_words(table))
    return None


def _output_rules(source: Found | None, scope: Scope | None) -> tuple[Any, ...]:
    """Weak names count beside an input matrix or a stated size only: a `head` may be over classes."""
    return OUTPUT_NAMES if source or scope else tuple(rule for rule in OUTPUT_NAMES if not rule.weak)


def _other_vocabulary(
    target: Found, source: Found | None, sizes: Sizes, config: Config, tensors: Mapping[str, TensorRef]
) -> Table | None:
    """The head as a table of its own, where its rows are no ids of the input's vocabulary."""
    rows, width = sizes.of(target.table)
    matrix = as_matrix("output", target, sizes)
    d2t = next((ref for name, ref in tensors.items() if name.endswith("d2t") and ref.shape == (rows,)), None)
    if d2t is not None:
        note = say("row i is token i + {table}[i] of the tokenizer", table=d2t.name)
        return Table(matrix, "draft output", "draft", note, d2t)
    if source is None:
        return None
    if _decoder_is_apart(config) or (rows != sizes.vocab and rows != sizes.of(source.table)[0]):
        stated = [path for path, size in stated_sizes(config).items() if size == rows]
        path = min(stated, key=lambda path: not path.startswith(_APART), default=None)
        if path is not None and (_decoder_is_apart(config) or path.startswith(_APART) or "draft" in path):
            return Table(matrix, "decoder output", None, say("its rows are those of {path}", path=path))
    if aside(target.table.plain) and not aside(source.table.plain) and width != sizes.width:
        note = say(
            "{width:d} columns, the input has {other:d}: the head of a second model",
            width=width,
            other=sizes.width,
        )
        return Table(matrix, "further output", None, note)
    return None


_APART = ("decoder", "tgt", "target", "audio", "codec", "draft", "depth")


def _decoder_is_apart(config: Config) -> bool:
    """Whether the config says that the decoder has a vocabulary of its own, whatever its size."""
    if config is None:
        return False
    return config.get("share_encoder_decoder_embeddings") is False or "tgt_vocab_size" in config


def _decoder_table(tables: ByTail, source: Found) -> Found | None:
    """The decoder's own table, where the input is the encoder's: a head that is not stored is tied to it."""
    if "encoder" not in source.table.plain:
        return None
    for rule in INPUT_NAMES:
        for table in tables.get(rule.suffix, ()):
            name = table.plain
            if "decoder" in name and is_table(table) and not aside(name) and name != source.table.plain:
                return Found(table, "the decoder's table, which the output is tied to" + form_words(table))
    return None


def _decoder_vocabulary(beside: Found, sizes: Sizes, config: Config) -> Table | None:
    rows = sizes.of(beside.table)[0]
    if rows == sizes.vocab and not _decoder_is_apart(config):
        return None
    matrix = as_matrix("output", beside, sizes)
    return Table(matrix, "decoder input and output", None, "the decoder's own vocabulary")


def _tie(source: Found | None, target: Found | None, tie: Tie, head: bool | None) -> tuple[bool, str]:
    if target is not None:
        return False, "stored-twice" if tie.ties and source is not None else "untied"
    if head is False:
        return False, "no-head"
    if tie.stated is not None:
        return bool(tie.ties), "config" if tie.ties else "untied"
    if tie.ties is not None:
        return (
            tie.ties and head is not None,
            "missing-head" if tie.ties and head else "untied" if head else "no-head",
        )
    return (True, "missing-head") if head else (False, "no-head")


def _matrices(
    source: Found | None, target: Found | None, tied: bool, tie: Tie, sizes: Sizes
) -> tuple[Matrix, ...]:
    """Input first, or the one that is both."""
    found: list[Matrix] = []
    if source and target and source.table is target.table:
        return (as_matrix("both", source, sizes),)
    if source:
        found.append(as_matrix("both" if tied and target is None else "input", source, sizes))
    if target:
        found.append(as_matrix("output", target, sizes))
    return tuple(found)


def _pick_bias(tensors: Mapping[str, TensorRef], rows: int | None) -> TensorRef | None:
    if rows is None:
        return None
    biases = [
        ref for ref in tensors.values() if ref.name.endswith("bias") and ref.shape in ((rows,), (1, rows))
    ]
    for rule in BIAS_NAMES:
        for ref in biases:
            if ref.name == rule.suffix or ref.name.endswith("." + rule.suffix):
                return ref
    return None


def _behind(matrices: tuple[Matrix, ...], tensors: Mapping[str, TensorRef]) -> int:
    """Rows of the ids behind the input matrix that are stored apart, as `BEHIND` names them."""
    name = matrices[0].tensor if matrices else ""
    for own, other in BEHIND:
        beside = tensors.get(f"{name.removesuffix(own)}{other}") if name.endswith(f".{own}") else None
        if beside is not None and len(beside.shape) == 2:
            return int(beside.shape[0])
    return 0


def _served(config: Config, matrices: tuple[Matrix, ...]) -> int | None:
    """The first id that is looked up in another table than the matrices, by the config's `vocab_offset`s."""
    offsets = [config_int((config or {}).get(key), "vocab_offset") for key in OFFSET_CONFIGS]
    first = min((offset for offset in offsets if offset), default=None)
    return first if first is not None and matrices and first < matrices[0].rows else None
