"""Whether more rows would help: what `resize_token_embeddings` does to a checkpoint."""

from __future__ import annotations

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.matrices import built_rows, input_names, per_layer_tables, resizable
from rowscope.inspector.text import say


def by_design(checkpoint: Checkpoint) -> bool:
    """Whether the class builds rows that are no part of its vocabulary, so that none of them is free."""
    layout = checkpoint.layout
    size = layout.vocab.size if layout.vocab else 0
    return layout.behind > 0 or (built_rows(checkpoint.config, size) or 0) > size


def no_growth(checkpoint: Checkpoint) -> str | None:
    """Why `resize_token_embeddings` gives no room for tokens; None where it does, as far as is known."""
    layout = checkpoint.layout
    if not resizable(checkpoint.config, layout.tied):
        name = checkpoint.architectures[0]
        return say("{name} does not load again what model.resize_token_embeddings makes of it", name=name)
    if by_design(checkpoint):
        return say("the class builds rows of its own beside those of the vocabulary")
    if layout.served is not None:
        return say("the model looks ids from {first:d} on up in other tables", first=layout.served)
    beside = next(per_layer_tables(checkpoint.tables), None)
    if beside is not None and not input_names(checkpoint.config):
        return say(
            "nothing tells whether a resize grows {tensor} as well, where the same ids are looked up",
            tensor=beside.tensor,
        )
    if any(table.d2t is not None for table in layout.others):
        return say("a draft model has the rows of its target model: resize that one")
    if not checkpoint.architectures and any("." not in matrix.tensor for matrix in layout.matrices):
        return say("no model stands behind this table that could resize it: make it anew with more tokens")
    return None
