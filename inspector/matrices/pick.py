"""Which of the tensors with a fitting name is the table looked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from rowscope.inspector.header import TensorRef
from rowscope.inspector.matrices.layouts import (
    INPUT_NAMES,
    NO_VOCABULARY,
    OTHER_PARTS,
    OUTPUT_NAMES,
    PACKING_SIBLINGS,
    NameRule,
)
from rowscope.inspector.matrices.matrix import Matrix, Role
from rowscope.inspector.matrices.stored import (
    FLAT_SIDES,
    PLAIN,
    StoredTable,
    as_table,
    in_unknown_form,
    table_size,
)

_BARE = tuple(
    rule.suffix for rule in INPUT_NAMES if not rule.suffix.endswith(".weight") and "." in rule.suffix
)

ByTail = Mapping[str, list[StoredTable]]


class Found(NamedTuple):
    """A table, and what found it, in words."""

    table: StoredTable
    rule: str


class Sizes(NamedTuple):
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

    def near(self, rows: int) -> bool:
        """Whether a row count may be that of the vocabulary: padding adds a few per cent at most."""
        return self.vocab is None or 0.9 * self.vocab <= rows <= 1.1 * self.vocab + 1024


# `output.weight` of a consolidated file is the head; of a layer's attention it is a projection.
_SHORT: Final = "output.weight"
_IN_A_LAYER: Final = re.compile(r"(?:^|\.)(?:layers?|blocks?|h)\.\d+\.")


def by_tail(tensors: Mapping[str, TensorRef]) -> dict[str, list[StoredTable]]:
    """Tensors that may be a table, by the suffix of the naming rule that they meet."""
    wanted = {rule.suffix for rules in (INPUT_NAMES, OUTPUT_NAMES) for rule in rules}
    found: dict[str, list[StoredTable]] = {}
    for ref in tensors.values():
        table = as_table(ref) or _bare(ref)
        if table is None:
            continue
        for tail in tails(table.plain):
            if tail in wanted and not (tail == _SHORT and _IN_A_LAYER.search(table.plain)):
                found.setdefault(tail, []).append(table)
    return found


def _bare(ref: TensorRef) -> StoredTable | None:
    """A table that is a parameter of its own, without `.weight` behind its name."""
    return StoredTable(ref.name, ref, PLAIN, 0) if ref.name.endswith(_BARE) else None


def tails(name: str) -> Iterator[str]:
    """The ends of a dotted name, the longest first, of at most five parts."""
    parts = name.rsplit(".", 4)
    for start in range(len(parts)):
        yield ".".join(parts[start:])


def pick(tables: ByTail, rules: tuple[NameRule, ...], sizes: Sizes) -> Found | None:
    """The best table of the rules: a strong name before a weak one, then by place, size and order of rules.

    Towers of other modalities and second models reuse the names: the row count and the width that the config
    states tell them apart, then the order of the rules, the widest reach and the shallowest name. Of one
    table in several forms the one that loaders would take goes first.
    """
    for weak in (False, True):
        fitting = [
            (_order(table, sizes, at), table, rule)
            for at, rule in enumerate(rules)
            if rule.weak is weak
            for table in tables.get(rule.suffix, ())
            if is_table(table) and (not weak or _fits_weakly(table, sizes))
        ]
        if fitting:
            _, best, rule = min(fitting, key=lambda item: item[0])
            return Found(best, f"name ends in {rule.suffix} ({rule.families})" + form_words(best))
    return None


def is_table(table: StoredTable) -> bool:
    """Whether a tensor has rows and columns, or may have in its packed form."""
    shape = table.ref.shape
    return 0 not in shape and (len(shape) == 2 or (table.form.packed and len(shape) > 0))


def aside(name: str) -> bool:
    """Whether a table stands in a part of the model that has another vocabulary, or is a second model."""
    return any(part in name for part in OTHER_PARTS)


def no_vocabulary(name: str) -> bool:
    """Whether the name says that the rows are positions, segments, classes or the like."""
    return any(part in name.lower() for part in NO_VOCABULARY)


def _order(table: StoredTable, sizes: Sizes, at: int) -> tuple[bool, int, bool, int, int, int, str, int]:
    rows, width = sizes.of(table)
    far = 0 if sizes.vocab in (None, rows) else 1 if sizes.near(rows) else 2
    wrong = sizes.width is not None and width not in (0, sizes.width)
    dots = table.plain.count(".")
    return aside(table.plain), far, wrong, at, -rows, dots, table.plain, table.rank


def _fits_weakly(table: StoredTable, sizes: Sizes) -> bool:
    """Whether a name that also stands for other things is meant: by the row count, and by the width."""
    rows, width = sizes.of(table)
    return (
        sizes.near(rows)
        and (not sizes.strict or width == sizes.width)
        and not no_vocabulary(table.plain)
        and not aside(table.plain)
    )


def form_words(table: StoredTable) -> str:
    """In which form a table is stored, where it is not the plain one."""
    return "" if table.form is PLAIN else f", stored as {table.form.suffix} ({table.form.writer})"


def in_own_form(tensors: Mapping[str, TensorRef], rules: tuple[NameRule, ...]) -> Found | None:
    """A table that somebody packed in a way that is not known, by its name alone."""
    stems = [rule.suffix.removesuffix(".weight") for rule in rules if not rule.weak]
    table = in_unknown_form(stems, tensors.values())
    return None if table is None else Found(table, f"stands under {table.plain}" + form_words(table))


def by_shape(tensors: Iterable[TensorRef], sizes: Sizes) -> Found | None:
    """The only tensor called an embedding that has the rows, and where stated the width, of the config."""
    if sizes.vocab is None:
        return None
    fitting = [
        ref
        for ref in tensors
        if len(ref.shape) == 2
        and ref.shape[0] == sizes.vocab
        and (sizes.width is None or ref.shape[1] == sizes.width)
        and ("emb" in ref.name.lower() or "wte" in ref.name.lower())
        and "unemb" not in ref.name.lower()
        and not no_vocabulary(ref.name)
        and not aside(ref.name)
    ]
    if len(fitting) != 1:
        return None
    table = StoredTable(fitting[0].name, fitting[0], PLAIN, 0)
    return Found(table, f"the only embedding of config.vocab_size = {sizes.vocab} rows")


def lone_head(tensors: Iterable[TensorRef], source: Found, sizes: Sizes) -> Found | None:
    """The only other tensor of the input's rows and columns, for code whose names nobody knows."""
    rows, width = sizes.of(source.table)
    fitting = [
        ref
        for ref in tensors
        if ref.shape == (rows, width)
        and ref.name != source.table.ref.name
        and ("emb" not in ref.name.lower() or "unemb" in ref.name.lower())
        and not no_vocabulary(ref.name)
        and not aside(ref.name)
    ]
    if len(fitting) != 1 or rows <= width:
        return None
    table = StoredTable(fitting[0].name, fitting[0], PLAIN, 0)
    return Found(table, f"the only other tensor of {rows} rows of {width}")


def as_matrix(role: Role, found: Found, sizes: Sizes) -> Matrix:
    """The matrix that a table is, with its size and what packed it."""
    table, rule = found
    stem = table.ref.name.removesuffix(".weight")
    packing = next((how for tail, how in PACKING_SIBLINGS.items() if stem + tail in sizes.names), None)
    if table.form.packed:
        packing = packing or table.form.writer
    return Matrix(role, table.ref, rule, packing, sizes.of(table))
