"""PATH -> Checkpoint: the folder, its shards, index and config, validated against each other.

Knows where things are and whether they fit. Reads no tensor data and must not know tokens or judge rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowscope.inspector import lazily

if TYPE_CHECKING:
    from rowscope.inspector.checkpoint.checkpoint import Checkpoint
    from rowscope.inspector.checkpoint.claim_record import (
        CLAIM_RECORD,
        CLAIM_RECORD_LIMIT,
        ClaimedRow,
        ClaimRecord,
        read_claim_record,
    )
    from rowscope.inspector.checkpoint.config import CONFIG_LIMIT
    from rowscope.inspector.checkpoint.diagnosis import diagnose
    from rowscope.inspector.checkpoint.downloads import Verified
    from rowscope.inspector.checkpoint.focus import focused, table_named
    from rowscope.inspector.checkpoint.location import locate, path_text
    from rowscope.inspector.checkpoint.nested import inside, tokenizer_folder
    from rowscope.inspector.checkpoint.opening import open_checkpoint
    from rowscope.inspector.checkpoint.structure import Structure, describe
    from rowscope.inspector.checkpoint.structure_groups import TensorGroup
    from rowscope.inspector.checkpoint.tableless import no_matrix

__all__ = [
    "CLAIM_RECORD",
    "CLAIM_RECORD_LIMIT",
    "CONFIG_LIMIT",
    "Checkpoint",
    "ClaimRecord",
    "ClaimedRow",
    "Structure",
    "TensorGroup",
    "Verified",
    "describe",
    "diagnose",
    "focused",
    "inside",
    "locate",
    "no_matrix",
    "open_checkpoint",
    "path_text",
    "read_claim_record",
    "table_named",
    "tokenizer_folder",
]

__getattr__ = lazily(
    __name__,
    {
        "CLAIM_RECORD": "claim_record",
        "CLAIM_RECORD_LIMIT": "claim_record",
        "CONFIG_LIMIT": "config",
        "Checkpoint": "checkpoint",
        "ClaimRecord": "claim_record",
        "ClaimedRow": "claim_record",
        "Structure": "structure",
        "TensorGroup": "structure_groups",
        "Verified": "downloads",
        "describe": "structure",
        "diagnose": "diagnosis",
        "focused": "focus",
        "inside": "nested",
        "locate": "location",
        "no_matrix": "tableless",
        "open_checkpoint": "opening",
        "path_text": "location",
        "read_claim_record": "claim_record",
        "table_named": "focus",
        "tokenizer_folder": "nested",
    },
)
