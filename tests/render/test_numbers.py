"""Counts have separators wherever people read them, and one of a kind is in the singular."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import rowscope
from rowscope.inspector.render.audit import render_report
from rowscope.inspector.text import plural

INSPECTOR = Path(rowscope.__file__).parent / "inspector"
# Messages of these rooms quote sizes of arrays and offsets in files, as tools print them.
BARE = {"header", "storage", "matrices"}
COUNTS = r"(?:int\(.*\)|len\(.*\)|.*\.(?:size|rows|count|entries)|rows|count|total|free|needed|more)"
NOUNS = "rows|tokens|entries|elements|bytes|tensors|candidates|placeholders|parameters|findings|lines|files"
FOLLOWS = re.compile(rf" (?:[a-z-]+ )?(?:{NOUNS})\b")


def bare_counts(path: Path) -> list[str]:
    """Counts in f-strings of a file that stand before a noun without a format."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, node.values[1:], strict=False):
                if (
                    isinstance(value, ast.FormattedValue)
                    and isinstance(after, ast.Constant)
                    and value.format_spec is None
                    and re.fullmatch(COUNTS, ast.unparse(value.value))
                    and FOLLOWS.match(str(after.value))
                ):
                    found.append(f"{path.name}:{node.lineno} {ast.unparse(value.value)}")
    return found


def test_no_message_counts_without_separators():
    files = list(INSPECTOR.resolve().rglob("*.py"))
    chosen = [path for path in files if not BARE & set(path.relative_to(INSPECTOR.resolve()).parts)]
    assert len(chosen) > 100
    assert [line for path in chosen for line in bare_counts(path)] == []


def texts(report: rowscope.Report) -> str:
    plain = [render_report(report, format, exit_code=0) for format in ("text", "github")]
    return " ".join(" ".join(plain).split())


ONE = re.compile(rf"(?<![\d,.\[(:] )(?<![\d,.])\b1 (?:[a-z]+ )?(?:{NOUNS}|look|lie|have|are|hold|share)\b")
LONG = re.compile(rf"(?<![\d.])\d{{4,}} (?:[a-z]+ )?(?:{NOUNS})\b")


@pytest.mark.parametrize(
    "name", ["demo", "untied", "beyond", "twice", "headless", "partial", "claimed", "talking", "layered"]
)
def test_reports_count_in_one_way(reports, name):
    text = texts(reports[name])
    assert LONG.findall(text) == []
    assert ONE.findall(text) == []


def test_one_of_each_kind(write_checkpoint, tmp_path):
    """5,001 rows, one of which has no token, one a placeholder's name, one zero, one NaN."""
    rows, width = 5001, 8
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, 6)) @ random.normal(size=(6, width))
    matrix[[10, 4999]] = 0
    matrix[11, 2] = np.nan
    tokens = {f"w{id}": id for id in range(rows - 2)} | {"[unused7]": rows - 2}
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows}
    tensors = {"model.embed_tokens.weight": matrix.astype("f4")}
    folder = write_checkpoint(tmp_path / "one", tensors, {**config, "tie_word_embeddings": True}, tokens)
    text = texts(rowscope.audit(folder))
    assert "1 of 5,001 rows has no tokenizer entry" in text
    assert "1 placeholder by name" in text
    assert LONG.findall(text) == []
    assert ONE.findall(text) == []


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "row", "0 rows"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
        (1234, "key", "1,234 keys"),
        (1, "copy", "1 copy"),
    ],
)
def test_plural(count, noun, words):
    assert plural(count, noun) == words


ENCODERS = {
    "BertForMaskedLM": False,
    "XLMRobertaForSequenceClassification": False,
    "T5EncoderModel": False,
    "BertModel": False,
    "LlamaForCausalLM": True,
    "T5ForConditionalGeneration": True,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_nobody_is_told_that_an_encoder_samples(write_checkpoint, tmp_path, name):
    random = np.random.default_rng(1)
    tokens = {f"w{id}": id for id in range(50)} | {f"[unused{at}]": 50 + at for at in range(5)}
    bert = name.startswith(("Bert", "XLM"))
    table = "bert.embeddings.word_embeddings.weight" if bert else "shared.weight"
    table = "model.embed_tokens.weight" if name.startswith("Llama") else table
    config = {"architectures": [name], "model_type": "bert" if bert else "t5", "vocab_size": 60}
    tensors = {table: random.normal(size=(60, 8)).astype("f4")}
    report = rowscope.audit(write_checkpoint(tmp_path / name, tensors, config, tokens))
    hints = {finding.code: finding.hint for finding in report.findings}
    said = "can be sampled" in hints["VOC106"]
    assert said == ENCODERS[name]
    assert ("Never sample" in hints["VOC101"]) == said
    assert ("nothing is sampled from this model" in hints["VOC101"].lower()) == (not said)


def test_a_column_has_one_name(run):
    audit = run("audit", "demo")[1]
    rows = run("rows", "demo", "--ids", "0:3")[1]
    suspects = run("suspects", "demo", "--limit", "3")[1]
    for text in (audit, rows, suspects):
        (head,) = [line for line in text.splitlines() if re.search(r"\bid +token\b.*\bnorm\b", line)][-1:]
        assert {"verdict", "confidence", "cosine", "norm"} <= set(head.split())
        assert not {"sure", "cos", "ref"} & set(head.split())
