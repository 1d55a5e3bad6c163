"""The rows of one checkpoint, judged, as a Parquet file: what `--rows` keeps."""

from __future__ import annotations

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.fleet.places import Place
from rowscope.inspector.fleet.schema import ROWS, arrow, arrow_schema, parquet_bytes
from rowscope.inspector.fleet.tables import conform
from rowscope.inspector.listing import row_table


def encode_rows(place: Place, checkpoint: Checkpoint) -> bytes:
    """Every row of every judged matrix.

    Raises:
        CheckpointError: a matrix cannot be read.
        MissingExtraError: pyarrow is not installed (extra `table`).
    """
    pa = arrow()
    schema = arrow_schema(ROWS)
    parts = []
    for matrix in checkpoint.matrices:
        role = "input" if matrix.role == "both" else matrix.role
        table = row_table(checkpoint, role, evidence=True).to_arrow()
        for name, value in place.record().items():
            column = pa.repeat(pa.scalar(value, schema.field(name).type), table.num_rows)
            table = table.append_column(name, column)
        parts.append(conform(table, ROWS))
    return parquet_bytes(pa.concat_tables(parts))
