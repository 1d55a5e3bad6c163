"""VOC: do the row counts of the tables agree with the config, and with each other?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from rowscope.inspector.checks.finding import Finding, Rule, id_evidence
from rowscope.inspector.evidence import Facts
from rowscope.inspector.matrices import (
    OWN_COUNT,
    PER_LAYER_GUARDED,
    Matrix,
    built_rows,
    default_size,
    input_names,
    padded_rows,
    per_layer_tables,
    plain_name,
    scope_at,
    size_place,
    text_path,
)
from rowscope.inspector.text import Said, joined, say
from rowscope.inspector.vocabulary import all_ids

VOC103: Final = Rule("VOC103", "vocab-size-mismatch", "warning", "config.vocab_size differs from the rows.")
VOC104: Final = Rule("VOC104", "row-count-mismatch", "warning", "Input and output row counts differ.")
VOC108: Final = Rule("VOC108", "no-vocab-size", "warning", "The config states no usable vocab_size.")
VOC109: Final = Rule("VOC109", "short-side-table", "error", "A table for the same ids has fewer rows.")


def vocab_size_mismatch(facts: Facts) -> Iterator[Finding]:
    """VOC103: an error where loading is known to fail, or where rows are fewer than the config states."""
    size, rows = facts.census.config_vocab_size, facts.census.input_rows or facts.census.output_rows
    if size is None or not rows or not facts.matrices or facts.checkpoint.layout.alone:
        return
    built = built_rows(facts.checkpoint.config, size)
    behind = facts.checkpoint.layout.behind
    if built == rows or (behind and built == rows + behind) or (built == OWN_COUNT and rows > size):
        return  # as many rows as the class builds, or a number that it works out itself
    known = built is not None and built != OWN_COUNT
    if not known and (size == rows or rows in padded_rows(facts.checkpoint.config, size)):
        return
    refused = known and _compared(facts)
    path = _path(facts)
    said = [
        say(
            "config.json says {path} {size:d}, {tensor} has {rows} rows.",
            path=path,
            size=size,
            tensor=facts.matrices[0].matrix.tensor,
            rows=rows,
        )
    ]
    if refused:
        said.append(say("transformers builds {built} and refuses to load these.", built=built))
    yield VOC103.finding(
        joined(" ", said),
        f"config.json: {path}",
        severity="error" if refused or rows < size else "warning",
        confidence="high" if refused or rows < size else "medium",
        evidence={"config_vocab_size": size, "rows": rows, "built_rows": built if known else None},
        hint=_right_size(facts, path, rows, size, built if refused else None),
    )


def _path(facts: Facts) -> str:
    return facts.checkpoint.layout.vocab.path if facts.checkpoint.layout.vocab else "vocab_size"


def _compared(facts: Facts) -> bool:
    """Whether transformers finds the tables, as far as is known, and compares their shapes with its own."""
    names, (first, *_) = input_names(facts.checkpoint.config), facts.matrices
    if any(item.matrix.packing is not None or item.matrix.packed is not None for item in facts.matrices):
        return False
    return not names or plain_name(first.matrix.tensor) in names


def _right_size(facts: Facts, path: str, rows: int, size: int, built: int | None) -> Said:
    if built is None:
        return say(
            "Ask the code that builds this model how many rows it makes of {path} {size:d}; where that is as "
            "many as it says, set it to {rows:d}.",
            path=path,
            size=size,
            rows=rows,
        )
    right, target = rows - (built - size), facts.census.output_rows
    if target is not None and target != right:
        return say(
            "No {path} fits both tables: give them as many rows first (VOC104), then set it to that number.",
            path=path,
        )
    if right < 1:
        return say(
            "The class builds {more:# row|# rows} beside the vocabulary's: restore the matrix.",
            more=built - size,
        )
    return say(
        "Set {path} in config.json to {right:d}: transformers then loads all {rows} rows.",
        path=path,
        right=right,
        rows=rows,
    )


def row_count_mismatch(facts: Facts) -> Iterator[Finding]:
    """VOC104: an error where the class builds as many of both and transformers refuses others.

    None where the class builds more input rows than the config states and the output as many.
    """
    source, target, size = facts.census.input_rows, facts.census.output_rows, facts.census.config_vocab_size
    if source is None or target is None or source == target:
        return
    built = None if size is None else built_rows(facts.checkpoint.config, size)
    if size is not None and target == size and built in (source, OWN_COUNT):
        return
    more = None if built in (None, OWN_COUNT) or size is None or built is None else built - size
    refused = more is not None and target != source - more and _compared(facts)
    both = max(source - (more or 0), target)
    hint = say(
        "Some multimodal models do so by design (the output leaves image tokens out). Otherwise ask the code "
        "that builds this model, and give both the larger count."
    )
    if refused:
        hint = say(
            "Add rows to the shorter table in the file (safetensors.torch.load_file, torch.cat, save_file), "
            "so that the output has {output:d} and the input {input:d}, and set {path} in config.json to "
            "{output:d}.",
            output=both,
            input=both + (more or 0),
            path=_path(facts),
        )
    said = [
        say("The input matrix has {input} rows, the output matrix {output}.", input=source, output=target),
        *([say("transformers refuses to load them.")] if refused else []),
    ]
    yield VOC104.finding(
        joined(" ", said),
        ", ".join(item.matrix.tensor for item in facts.matrices),
        severity="error" if refused else "warning",
        evidence={"input_rows": source, "output_rows": target},
        hint=hint,
    )


def no_vocab_size(facts: Facts) -> Iterator[Finding]:
    """VOC108: configs of models alone; other tools write a config.json of their own beside a table.

    An error where transformers is known to refuse: it takes no other value than an integer, and where there
    is none the default of its class.
    """
    config, layout = facts.checkpoint.config, facts.checkpoint.layout
    if config is None or not facts.matrices or layout.alone:
        return
    if not (facts.checkpoint.model_type or facts.checkpoint.architectures):
        return
    scope, path = _scope(config)
    nested = scope is not config
    if layout.vocab is not None and not (nested and layout.vocab.path == "vocab_size"):
        return
    if not nested and facts.census.config_vocab_size is not None:
        return
    matrix = facts.matrices[0].matrix
    stated, silent = scope.get("vocab_size"), "vocab_size" not in scope
    size = default_size(config)
    built = None if size is None else built_rows(config, size)
    known = built is not None and built != OWN_COUNT
    if silent and known and built == matrix.rows:
        return  # the default of its class is right
    refused = known and _compared(facts)
    right = max(matrix.rows - max((built_rows(config, matrix.rows) or matrix.rows) - matrix.rows, 0), 1)
    said = [
        say(
            "config.json states no {path}, {tensor} has {rows} rows."
            if silent
            else "config.json says {path} {stated}, {tensor} has {rows} rows.",
            path=path,
            stated=json.dumps(stated),
            tensor=matrix.tensor,
            rows=matrix.rows,
        )
    ]
    if refused and silent:
        said.append(
            say("transformers takes {size}, the default of its class, and refuses to load these.", size=size)
        )
    elif refused:
        said.append(say("transformers refuses to load these."))
    yield VOC108.finding(
        joined(" ", said),
        f"config.json: {path}",
        severity="error" if refused else "warning",
        confidence="high" if refused else "medium",
        evidence={"vocab_size": stated, "rows": matrix.rows, "class_size": size},
        hint=say(
            "Set {path} in config.json to {right:d}: loaders else take the default of its class and refuse a "
            "matrix of another size.",
            path=path,
            right=right,
        ),
    )


def _scope(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The config that the text model is built from, and the path of its vocab_size."""
    inside = text_path(config)
    inner = scope_at(config, inside)
    return (config, size_place(config)) if inner is None else (inner, f"{inside}.vocab_size")


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
        say(
            "{table} has {rows} rows, {main} {all}: the model looks every id up in both and raises "
            "IndexError at {rows:d}; {named:# token has such an id|# tokens have such ids}."
            if named.size
            else "{table} has {rows} rows, {main} {all}: the model looks every id up in both and raises "
            "IndexError at {rows:d}; no token has such an id yet.",
            table=table.tensor,
            rows=table.rows,
            main=source.tensor,
            all=source.rows,
            named=int(named.size),
        ),
        f"{table.tensor}[{table.rows}:]",
        severity="error" if named.size else "warning",
        evidence={**id_evidence(named), "rows": [source.rows, table.rows]},
        hint=say(
            "Give both tables {rows} rows, vocab_size_per_layer_input in config.json with them; "
            "resize_token_embeddings of older versions grows the main table alone.",
            rows=source.rows,
        ),
    )
