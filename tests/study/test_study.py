"""The study: the same in both languages, every number measured, every claim judged by name."""

from __future__ import annotations

import re
import string
import sys
import tomllib
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector import study as room
from rowscope.inspector.errors import MissingExtraError, UsageError
from rowscope.inspector.evidence import VERDICTS
from rowscope.inspector.study import study
from rowscope.inspector.study.compose import write
from rowscope.inspector.study.document import Document, code
from rowscope.inspector.study.material import gather
from rowscope.inspector.study.texts import LANGUAGES, Texts
from rowscope.inspector.text.numbers import real

FOLDER = Path(room.__file__).parent
OPTIONS = {"device": "cpu", "dtype": "auto", "seed": 0, "trust_remote_code": False}


# Words of the rules, and what decides whether a model knows its tokens.
RULED = (
    "raised",
    "sampled",
    "outrun",
    "still",
    "alike",
    "apart",
    "same",
    "different",
    "own",
    "zero",
    "confirmed",
    "mixed",
    "prompts",
    "carriers",
)


def measure(path, **changes):
    settings = {
        "with_model": True,
        "options": OPTIONS,
        "steps": 50,
        "progress": None,
        "ask": 20,
    }
    return gather(path, **{**settings, **changes})


@pytest.fixture(scope="module")
def material(demo_study):
    return demo_study.material


@pytest.fixture(scope="module")
def documents(material):
    return {lang: write(Document(Texts(lang)), material) for lang in LANGUAGES}


def claims(document):
    """Name -> verdict of section 9."""
    section = re.split(r"\n## ", document)[9]
    cells = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {row[0].removeprefix("| "): row[1].strip("*") for row in cells[2:]}


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_names():
    english, chinese = (tomllib.loads((FOLDER / f"{lang}.toml").read_text("utf-8")) for lang in LANGUAGES)
    assert {name: set(section) for name, section in english.items()} == {
        name: set(section) for name, section in chinese.items()
    }
    for section, texts in english.items():
        for key, text in texts.items():
            other = chinese[section][key]
            if isinstance(text, list):
                assert len(text) == len(other), (section, key)
                text, other = " ".join(text), " ".join(other)
            assert names_in(text) == names_in(other), (section, key)


def test_every_sentence_is_used_somewhere():
    sources = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.py"))
    texts = tomllib.loads((FOLDER / "en.toml").read_text("utf-8"))
    # These are looked up by a word that was measured: a verdict, a variant, a prompt's name.
    looked_up = {
        "word",
        "where",
        "verdict",
        "variant",
        "prompt",
        "source",
        "action",
        "verdict_word",
        "claim_name",
        "confidence",
        "grade",
        "state",
        "optimizer",
        "masked",
        "tie",
        "figure",
    }
    unused = [
        f"{section}.{key}"
        for section in texts.keys() - looked_up
        for key in texts[section]
        if not re.search(rf"[\"_.]{re.escape(key)}[\"_]", sources)
        # ... or by the word of a rule.
        and not set(key.split("_")) & {*VERDICTS, *RULED}
    ]
    assert unused == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_ten_sections_and_no_gap(documents, lang):
    document = documents[lang]
    assert len(re.findall(r"^## \d+\. ", document, re.M)) == 10
    assert document.startswith("# ")
    assert document.endswith("\n")
    assert not re.search(r"\{[a-z_]+\}", document), "a name was not filled in"
    assert "nan" not in re.sub(r"[A-Za-z]nan|nan[A-Za-z]|NaN", "", document)
    widths = [line.count("|") for line in document.splitlines() if line.startswith("| ")]
    assert min(widths) >= 3


def test_tables_have_as_many_cells_as_their_heads(documents):
    for document in documents.values():
        for table in re.findall(r"(?:^\|.*\n)+", document, re.M):
            rows = [re.findall(r"(?<!\\)\|", line) for line in table.splitlines()]
            assert len({len(row) for row in rows}) == 1, table.splitlines()[0]


def test_the_same_numbers_in_both_languages(documents):
    english, chinese = (sorted(re.findall(r"\d+\.\d+(?:e[+-]\d+)?", documents[lang])) for lang in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_claim_is_judged_by_name_and_rightly(documents, lang):
    say = Texts(lang).say
    expected = {
        "active": "corrected",
        "conservative": "corrected",
        "synchronised": "confirmed",
        "automatic": "corrected",
        "low": "part",
        "no_mask": "corrected",
        "safe": "part",
    }
    assert claims(documents[lang]) == {
        say(f"claim_name.{name}"): say(f"verdict_word.{word}") for name, word in expected.items()
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_numbers_are_the_measured_ones(material, documents, lang):
    document = documents[lang]
    report = rowscope.audit("demo")
    reserved = report.matrices[0].groups["reserved"].stats
    gradient, leak, train = material.gradient, material.leak, material.train
    target = gradient.find("study").find("all", "both").find("target")
    full = train.find("full")
    for number in (
        reserved.between_row_std,
        reserved.std,
        report.matrices[0].groups["used"].stats.std,
        material.forward.find("reserved", "alone").divergence.effective_outputs,
        material.forward.first_five.entropy,
        target.norm_total,
        gradient.find("study").agreement.max_error,
        leak.find(1.0, scope="prompts").mean,
        leak.find(5.0, "top_p", scope="rollouts").mean,
        leak.find(1.0, scope="first").mean,
        full.after.where_due,
        train.find("token-only").after.where_due,
        train.unclaimed.where_due,
        full.find("reserved").relative,
    ):
        assert real(number) in document
    assert f"{reserved.elements:,}" in document
    assert "[4016, 4096)" in document
    for token in ("<|fim_prefix|>", "<|file_sep|>"):
        assert f"`{token}`" in document


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_the_model(lang):
    document = study("demo", lang, with_model=False)
    say = Texts(lang).say
    assert say("why.not_asked").rstrip(".。") in document
    words = list(claims(document).values())
    assert (
        words
        == [say(f"verdict_word.{word}") for word in ("corrected", "corrected", "confirmed")]
        + [say("verdict_word.unmeasured")] * 4
    )
    assert say("conclusion.missing") in document


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    document = study("demo")
    assert "rowscope\\[model\\]" in document
    assert "## 3. Weights" in document
    with pytest.raises(MissingExtraError):
        study("demo", with_model=True)


def test_wrong_arguments():
    with pytest.raises(UsageError, match="--lang 'fr'"):
        study("demo", "fr")
    with pytest.raises(UsageError, match="with_model"):
        study("demo", with_model="yes")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("\x1b[1m", "`\\x1b[1m`"), ("<|x|>", "`<|x|>`")],
)
def test_names_stay_code(name, expected):
    assert code(name) == expected
