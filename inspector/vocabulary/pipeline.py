"""What a tokenizer does to text before its model sees it, as its files and its class say: rules as JSON."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from rowscope.inspector.vocabulary.classes import ASSUMED_ROLES, REBUILDING
from rowscope.inspector.vocabulary.files import TokenizerFolder
from rowscope.inspector.vocabulary.model import Vocabulary
from rowscope.inspector.vocabulary.settings import read_settings_files
from rowscope.inspector.vocabulary.tokenizer_json import parse_serialized
from rowscope.inspector.vocabulary.vocab_json import read_vocab_json
from rowscope.inspector.vocabulary.vocab_txt import read_vocab_txt

Rule = dict[str, Any]

_SERIALIZED: Final = re.compile(r"tokenizer(\.\d[\d.]*)?\.json")
_BYTE_LEVEL: Final[Rule] = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
_METASPACE: Final[Rule] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
_WORDS: Final[Rule] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, _METASPACE]}
# Classes that normalise by a rule of their own, whatever tokenizer.json says.
_NFC: Final = ("Qwen2Tokenizer", "Qwen3_5Tokenizer", "GPTNeoXTokenizer", "CohereTokenizer")
_PLAIN: Final = ("GPT2Tokenizer", "CodeGenTokenizer", "WhisperTokenizer", "LlamaTokenizer", "MBartTokenizer")
_PRECOMPILED: Final = ("T5Tokenizer", "XLMRobertaTokenizer")
_BERT: Final = ASSUMED_ROLES["BertTokenizer"]
_ROBERTA: Final = ("RobertaTokenizer", "BartTokenizer", "LEDTokenizer", "LongformerTokenizer")


def loaded_document(folder: TokenizerFolder, vocabulary: Vocabulary) -> bytes | None:
    """The `tokenizer.json` that transformers' class works with, made of whatever files there are.

    Of vocab.txt and vocab.json, and of a tokenizer.json whose class takes none but its vocabulary, it is
    built as the class builds it; added tokens are those of tokenizer.json. None for the classes that split
    text by rules of their own, in Python.

    Raises:
        TokenizerError: a file that cannot be read.
    """
    name = serialized_name(vocabulary)
    if name is None:
        built = _built(folder, vocabulary)
        return None if built is None else json.dumps(built).encode()
    data = folder.read_bytes(name)
    rules = _rules(folder, vocabulary)
    there = parse_serialized(data, name)[0]
    assert isinstance(there, dict)  # the vocabulary was read from it
    if all(there.get(key) == value for key, value in rules.items()):
        return data
    whole = json.loads(data)
    return json.dumps({**whole, **rules}).encode()


def normaliser_of(folder: TokenizerFolder, vocabulary: Vocabulary) -> Rule | None:
    """The rule that changes text, as `tokenizer.json` spells it; None for none, or where it is not known.

    Raises:
        TokenizerError: a file that cannot be read.
    """
    name = serialized_name(vocabulary)
    rules = _rules(folder, vocabulary)
    if "normalizer" in rules or name is None:
        found = rules.get("normalizer")
    else:
        document = parse_serialized(folder.read_bytes(name), name)[0]
        found = document.get("normalizer") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


def serialized_name(vocabulary: Vocabulary) -> str | None:
    """The tokenizer.json that the vocabulary was read from; None where it is of another format."""
    if not vocabulary.kind.startswith("tokenizer.json/"):
        return None
    return next((name for name in vocabulary.files if _SERIALIZED.fullmatch(name)), None)


def _rules(folder: TokenizerFolder, vocabulary: Vocabulary) -> Rule:
    """Keys of tokenizer.json that the class sets itself -> what it sets."""
    files = read_settings_files(folder)
    name = files.tokenizer_class or ""
    if name not in REBUILDING or (name == "LlamaTokenizer" and vocabulary.byte_level):
        return {}
    if ASSUMED_ROLES[name] == _BERT or name == "MPNetTokenizer":
        return {"normalizer": _bert(files.config), "pre_tokenizer": {"type": "BertPreTokenizer"}}
    if name in _PRECOMPILED and vocabulary.kind.startswith("tokenizer.json/"):
        return {"normalizer": _precompiled(folder, vocabulary), "pre_tokenizer": _WORDS}
    if name in _NFC:
        return {"normalizer": {"type": "NFC"}}
    return {"normalizer": None} if name in (*_PLAIN, *_ROBERTA) else {}


def _precompiled(folder: TokenizerFolder, vocabulary: Vocabulary) -> Rule | None:
    """The first table of sentencepiece's rules in the file's normaliser, of which the class takes no more."""
    name = serialized_name(vocabulary)
    document = parse_serialized(folder.read_bytes(name), name)[0] if name is not None else None
    rule = document.get("normalizer") if isinstance(document, dict) else None
    steps = rule.get("normalizers", [rule]) if isinstance(rule, dict) else []
    found = [step for step in steps if isinstance(step, dict) and step.get("type") == "Precompiled"]
    return found[0] if found else None


def _built(folder: TokenizerFolder, vocabulary: Vocabulary) -> Rule | None:
    name = read_settings_files(folder).tokenizer_class
    rules = _rules(folder, vocabulary)
    if vocabulary.kind == "vocab.txt" and rules:
        unknown = vocabulary.roles.get("unk", ("",))[0]
        model = _word_piece(dict(read_vocab_txt(folder, name).ids), unknown)
    elif vocabulary.kind == "vocab.json" and vocabulary.byte_level and "normalizer" in rules:
        ids = dict(read_vocab_json(folder, name).ids)
        model = {"type": "BPE", "vocab": ids, "merges": _merges(folder)}
        rules = {"pre_tokenizer": _BYTE_LEVEL, **rules}
    else:
        return None
    absent = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    return {"version": "1.0", **absent, **rules, "added_tokens": [], "model": model}


def _bert(config: dict[str, object]) -> Rule:
    return {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    }


def _word_piece(ids: dict[str, int], unknown: str) -> Rule:
    return {
        "type": "WordPiece",
        "vocab": ids,
        "unk_token": unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    }


def _merges(folder: TokenizerFolder) -> list[list[str]]:
    """The pairs of merges.txt; [] where it is not there."""
    if not folder.has("merges.txt"):
        return []
    pairs = (line.split(" ") for line in folder.read_text("merges.txt").split("\n"))
    return [pair for pair in pairs if len(pair) == 2 and not pair[0].startswith("#version")]
