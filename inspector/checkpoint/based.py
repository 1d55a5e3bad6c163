"""An adapter together with the model that it was trained on."""

from __future__ import annotations

from dataclasses import replace

from rowscope.inspector.checkpoint.adapter import CONFIG, Adapter
from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.checkpoint.config import Skip
from rowscope.inspector.checkpoint.nested import has_tokenizer
from rowscope.inspector.errors import CheckpointError, UsageError, bounded
from rowscope.inspector.frozen import ReadOnly
from rowscope.inspector.matrices import config_int, find_matrices
from rowscope.inspector.text import say


def alone(checkpoint: Checkpoint, adapter: Adapter) -> Checkpoint:
    """An adapter whose base is not given: what it stores itself can be read, the rest is in the base."""
    why = say("not given: the adapter's other tables are in it; give its folder with --base")
    if adapter.base:
        why = say(
            "not given: the adapter's other tables are in it; give its folder ({base}) with --base",
            base=adapter.base,
        )
    skipped = tuple(skip for skip in checkpoint.skipped if skip.what != "config.json")
    return replace(
        checkpoint,
        adapter=adapter,
        notes=(*checkpoint.notes, bounded(adapter.words)),
        skipped=(*skipped, Skip(say("base model"), why)),
    )


def on_base(checkpoint: Checkpoint, adapter: Adapter | None, base: Checkpoint) -> Checkpoint:
    """An adapter with its base: tables, config and, where the adapter has none, tokenizer are the base's.

    Raises:
        UsageError: the checkpoint is no adapter.
        CheckpointError: the base is an adapter itself.
    """
    if adapter is None:
        raise UsageError(
            f"{checkpoint.path!r} is a whole model and has no base; leave --base out", location="--base"
        )
    if base.adapter is not None:
        raise CheckpointError(
            f"{base.path!r} is an adapter itself, not the model beneath; give that model", location=base.path
        )
    on = say("{adapter}; on the base {base}", adapter=adapter.words, base=base.path)
    notes = [*checkpoint.notes, on]
    config = base.config
    stored = find_matrices(checkpoint.tensors, None).of_role("input")
    if config is not None and stored is not None and config_int(config, "vocab_size") != stored.rows:
        config = ReadOnly({**config, "vocab_size": stored.rows})
        notes.append(
            say(
                "the adapter stores tables of {rows} rows: before it is loaded the base has to be resized, "
                "model.resize_token_embeddings({rows:d})",
                rows=stored.rows,
            )
        )
    own_names = has_tokenizer(checkpoint.tokenizer_folder)
    return replace(
        checkpoint,
        adapter=adapter,
        base=base,
        config=config,
        generation_config=checkpoint.generation_config or base.generation_config,
        notes=tuple(notes),
        problems=(*checkpoint.problems, *base.problems),
        skipped=(*(skip for skip in checkpoint.skipped if skip.what == CONFIG), *base.skipped),
        claims=base.claims,
        tokenizer_folder=checkpoint.tokenizer_folder if own_names else base.tokenizer_folder,
    )
