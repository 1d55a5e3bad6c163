"""VOC: do the row counts of the tables agree with the config, and with each other?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rowscope.inspector.checks.finding import Finding, Rule, Severity, id_evidence
from rowscope.inspector.evidence import Facts
from rowscope.inspector.matrices import OWN_COUNT, PER_LAYER_GUARDED, Matrix, built_rows, per_layer_tables
from rowscope.inspector.vocabulary import all_ids

VOC103: Final = Rule("VOC103", "vocab-size-mismatch", "warning", "config.vocab_size differs from the rows.")
VOC104: Final = Rule("VOC104", "row-count-mismatch", "warning", "Input and output row counts differ.")
VOC108: Final = Rule("VOC108", "no-vocab-size", "warning", "The config states no usable vocab_size.")
VOC109: Final = Rule("VOC109", "short-side-table", "error", "A table for the same ids has fewer rows.")


def vocab_size_mismatch(facts: Facts) -> Iterator[Finding]:
    """VOC103: an error where loading is known to fail, or where rows are fewer than the config states."""
    size, rows = facts.census.config_vocab_size, facts.census.input_rows or facts.census.output_rows
    if size is None or not rows or size == rows or not facts.matrices or facts.checkpoint.layout.alone:
        return
    built = built_rows(facts.checkpoint.config, size)
    behind = facts.checkpoint.layout.behind
    if built == rows or (behind and built == rows + behind) or (built == OWN_COUNT and rows > size):
        return  # as many rows as the class builds, or a number that it works out itself
    known = built is not None and built != OWN_COUNT
    refused = known and facts.matrices[0].matrix.packing is None
    path = facts.checkpoint.layout.vocab.path if facts.checkpoint.layout.vocab else "vocab_size"
    severity: Severity = "error" if refused or rows < size else "warning"
    yield VOC103.finding(
        f"config.json says {path} {size}, {facts.matrices[0].matrix.tensor} has {rows} rows."
        + (f" transformers builds {built} and refuses to load these." if refused else ""),
        f"config.json: {path}",
        severity=severity,
        confidence="high" if refused or rows < size else "medium",
        evidence={"config_vocab_size": size, "rows": rows, "built_rows": built if known else None},
        hint=_right_size(path, rows, size, built if known else None),
    )


def _right_size(path: str, rows: int, size: int, built: int | None) -> str:
    if built is not None and rows - (built - size) > 0:
        return (
            f"Set {path} in config.json to {rows - (built - size)}: transformers then loads all {rows} rows."
        )
    return (
        f"Ask the code that builds this model how many rows it makes of {path} {size}; where that is as many "
        f"as it says, set it to {rows}."
    )


def row_count_mismatch(facts: Facts) -> Iterator[Finding]:
    """VOC104; not where the class builds more input rows than the config states and the output as many."""
    source, target, size = facts.census.input_rows, facts.census.output_rows, facts.census.config_vocab_size
    if source is None or target is None or source == target:
        return
    if (
        size is not None
        and target == size
        and built_rows(facts.checkpoint.config, size) in (source, OWN_COUNT)
    ):
        return
    yield VOC104.finding(
        f"The input matrix has {source} rows, the output matrix {target}.",
        ", ".join(item.matrix.tensor for item in facts.matrices),
        evidence={"input_rows": source, "output_rows": target},
        hint="Some multimodal models do so by design (the output leaves image tokens out). Otherwise resize "
        "both to the larger count.",
    )


def no_vocab_size(facts: Facts) -> Iterator[Finding]:
    """VOC108: configs of models alone; other tools write a config.json of their own beside a table."""
    config, layout = facts.checkpoint.config, facts.checkpoint.layout
    if config is None or not facts.matrices or layout.vocab is not None or layout.alone:
        return
    if facts.census.config_vocab_size is not None or not (
        facts.checkpoint.model_type or facts.checkpoint.architectures
    ):
        return
    rows = facts.matrices[0].matrix.rows
    stated = config.get("vocab_size")
    said = "states no vocab_size" if stated is None else f"says vocab_size {stated!r}"
    yield VOC108.finding(
        f"config.json {said}, {facts.matrices[0].matrix.tensor} has {rows} rows.",
        "config.json: vocab_size",
        evidence={"vocab_size": stated, "rows": rows},
        hint=f"Set vocab_size in config.json to {rows}: loaders else take the default of its class "
        "and refuse a matrix of another size.",
    )


def short_side_table(facts: Facts) -> Iterator[Finding]:
    """VOC109: the model looks the same id up in both tables, and fails at the first that one does not have.

    A warning where no token has such an id.
    """
    source = facts.checkpoint.layout.of_role("input")
    if source is None or facts.checkpoint.layout.alone or facts.checkpoint.model_type in PER_LAYER_GUARDED:
        return
    for table in per_layer_tables(facts.checkpoint.tables):
        if 0 < table.rows < source.rows:
            yield _short(facts, source, table)


def _short(facts: Facts, source: Matrix, table: Matrix) -> Finding:
    ids = np.arange(table.rows, source.rows, dtype=np.int64)
    named = ids if facts.vocabulary is None else np.intersect1d(ids, all_ids(facts.vocabulary.tokens))
    return VOC109.finding(
        f"{table.tensor} has {table.rows} rows, {source.tensor} {source.rows}: the model looks every id up "
        f"in both and raises IndexError at {table.rows}"
        + (f"; {named.size} tokens have such ids." if named.size else "; no token has such an id yet."),
        f"{table.tensor}[{table.rows}:]",
        severity="error" if named.size else "warning",
        evidence={**id_evidence(named), "rows": [source.rows, table.rows]},
        hint=f"Give both tables {source.rows} rows, vocab_size_per_layer_input in config.json with them; "
        "resize_token_embeddings grows the main table alone.",
    )
