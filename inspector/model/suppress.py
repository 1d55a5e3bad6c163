"""A logits processor that never lets chosen ids be sampled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final, Self

from rowscope.inspector.census import roled_tokens, take_census
from rowscope.inspector.checkpoint import Checkpoint, open_checkpoint
from rowscope.inspector.ranges import free_ids
from rowscope.inspector.vocabulary import read_vocabulary

# Roles that a token plays by being sampled, or forced.
_SAMPLED: Final = frozenset({"eos", "bos", "forced_bos", "forced_eos", "decoder_start", "chat_template"})


class SuppressReserved:
    """Sets the logits of given ids to minus infinity, for `model.generate(logits_processor=[…])`.

    Their probability becomes exactly 0, and the ratios among all other ids stay as they are. It takes
    scores of any batch size and width; ids beyond the scores' last column are passed over.

    Args:
        ids: token ids, none of them negative; each counts once. Or flags, one for each token.

    Raises:
        UsageError: a negative id, or what holds no ids.
    """

    # Read by transformers: the processor keeps no state between steps or requests.
    supports_continuous_batching = True

    def __init__(self, ids: Any) -> None:  # noqa: ANN401 - every form of ids
        self.ids = free_ids(ids, "SuppressReserved")

    @classmethod
    def from_checkpoint(cls, path: Checkpoint | str | os.PathLike[str]) -> Self:
        """For the reserved ids of a checkpoint: rows without a token, and placeholders by name.

        A placeholder that the configs, the tokenizer or a chat template use stays possible.

        Raises:
            CheckpointError: as `open_checkpoint`.
            TokenizerError: the tokenizer files cannot be read.
        """
        checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
        vocabulary = read_vocabulary(checkpoint.tokenizer_folder)
        census = take_census(checkpoint.layout, vocabulary, checkpoint.config)
        tokens = roled_tokens(vocabulary, checkpoint.config, checkpoint.generation_config)
        in_use = {token.id for token in tokens if _SAMPLED & set(token.roles)}
        return cls(id for id in census.ids("reserved").tolist() if id not in in_use)

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ANN401 - torch tensors
        """Scores [..., vocabulary] with the ids at minus infinity; a new tensor, `scores` stays as it was."""
        import torch

        within = self.ids[self.ids < scores.shape[-1]]
        index = torch.as_tensor(within, dtype=torch.long, device=scores.device)
        return scores.index_fill(-1, index, float("-inf"))

    def __len__(self) -> int:
        return int(self.ids.size)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __repr__(self) -> str:
        return f"SuppressReserved({len(self):,} ids)"
