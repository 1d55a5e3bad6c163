"""PATH -> Checkpoint: the folder, its shards, index and config, validated against each other.

Knows where things are and whether they fit. Reads no tensor data and must not know tokens or judge rows.
"""

from rowscope.inspector.checkpoint.checkpoint import Checkpoint
from rowscope.inspector.checkpoint.claim_record import (
    CLAIM_RECORD,
    CLAIM_RECORD_LIMIT,
    ClaimedRow,
    ClaimRecord,
    read_claim_record,
)
from rowscope.inspector.checkpoint.config import CONFIG_LIMIT
from rowscope.inspector.checkpoint.diagnose import diagnose
from rowscope.inspector.checkpoint.downloads import Verified
from rowscope.inspector.checkpoint.focus import focused, table_named
from rowscope.inspector.checkpoint.locate import locate, path_text
from rowscope.inspector.checkpoint.nested import inside, tokenizer_folder
from rowscope.inspector.checkpoint.no_matrix import no_matrix
from rowscope.inspector.checkpoint.opening import open_checkpoint
from rowscope.inspector.checkpoint.structure import Structure, describe
from rowscope.inspector.checkpoint.structure_groups import TensorGroup

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
