"""Which tensors are the input and output matrices of a checkpoint, and whether they are tied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import (
    BIAS_NAMES,
    HEAD_ENDINGS,
    INPUT_NAMES,
    OUTPUT_NAMES,
    PACKING_SIBLINGS,
    NameRule,
)
from rowscope.inspector.matrices.matrix import Matrix, MatrixLayout, Role
from rowscope.inspector.matrices.stored import (
    FLAT_SIDES,
    PLAIN,
    StoredTable,
    as_table,
    in_unknown_form,
    table_size,
)


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
    tables = _tables(tensors)
    sizes = _Sizes(config_int(config, "vocab_size"), _hidden(config), frozenset(tensors))
    source = _pick(tables, INPUT_NAMES, sizes) or _by_shape(tensors, config, sizes)
    if source:
        rows, width = sizes.of(source[0])
        sizes = sizes._replace(vocab=sizes.vocab or rows, width=width or sizes.width, strict=True)
    target = _pick(tables, OUTPUT_NAMES, sizes) or _unknown(tensors, OUTPUT_NAMES)
    source = source or _unknown(tensors, INPUT_NAMES)
    head = _head_expected(config)
    says_tied = _says_tied(config)
    leading = target or source
    bias = _pick_bias(tensors, sizes.of(leading[0])[0] if leading else None)
    tied, tie_source = _tie(source is not None, target is not None, says_tied, head)
    matrices: list[Matrix] = []
    if source:
        matrices.append(_matrix("both" if tied and target is None else "input", source, sizes))
    if target and (source is None or target[0].ref.name != source[0].ref.name):
        matrices.append(_matrix("output", target, sizes))
    return MatrixLayout(tuple(matrices), bias, tied, tie_source, says_tied, head)


Found = tuple[StoredTable, str]


class _Sizes(NamedTuple):
    """What is known of a table's size beside its own shape; `strict`: weak names need this width."""

    vocab: int | None
    width: int | None
    names: frozenset[str]
    strict: bool = False

    def of(self, table: StoredTable) -> tuple[int, int]:
        """Rows and columns of a table."""
        form = table.form
        if any(table.ref.name.removesuffix(".weight") + side in self.names for side in FLAT_SIDES):
            form = form._replace(axis="flat", packed=True)
        return table_size(table.ref, form, self.vocab, self.width)


def _hidden(config: Mapping[str, Any] | None) -> int | None:
    return config_int(config, "hidden_size", "d_model", "n_embd", "dim", "embedding_size")


def _matrix(role: Role, found: Found, sizes: _Sizes) -> Matrix:
    table, rule = found
    stem = table.ref.name.removesuffix(".weight")
    packing = next((how for tail, how in PACKING_SIBLINGS.items() if stem + tail in sizes.names), None)
    if table.form.packed:
        packing = packing or table.form.writer
    return Matrix(role, table.ref, rule, packing, sizes.of(table))


def _tables(tensors: Mapping[str, TensorRef]) -> dict[str, list[StoredTable]]:
    """Tensors that may be a table, by the suffix of the naming rule that they meet."""
    wanted = {rule.suffix for rules in (INPUT_NAMES, OUTPUT_NAMES) for rule in rules}
    found: dict[str, list[StoredTable]] = {}
    for ref in tensors.values():
        table = as_table(ref)
        if table is None:
            continue
        parts = table.plain.rsplit(".", 4)
        for start in range(len(parts)):
            tail = ".".join(parts[start:])
            if tail in wanted:
                found.setdefault(tail, []).append(table)
    return found


def _pick(
    tables: Mapping[str, list[StoredTable]], rules: tuple[NameRule, ...], sizes: _Sizes
) -> Found | None:
    for rule in rules:
        fitting = [table for table in tables.get(rule.suffix, ()) if _fits(table, rule, sizes)]
        if fitting:
            # Towers for other modalities reuse the names: the vocabulary's row count tells them apart,
            # then the widest reach (most rows), then the shallowest name. Of one table in several forms
            # the one that loaders would take goes first.
            best = min(fitting, key=lambda table: _order(table, sizes))
            return best, f"name ends in {rule.suffix} ({rule.families})" + _form_words(best)
    return None


def _order(table: StoredTable, sizes: _Sizes) -> tuple[bool, int, int, str, int]:
    rows = sizes.of(table)[0]
    return rows != sizes.vocab, -rows, table.plain.count("."), table.plain, table.rank


def _form_words(table: StoredTable) -> str:
    return "" if table.form is PLAIN else f", stored as {table.form.suffix} ({table.form.writer})"


def _unknown(tensors: Mapping[str, TensorRef], rules: tuple[NameRule, ...]) -> Found | None:
    stems = [rule.suffix.removesuffix(".weight") for rule in rules if not rule.weak]
    table = in_unknown_form(stems, tensors.values())
    return None if table is None else (table, f"stands under {table.plain}" + _form_words(table))


def _fits(table: StoredTable, rule: NameRule, sizes: _Sizes) -> bool:
    shape = table.ref.shape
    if 0 in shape or (len(shape) != 2 and not (table.form.packed and shape)):
        return False
    if not rule.weak:
        return True
    # Padding adds at most a few per cent of rows, so a weak name needs a row count near the vocabulary.
    vocab, (rows, width) = sizes.vocab, sizes.of(table)
    near = vocab is None or 0.9 * vocab <= rows <= 1.1 * vocab + 1024
    return near and (not sizes.strict or width == sizes.width)


def _by_shape(
    tensors: Mapping[str, TensorRef], config: Mapping[str, Any] | None, sizes: _Sizes
) -> Found | None:
    vocab = sizes.vocab
    if vocab is None:
        return None
    hidden = _hidden(config)
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
    table = StoredTable(fitting[0].name, fitting[0], PLAIN, 0)
    return table, f"the only embedding of config.vocab_size = {vocab} rows"


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
