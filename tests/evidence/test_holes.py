"""A piece of a file that never arrived: zeros that begin or end inside a row, and zeros set on purpose."""

import json
import shutil

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import RefusedError

EMBEDDING = "model.embed_tokens.weight"
DEMO = rowscope.open_checkpoint("demo").root
WIDTH = 256  # bytes of a row


@pytest.fixture
def demo(tmp_path):
    shutil.copytree(DEMO, tmp_path / "demo")
    return tmp_path / "demo"


def zeroed(folder, start, stop, name="model.safetensors"):
    """Zero the bytes [start, stop) of the embedding."""
    path = folder / name
    raw = bytearray(path.read_bytes())
    size = int.from_bytes(raw[:8], "little")
    at = 8 + size + json.loads(raw[8 : 8 + size])[EMBEDDING]["data_offsets"][0]
    raw[at + start : at + stop] = bytes(stop - start)
    path.write_bytes(raw)
    return at


def found(folder):
    report = rowscope.audit(folder)
    return report, [f for f in report.findings if f.code == "FIL005"]


# First byte, the one behind the last, and the rows that lie in it.
HOLES = [
    (300_000, 700_000, range(1171, 2735)),
    (10 * WIDTH, 30 * WIDTH + 100, range(10, 31)),
    (9 * WIDTH + 100, 30 * WIDTH, range(9, 30)),
    (5 * WIDTH + 64, 7 * WIDTH + 128, range(5, 8)),
    (1000 * WIDTH + 90, 4096 * WIDTH, range(1000, 4096)),
    (0, 4096 - 40, range(16)),
]


@pytest.mark.parametrize(("start", "stop", "rows"), HOLES)
def test_a_hole_is_found_where_it_lies(demo, start, stop, rows):
    at = zeroed(demo, start, stop)
    report, (finding,) = found(demo)
    assert (finding.severity, report.exit_code()) == ("error", 1)
    assert finding.evidence["ids"] == list(rows)
    ((begin, end),) = finding.evidence["runs"]
    # A byte beside the hole may be zero by itself.
    assert abs(begin - at - start) <= 2
    assert abs(end - at - stop) <= 2


def test_nobody_is_told_to_train_what_is_missing(demo):
    before = {finding.code: finding for finding in rowscope.audit(demo).findings}
    zeroed(demo, 300_000, 700_000)
    report, _ = found(demo)
    after = {finding.code: finding for finding in report.findings}
    assert "ROW202" not in after
    damaged = set(range(1171, 2735))
    for code in ("TOK301", "TOK302"):
        if code in after:
            assert not damaged & set(after[code].evidence["ids"])
    assert after["TOK301"].evidence["ids"] == before["TOK301"].evidence["ids"]


def test_neither_masks_nor_lists_speak_of_what_is_missing(demo):
    zeroed(demo, 300_000, 700_000)
    with pytest.raises(RefusedError, match="FIL005"):
        rowscope.mask(demo, "untrained")
    found = rowscope.find_suspects(demo, limit=None)
    assert "1,564 rows left out" in found.note
    assert not set(range(1171, 2735)) & {row.id for row in found.rows}


@pytest.mark.parametrize(
    ("start", "stop"),
    [(20 * WIDTH, 40 * WIDTH), (0, WIDTH), (4008 * WIDTH, 4096 * WIDTH)],
    ids=["some", "first", "reserved"],
)
def test_whole_rows_are_zeroed_on_purpose(demo, start, stop):
    zeroed(demo, start, stop)
    _, findings = found(demo)
    assert findings == []


ROWS = 400


def trained(seed=1, width=256):
    random = np.random.default_rng(seed)
    return (
        random.normal(size=(ROWS, 8)) @ random.normal(size=(8, width)) + random.normal(size=(ROWS, width))
    ).astype("f4")


def audited(tmp_path, write_checkpoint, matrix):
    config = {"vocab_size": ROWS, "tie_word_embeddings": True}
    folder = write_checkpoint(tmp_path, {EMBEDDING: matrix}, config, {f"t{id}": id for id in range(ROWS)})
    return found(folder)[1]


@pytest.mark.parametrize("dtype", ["f4", "f2", "f8"])
@pytest.mark.parametrize(
    ("start", "stop"),
    [(200, 900), (0, 704), (304, 1024), (600, 1504)],
    ids=["within", "head", "tail", "over"],
)
def test_a_hole_without_a_whole_row(tmp_path, write_checkpoint, dtype, start, stop):
    """Rows wider than a sector: what is missing lies within one, or over the end of one."""
    matrix = (trained(width=1024 // np.dtype(dtype).itemsize) / np.float64(3)).astype(dtype)
    matrix.view("u1").reshape(-1)[50 * 1024 + start : 50 * 1024 + stop] = 0
    (finding,) = audited(tmp_path, write_checkpoint, matrix)
    assert finding.evidence["ids"] == ([50, 51] if stop > 1024 else [50])


def padded(matrix):
    matrix[:, 200:] = 0
    matrix[100:120] = 0
    return matrix


def pruned(matrix):
    matrix[np.random.default_rng(3).random(matrix.shape) < 0.6] = 0
    matrix[100:120] = 0
    return matrix


def pruned_by_block(matrix):
    matrix.reshape(ROWS, -1, 4)[:, :, :2] = 0
    matrix[7] = 0
    return matrix


def head_pruned(matrix):
    """Every fourth row is empty: that is the model's own doing."""
    matrix[::4] = 0
    return matrix


@pytest.mark.parametrize("change", [padded, pruned, pruned_by_block, head_pruned])
def test_zeros_of_the_models_own_are_no_holes(tmp_path, write_checkpoint, change):
    assert audited(tmp_path, write_checkpoint, change(trained())) == []


def test_a_hole_in_rows_that_end_in_zeros(tmp_path, write_checkpoint):
    matrix = padded(trained())
    matrix[200:210] = 0
    matrix[210, :150] = 0
    (finding,) = audited(tmp_path, write_checkpoint, matrix)
    assert finding.evidence["ids"] == list(range(200, 211))


@pytest.mark.parametrize(("start", "stop", "rows"), HOLES)
def test_rows_name_what_is_missing(demo, start, stop, rows):
    """All rows, and a few alone: inside the hole, at its edges, and beside it."""
    zeroed(demo, start, stop)
    whole = rowscope.row_table(demo, evidence=True)
    assert np.flatnonzero(whole.verdict == "damaged").tolist() == list(rows)
    assert f"{len(rows):,} of these rows lie in a missing piece" in whole.note
    beside = [id for id in (rows[0] - 1, rows[-1] + 1) if 0 <= id < 4096]
    for id in (rows[0], rows[len(rows) // 2], rows[-1], *beside):
        alone = rowscope.row_table(demo, ids=np.array([id]), evidence=True)
        assert (alone.verdict[0] == "damaged") == (id in rows), id


def test_the_report_counts_what_is_missing_apart(demo):
    zeroed(demo, 300_000, 700_000)
    report = rowscope.audit(demo)
    verdicts = report.matrices[0].groups["used"].verdicts
    assert (verdicts["damaged"], verdicts["zero"]) == (1564, 0)
    assert "1,564 did not arrive (FIL005)" in " ".join(report.summary)
    zero = rowscope.row_table(demo, ids=np.array([20]), evidence=True)
    assert "missing piece" not in zero.note


def test_rows_that_are_zero_on_purpose_stay_zero(demo):
    zeroed(demo, 4008 * WIDTH, 4096 * WIDTH)
    assert set(rowscope.row_table(demo, ids=np.arange(4008, 4020), evidence=True).verdict) == {"zero"}


def test_nothing_is_claimed_in_what_is_missing(demo):
    zeroed(demo, 300_000, 700_000)
    with pytest.raises(RefusedError, match=r"FIL005.*download the file again"):
        rowscope.plan_claim(demo, "<|mine|>")
