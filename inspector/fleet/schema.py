"""The tables of a fleet store, column by column: names and types are a contract, only ever added to.

docs/fleet.md lists the same columns; a test holds the two together. A column's type is written as Arrow
spells it, so that nothing here imports pyarrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rowscope.inspector.errors import optional
from rowscope.inspector.evidence import VERDICTS

if TYPE_CHECKING:
    import pyarrow

STORE_VERSION: Final = "1"


class Column(NamedTuple):
    """A column: its name, its type in Arrow's words, what it holds."""

    name: str
    type: str
    meaning: str


_WHERE: Final = (
    Column("checkpoint", "string", "identifier of `path`: 16 hexadecimal digits; joins the tables"),
    Column("path", "string", "the checkpoint as it was audited: an absolute path, `org/name`, a URL"),
    Column("series", "string", "what belongs together over steps: the run's folder or repository"),
    Column("model", "string", "short name of the series, for people; two series may share it"),
    Column("step", "int64", "training step; null where neither name nor trainer_state.json gives one"),
)

_CHECKPOINTS: Final = (
    *_WHERE,
    Column("revision", "string", "commit, branch or tag of a hub's repository; null elsewhere"),
    Column("status", "string", "`audited`, `partial` (some of it could not be audited) or `failed`"),
    Column("error_code", "string", "of a failure: a finding code or `WORKER_LOST`, `TIMEOUT`, `NO_MATRIX` …"),
    Column("error_message", "string", "of a failure: what is wrong and what to do"),
    Column("error_location", "string", "of a failure: the file, tensor or option that it is about"),
    Column("worst_severity", "string", "`error`, `warning`, `note`; null without findings"),
    Column("worst_code", "string", "code of the first finding of that severity"),
    Column("errors", "int64", "findings that are errors"),
    Column("warnings", "int64", "findings that are warnings"),
    Column("notes", "int64", "findings that are notes"),
    Column("files", "int64", "weights files"),
    Column("bytes", "int64", "their size together"),
    Column("tensors", "int64", "tensors in them"),
    Column("parameters", "int64", "elements of all tensors"),
    Column("model_type", "string", "`model_type` of the config"),
    Column("architectures", "list<string>", "`architectures` of the config"),
    Column("quantization", "string", "method that the config names; null for plain weights"),
    Column("config_vocab_size", "int64", "rows that the config counts"),
    Column("hidden_size", "int64", "width that the config gives"),
    Column("tokenizer_kind", "string", "file and model of the tokenizer: `tokenizer.json/BPE`"),
    Column("tokenizer_entries", "int64", "`len(tokenizer)`"),
    Column("tokenizer_base_size", "int64", "`tokenizer.vocab_size`"),
    Column("tokenizer_max_id", "int64", "the largest id of an entry"),
    Column("input_rows", "int64", "rows of the input matrix"),
    Column("output_rows", "int64", "rows of the output matrix"),
    Column("tied", "bool", "whether one matrix has both roles"),
    Column("tie_source", "string", "what decides that: `config`, `missing-head`, `same-bytes` …"),
    Column("rows", "int64", "row ids that are in a group: rows of the larger matrix"),
    Column("reserved", "int64", "unmapped and placeholder ids"),
    Column("used", "int64", "base and added ids"),
    Column("unmapped", "int64", "ids without a tokenizer entry"),
    Column("placeholder", "int64", "ids whose entry is named as reserved or unused"),
    Column("added", "int64", "every other added token"),
    Column("base", "int64", "the rest"),
    Column("holes", "int64", "unmapped ids below the largest entry"),
    Column("free_slots", "int64", "tokens that can be added without a resize, and placeholders to replace"),
    Column(
        "untrained_used_rows",
        "int64",
        "used rows that look untrained, of the matrix with the most; null if unknown",
    ),
    Column("untrained_tokens_in_use", "int64", "special tokens with `uses`, untrained in a matrix"),
    Column("rows_scanned", "int64", "rows that were read"),
    Column("bytes_read", "int64", "bytes of vocabulary matrices that were read"),
    Column("requests", "int64", "requests to a network; 0 where nothing is remote"),
    Column("bytes_fetched", "int64", "bytes over a network"),
    Column("skipped", "list<string>", "what was not audited, and why: `what: why`"),
    Column("messages", "list<string>", "what readers and openers chose for the user"),
    Column("summary", "list<string>", "the audit's answer in a few sentences"),
    Column("key", "string", "digest of contents, version and options: while it is equal nothing is audited"),
    Column("options", "string", "the options that went into `key`, as JSON"),
    Column("rowscope_version", "string", "version that audited"),
    Column("host", "string", "machine that audited"),
    Column("audited_at", "timestamp[ms, tz=UTC]", "when the audit ended"),
    Column("seconds", "double", "how long it took"),
)

VOLATILE: Final = ("host", "audited_at", "seconds")
"""Columns of `checkpoints` that differ between two audits of the same files."""

_MATRICES: Final = (
    *_WHERE,
    Column("role", "string", "`input`, `output` or `both`"),
    Column("tensor", "string", "name of the tensor"),
    Column("file", "string", "the weights file that holds it"),
    Column("dtype", "string", "as the file spells it: `BF16`"),
    Column("matrix_rows", "int64", "rows of the matrix"),
    Column("width", "int64", "elements of a row"),
    Column("storage", "string", "how packed elements are stored; null for plain ones"),
    Column("found_by", "string", "the rule by which the matrix was found"),
    Column("reference_kind", "string", "`collapsed` or `initial`: how untrained rows look; null if unknown"),
    Column("reference_source", "string", "which rows that rests on"),
    Column("reference_rows", "int64", "how many of them"),
    Column("reference_spread", "double", "median of 1 - cosine of those rows to their centre"),
    Column("mean_shift", "double", "norm of the mean row / median norm"),
    Column("group", "string", "`used`, `reserved`, `unmapped`, `placeholder`, `added`, `base`"),
    Column("rows", "int64", "rows of the group in this matrix"),
    Column("elements", "int64", "their elements"),
    Column("mean", "double", "over all elements; null where one is no number, as everywhere below"),
    Column("std", "double", "over all elements, n - 1"),
    Column("min", "double", "smallest element"),
    Column("max", "double", "largest element"),
    Column("nonzero", "int64", "elements that are not zero"),
    Column("nonzero_ratio", "double", "their share"),
    Column("nan", "int64", "elements that are NaN"),
    Column("inf", "int64", "elements that are infinite"),
    Column("norm_mean", "double", "mean L2 norm of the finite rows"),
    Column("norm_std", "double", "its standard deviation, n - 1"),
    Column("norm_min", "double", "smallest norm"),
    Column("norm_median", "double", "median norm"),
    Column("norm_max", "double", "largest norm"),
    Column("distinct_rows", "int64", "different rows"),
    Column("largest_duplicate", "int64", "how many rows the commonest row has"),
    Column("between_row_std", "double", "root mean square of row minus the group's mean row"),
    Column("pairwise_cosine", "double", "mean cosine over all pairs of rows"),
    *(Column(f"verdict_{name}", "int64", f"rows with the verdict `{name}`") for name in VERDICTS),
    Column("untrained", "int64", "rows with any verdict but `trained` and `damaged`"),
)

_FINDINGS: Final = (
    *_WHERE,
    Column("position", "int64", "place in the report, from 0"),
    Column("code", "string", "`ROW203`"),
    Column("name", "string", "`collapsed-used-rows`"),
    Column("severity", "string", "`error`, `warning`, `note`"),
    Column("confidence", "string", "`high`, `medium`, `low`"),
    Column("message", "string", "one sentence with the numbers"),
    Column("location", "string", "tensor and rows, or file and key"),
    Column("subject", "string", "what it is about, without rows or folders"),
    Column("hint", "string", "what to do next"),
    Column("count", "int64", "how many ids it is about; null for none"),
    Column("ids", "list<int64>", "the ids, 10,000 at most; null where it is not about ids"),
    Column("evidence", "string", "what the message rests on, as JSON, `ids` left out"),
    Column("fingerprint", "string", "equal for the same code, subject and ids, in whatever checkpoint"),
    Column("subject_fingerprint", "string", "equal for the same code and subject, whatever its ids"),
)

_SPECIAL_TOKENS: Final = (
    *_WHERE,
    Column("id", "int64", "token id"),
    Column("token", "string", "its stored spelling"),
    Column("text", "string", "what it means as text; null where its bytes are no UTF-8"),
    Column("group", "string", "`unmapped`, `placeholder`, `added`, `base`; null without a row"),
    Column("roles", "list<string>", "`eos`, `bos`, `pad`, `chat_template` …"),
    Column("sources", "list<string>", "the files that say so"),
    Column("special", "bool", "flagged special"),
    Column("flags", "list<string>", "flags of an added token that are set"),
    Column("uses", "list<string>", "who meets the id: `template`, `ends answer`, `stops`, `inserted` …"),
    Column("verdict_input", "string", "verdict in the input matrix; null without a row"),
    Column("verdict_output", "string", "verdict in the output matrix; null without a row"),
)

_ROWS: Final = (
    *_WHERE,
    Column("id", "int64", "row number"),
    Column("token", "string", "stored spelling; null for an unmapped id"),
    Column("text", "string", "what it means as text"),
    Column("group", "string", "`unmapped`, `placeholder`, `added`, `base`"),
    Column("matrix", "string", "`input`, `output` or `both`"),
    Column("norm", "double", "L2 norm; NaN where the row's elements make it so, as everywhere below"),
    Column("mean", "double", "of its elements"),
    Column("std", "double", "of its elements, n - 1"),
    Column("min", "double", "smallest element"),
    Column("max", "double", "largest element"),
    Column("nonzero", "int64", "elements that are not zero"),
    Column("nan", "int64", "elements that are NaN"),
    Column("inf", "int64", "elements that are infinite"),
    Column("fingerprint", "uint64", "hash of the row's bits"),
    Column("verdict", "string", "one of the verdicts"),
    Column("confidence", "string", "`high`, `medium`, `low`"),
    Column("cosine_to_reference", "double", "NaN without a reference"),
    Column("duplicates", "int64", "how many other rows have the same values"),
    Column("duplicate_of", "int64", "lowest id with the same values, -1 for none"),
    Column("recipe", "string", "how a row with the verdict `fresh` was made"),
    Column("displacement", "double", "distance to the untrained reference, 1 for a typical token"),
)

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "checkpoints": _CHECKPOINTS,
    "matrices": _MATRICES,
    "findings": _FINDINGS,
    "special_tokens": _SPECIAL_TOKENS,
}
"""The tables that every store has, by name; `DIR/NAME.parquet` holds each."""

ROWS: Final = _ROWS
"""Columns of the files in `DIR/rows/`, one a checkpoint, which `--rows` writes."""


def arrow() -> Any:  # noqa: ANN401 - a module
    """pyarrow.

    Raises:
        MissingExtraError: it is not installed (extra `table`).
    """
    return optional("pyarrow", "table", "a fleet store")


def arrow_schema(columns: tuple[Column, ...]) -> pyarrow.Schema:
    """The columns as an Arrow schema."""
    pa = arrow()
    return pa.schema([(column.name, _type(pa, column.type)) for column in columns])


def parquet_bytes(table: pyarrow.Table, *, plain: bool = False) -> bytes:
    """A table as a Parquet file; `plain` for one row, which dictionaries and statistics only make longer."""
    pa = arrow()
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(
        table, sink, compression="zstd", use_dictionary=not plain, write_statistics=not plain
    )
    return bytes(sink.getvalue())


def _type(pa: Any, words: str) -> pyarrow.DataType:  # noqa: ANN401 - a module
    if words.startswith("list<"):
        return pa.list_(_type(pa, words[5:-1]))
    if words.startswith("timestamp"):
        return pa.timestamp("ms", "UTC")
    made = {"bool": pa.bool_, "double": pa.float64}.get(words) or getattr(pa, words)
    return made()
