"""Every way in which rows stay untrained, made on purpose, told apart from rows that were trained."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

import rowscope
from rowscope.inspector.census.census import group_codes
from rowscope.inspector.evidence.measure import measure_matrix
from rowscope.inspector.evidence.model import VERDICTS
from rowscope.inspector.vocabulary import read_vocabulary

ROWS, WIDTH, ENTRIES, SPECIALS = 4096, 192, 3840, 11
IDLE = np.arange(17, 3000, 100)  # ordinary tokens that no training text held
RESERVED = np.arange(ENTRIES, ROWS)
SPECIAL = np.arange(ENTRIES - SPECIALS, ENTRIES)

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def trained(seed, rows=ROWS):
    """Rows as training leaves them: a common mean, a few strong directions, norms that vary, noise."""
    random = np.random.default_rng(seed)
    mean = random.normal(0, 0.01, WIDTH)
    spectrum = np.linspace(0.05, 0.01, 12)[:, None] * random.normal(size=(12, WIDTH))
    noise = random.normal(0, 0.03, (rows, WIDTH))
    return mean + random.normal(size=(rows, 12)) @ spectrum + noise * random.lognormal(0, 0.2, (rows, 1))


def initial(seed, count, std=0.02):
    """Independent normal rows, as every layer starts."""
    return np.random.default_rng(seed).normal(0, std, (count, WIDTH))


def collapsed(seed, count, norm=0.3, noise=1e-3):
    """Near-copies of one vector."""
    random = np.random.default_rng(seed)
    vector = random.normal(size=WIDTH)
    vector *= norm / np.linalg.norm(vector)
    return vector + noise * norm / np.sqrt(WIDTH) * random.normal(size=(count, WIDTH))


def write(folder, matrices, placeholders=(), dtype=np.float32, **config):
    """A checkpoint with a word-level tokenizer of ENTRIES entries, eleven of them special."""
    names = {f"w{id}": id for id in range(ENTRIES - SPECIALS) if id not in placeholders}
    names |= {f"<|reserved_{id}|>": id for id in placeholders}
    added = [
        {"id": int(id), "content": f"<|special_{chr(97 + at)}|>", "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for at, id in enumerate(SPECIAL)
    ]
    model = {"type": "WordLevel", "vocab": names, "unk_token": "w0"}
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "added_tokens": added, "model": model})
    )
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    body = {"architectures": ["LlamaForCausalLM"], "vocab_size": ROWS, "hidden_size": WIDTH}
    body["tie_word_embeddings"] = HEAD not in matrices
    (folder / "config.json").write_text(json.dumps(body | config))
    save_file({name: rows.astype(dtype) for name, rows in matrices.items()}, folder / "model.safetensors")
    return folder


def judged(folder, role="input"):
    """Verdict names of every row, and the evidence."""
    checkpoint = rowscope.open_checkpoint(folder)
    vocabulary = read_vocabulary(checkpoint.folder)
    matrix = checkpoint.layout.of_role(role)
    facts = measure_matrix(matrix, checkpoint, vocabulary, group_codes(matrix.rows, vocabulary))
    return np.array(VERDICTS)[facts.evidence.verdict], facts.evidence


def rates(verdicts, untrained, expected):
    """Recall of `expected` among the untrained ids, and the rate of any verdict among the others."""
    others = np.setdiff1d(np.arange(verdicts.size), untrained)
    return np.mean(verdicts[untrained] == expected), np.mean(verdicts[others] != "trained")


KINDS = {
    "initial": lambda count: initial(1, count),
    "vanishing": lambda count: initial(2, count) * 1e-20,
    "zero": lambda count: np.zeros((count, WIDTH)),
    "collapsed": lambda count: collapsed(3, count),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_every_kind_is_told_apart(tmp_path, kind, dtype):
    if kind == "vanishing" and dtype == np.float16:
        pytest.skip("float16 cannot hold rows of norm 1e-21: they are zeros there")
    rows = trained(0)
    untrained = np.concatenate((IDLE, RESERVED, SPECIAL))
    rows[untrained] = KINDS[kind](untrained.size)
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}, dtype=dtype))
    recall, false = rates(verdicts, untrained, kind)
    assert recall >= 0.99
    assert false <= 0.001


@pytest.mark.parametrize("dtype", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
@pytest.mark.parametrize("kind", ["collapsed", "zero"])
def test_eight_bit_floats(tmp_path, kind, dtype):
    rows = trained(0) * 8
    untrained = np.concatenate((IDLE, RESERVED))
    rows[untrained] = KINDS[kind](untrained.size) * 8
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}, dtype=dtype))
    recall, false = rates(verdicts, untrained, kind)
    assert recall >= 0.99
    assert false <= 0.001


def test_untied_matrices_get_verdicts_of_their_own(tmp_path):
    source, target = trained(0), trained(5)
    untrained = np.concatenate((IDLE, RESERVED))
    source[untrained] = initial(1, untrained.size)
    target[untrained] = collapsed(3, untrained.size)
    folder = write(tmp_path / "c", {EMBEDDING: source, HEAD: target})
    for role, kind in (("input", "initial"), ("output", "collapsed")):
        recall, false = rates(judged(folder, role)[0], untrained, kind)
        assert recall >= 0.99, role
        assert false <= 0.001, role


def test_reserved_rows_with_the_typical_norm(tmp_path):
    """The norm says nothing here; the shared direction does."""
    rows = trained(0)
    typical = float(np.median(np.linalg.norm(rows, axis=1)))
    untrained = np.concatenate((IDLE, RESERVED))
    rows[untrained] = collapsed(3, untrained.size, norm=typical, noise=0.1)
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}))
    recall, false = rates(verdicts, untrained, "collapsed")
    assert recall >= 0.99
    assert false <= 0.001


def test_random_rows_with_the_typical_norm(tmp_path):
    rows = trained(0)
    typical = float(np.median(np.linalg.norm(rows, axis=1)))
    untrained = np.concatenate((IDLE, RESERVED))
    rows[untrained] = initial(1, untrained.size, std=typical / np.sqrt(WIDTH))
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}))
    recall, false = rates(verdicts, untrained, "initial")
    assert recall >= 0.99
    assert false <= 0.001


def test_placeholders_partly_trained_and_drifting(tmp_path):
    """Six in ten are untouched, a quarter was used, the rest drifted together: the median does not move."""
    rows = trained(0)
    placeholders = np.arange(1000, 1200)
    fate = np.random.default_rng(9).permutation(placeholders)
    untouched, used, drifted = fate[:120], fate[120:170], fate[170:]
    untrained = np.concatenate((IDLE, untouched))
    rows[untrained] = collapsed(3, untrained.size)
    rows[drifted] = collapsed(3, drifted.size) + 0.6 * collapsed(4, drifted.size)
    rows = rows[:ENTRIES]
    folder = write(tmp_path / "c", {EMBEDDING: rows}, placeholders.tolist(), vocab_size=ENTRIES)
    verdicts, evidence = judged(folder)
    assert np.mean(verdicts[untrained] == "collapsed") >= 0.99
    assert np.all(verdicts[used] == "trained")
    trained_ids = np.setdiff1d(np.arange(ENTRIES), np.concatenate((IDLE, placeholders)))
    assert np.mean(verdicts[trained_ids] != "trained") <= 0.001
    assert evidence.reference.rows >= 100
    findings = {finding.code: finding for finding in rowscope.audit(folder).findings}
    assert set(used.tolist()) <= set(findings["ROW205"].evidence["ids"])


@pytest.mark.parametrize("kind", ["collapsed", "vanishing", "zero", "initial"])
def test_eleven_untrained_specials_and_nothing_reserved(tmp_path, kind):
    rows = trained(0)
    rows[SPECIAL] = KINDS[kind](SPECIALS)
    rows = rows[:ENTRIES]
    folder = write(tmp_path / "c", {EMBEDDING: rows}, vocab_size=ENTRIES, initializer_range=0.02)
    verdicts, _ = judged(folder)
    recall, false = rates(verdicts, SPECIAL, kind)
    assert recall == 1
    assert false <= 0.001
    findings = {finding.code: finding for finding in rowscope.audit(folder).findings}
    assert findings["TOK301"].evidence["ids"] == SPECIAL.tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("placeholders", [(), tuple(range(1000, 1200))])
def test_a_trained_checkpoint_gets_no_false_verdict(tmp_path, seed, placeholders):
    """Also where tokens are placeholders by name that were all trained, and rows that nobody owns."""
    folder = write(
        tmp_path / "c",
        {EMBEDDING: trained(seed)},
        placeholders,
        initializer_range=0.02,
        dtype=ml_dtypes.bfloat16,
    )
    verdicts, evidence = judged(folder)
    assert np.mean(verdicts != "trained") <= 0.001
    assert evidence.reference is None
    assert evidence.note.startswith("no reference")


def test_two_untrained_clusters(tmp_path):
    """Unmapped rows collapsed during pre-training, special tokens added later as near-copies of another."""
    rows = trained(0)
    rows[RESERVED] = collapsed(3, RESERVED.size)
    rows[SPECIAL] = collapsed(8, SPECIALS)
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}))
    assert set(verdicts[RESERVED]) == {"collapsed"}
    assert set(verdicts[SPECIAL]) == {"collapsed"}


def test_non_finite_rows_do_not_spoil_the_rest(tmp_path):
    rows = trained(0)
    rows[RESERVED] = collapsed(3, RESERVED.size)
    rows[[5, ROWS - 1], 0] = np.nan, np.inf
    verdicts, _ = judged(write(tmp_path / "c", {EMBEDDING: rows}))
    assert set(verdicts[[5, ROWS - 1]]) == {"nonfinite"}
    assert np.mean(verdicts[RESERVED[:-1]] == "collapsed") == 1


def test_without_a_tokenizer_only_copies_are_told(tmp_path):
    """Nobody says which rows are untrained: copies say it themselves, and never surely."""
    rows = trained(0)
    save_file({EMBEDDING: rows.astype("f4")}, tmp_path / "model.safetensors")
    report = rowscope.audit(tmp_path)
    assert not report.complete
    assert report.matrices[0].reference is None
    rows[RESERVED] = collapsed(3, RESERVED.size)
    save_file({EMBEDDING: rows.astype("f4")}, tmp_path / "model.safetensors")
    table = rowscope.row_table(tmp_path, evidence=True)
    assert set(np.flatnonzero(table.columns["verdict"] == "collapsed")) == set(RESERVED)
    assert "high" not in table.columns["confidence"][RESERVED]
