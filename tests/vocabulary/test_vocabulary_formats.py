"""Vocabulary formats against the library that each comes from: sentencepiece, tiktoken, mistral-common."""

from __future__ import annotations

import base64
import inspect
import io
import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ["HF_HUB_OFFLINE"] = "1"

import sentencepiece
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import read_vocabulary
from rowscope.inspector.vocabulary.classes import ASSUMED_ROLES, REBUILDING, WITHOUT_CLASS, class_of_model
from rowscope.inspector.vocabulary.sentencepiece import read_sentencepiece
from rowscope.inspector.vocabulary.spelling import (
    byte_alphabet,
    byte_level_bytes,
    byte_level_spelling,
    byte_level_text,
)

from ..writing import added, document, read

TEXT = Path(__file__).read_text(encoding="utf-8").splitlines()


def installed(package: str, *parts: str) -> Path:
    """A folder or file of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0]).joinpath(*parts)


@pytest.fixture(scope="module")
def pieces() -> dict[str, bytes]:
    """Models of every type that sentencepiece trains, one with the ids that T5 has."""
    plain = {"vocab_size": 300, "minloglevel": 2}
    symbols = {"user_defined_symbols": ["<u1>", "<sep>"], "control_symbols": ["<ctl>"]}
    options = {
        "plain": plain,
        "unigram": {**plain, **symbols, "model_type": "unigram"},
        "bpe": {**plain, **symbols, "vocab_size": 600, "model_type": "bpe", "byte_fallback": True},
        "word": {**plain, "vocab_size": 150, "model_type": "word"},
        "char": {**plain, "vocab_size": 60, "model_type": "char"},
        "t5": {**plain, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
    }
    models = {}
    for name, option in options.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXT), model_writer=model, hard_vocab_limit=False, **option
        )
        models[name] = model.getvalue()
    return models


def assert_as_sentencepiece(data: bytes) -> None:
    base = read_sentencepiece(data, "a.model", [])
    oracle = sentencepiece.SentencePieceProcessor(model_proto=data)
    ids = range(oracle.get_piece_size())
    assert base.size == len(ids)
    assert base.tokens == {id: oracle.id_to_piece(id) for id in ids}
    assert base.byte_fallback == any(oracle.is_byte(id) for id in ids)
    assert {token.id for token in base.added if token.special} == {id for id in ids if oracle.is_control(id)}
    roles = {"unk": oracle.unk_id(), "bos": oracle.bos_id(), "eos": oracle.eos_id(), "pad": oracle.pad_id()}
    assert base.roles == {role: oracle.id_to_piece(id) for role, id in roles.items() if id >= 0}


@pytest.mark.parametrize("name", ["plain", "unigram", "bpe", "word", "char", "t5"])
def test_trained_sentencepiece(pieces: dict[str, bytes], name: str) -> None:
    assert_as_sentencepiece(pieces[name])


def test_mistral_sentencepiece_models() -> None:
    models = [path for path in installed("mistral_common", "data").iterdir() if ".model" in path.name]
    assert len(models) >= 5
    for path in models:
        assert_as_sentencepiece(path.read_bytes())


LAYOUTS = ["XLMRoberta", "Camembert", "MBart", "MBart50", "Nllb", "Barthez", "Llama", "Gemma"]


@pytest.mark.parametrize(
    ("model", "file", "name"),
    [("plain", "sentencepiece.bpe.model", name) for name in LAYOUTS[:6]]
    + [("bpe", "tokenizer.model", name) for name in LAYOUTS[6:]]
    + [("t5", "spiece.model", name) for name in ("T5", "Pegasus")]
    + [("unigram", "spiece.model", name) for name in ("XLNet", "BigBird")]
    + [("unigram", "spm.model", "DebertaV2"), ("unigram", "sentencepiece.model", "RemBert")],
)
def test_ids_of_a_class(tmp_path: Path, pieces: dict[str, bytes], model: str, file: str, name: str) -> None:
    (tmp_path / file).write_bytes(pieces[model])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": f"{name}Tokenizer"}))
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    assert vocabulary is not None
    assert (vocabulary.entries, vocabulary.base_size) == (len(tokenizer), tokenizer.vocab_size)
    assert dict(vocabulary.tokens) == {id: token for token, id in tokenizer.get_vocab().items()}
    assert {id: token.content for id, token in vocabulary.added.items()} == {
        id: str(token) for id, token in tokenizer.added_tokens_decoder.items()
    }
    moved = vocabulary.tokens[5] != read_sentencepiece(pieces[model], file, []).tokens[5]
    assert any("numbers the pieces" in note for note in vocabulary.notes) == moved


@pytest.mark.parametrize("name", sorted(ASSUMED_ROLES))
def test_assumed_roles_are_the_signature_of_the_class(name: str) -> None:
    found = tokenizer_class_from_name(name)
    if found is None:
        pytest.skip(f"this transformers does not offer {name}")
    defaults: dict[str, str] = {}
    for base in found.__mro__:
        if "__init__" in base.__dict__ and not defaults:
            parameters = inspect.signature(base.__init__).parameters
            defaults = {
                key.removesuffix("_token"): str(parameter.default)
                for key, parameter in parameters.items()
                if key.endswith("_token") and isinstance(parameter.default, str)
            }
    assert ASSUMED_ROLES[name] == defaults
    assert (name in REBUILDING) == any(base.__name__ == "TokenizersBackend" for base in found.__mro__)


def test_a_model_type_finds_the_class_that_transformers_maps_it_to() -> None:
    found = {type: name for type in TOKENIZER_MAPPING_NAMES if (name := class_of_model(type))}
    assert len(found) > 25
    mapped = {type: str(TOKENIZER_MAPPING_NAMES[type]) for type in found}
    # What is not mapped to its own class is mapped to a plain one or to one that took its place.
    differing = {type for type, name in found.items() if mapped[type] != name}
    assert differing <= {type for type in found if found[type] in REBUILDING}
    plain = (None, "TokenizersBackend", "PythonBackend", "PreTrainedTokenizerFast")
    assert not [type for type in CONFIG_MAPPING_NAMES if class_of_model(type) and mapped.get(type) in plain]
    assert all(TOKENIZER_MAPPING_NAMES.get(type) in plain for type in WITHOUT_CLASS)
    assert {"bert", "roberta", "gpt2", "t5", "qwen2", "xlm-roberta", "albert"} <= found.keys() - differing


def test_qwen_tiktoken(tmp_path: Path) -> None:
    source = installed("dashscope", "resources", "qwen.tiktoken")
    shutil.copy(source, tmp_path)
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    assert vocabulary is not None
    ranks = load_tiktoken_bpe(str(source))
    assert (vocabulary.kind, vocabulary.entries, vocabulary.base_size) == ("tiktoken", len(ranks), len(ranks))
    assert vocabulary.max_id == max(ranks.values())
    assert {byte_level_bytes(token): id for id, token in vocabulary.tokens.items()} == ranks
    sample = [rank for rank in ranks.values() if rank % 97 == 0]
    spelled = {rank: raw for raw, rank in ranks.items()}
    for rank in sample:
        text = vocabulary.text(rank)
        assert vocabulary.raw(rank) == spelled[rank]
        assert (text is None) == ("\ufffd" in spelled[rank].decode(errors="replace"))
        assert text is None or text.encode() == spelled[rank]


@pytest.mark.parametrize("name", ["tekken_240718.json", "tekken_240911.json"])
def test_tekken(tmp_path: Path, name: str) -> None:
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    source = installed("mistral_common", "data", name)
    shutil.copy(source, tmp_path / "tekken.json")
    assert_as_tekkenizer(tmp_path, tekken.Tekkenizer.from_file(source))


@pytest.mark.parametrize("specials", [None, ["<unk>", "<s>", "</s>", "[X]"], []])
def test_tekken_of_our_own(tmp_path: Path, specials: list[str] | None) -> None:
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    raw = [*(bytes([byte]) for byte in range(256)), b"th", "é".encode(), b"<s>", b"left out"]
    sizes = {"default_vocab_size": 259 + 30, "default_num_special_tokens": 30, "num_vocab_tokens": 260}
    document: dict[str, object] = {
        "config": {"pattern": ".", "version": "v3", **sizes},
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for rank, token in enumerate(raw)
        ],
    }
    if specials is not None:
        document["special_tokens"] = [
            {"rank": rank, "token_str": token, "is_control": token != "[X]"}
            for rank, token in enumerate(specials)
        ]
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps(document))
    assert_as_tekkenizer(tmp_path, tekken.Tekkenizer.from_file(path))


def assert_as_tekkenizer(folder: Path, oracle: object) -> None:
    vocabulary = read_vocabulary(LocalFolder(folder))
    assert vocabulary is not None
    size: int = oracle.n_words  # type: ignore[attr-defined]
    assert (vocabulary.kind, vocabulary.entries, vocabulary.max_id) == ("tekken", size, size - 1)
    assert set(vocabulary.tokens) == set(range(size))
    assert set(vocabulary.added) == set(range(oracle.num_special_tokens))  # type: ignore[attr-defined]
    for id in range(0, size, 7 if size > 1000 else 1):
        raw: bytes = oracle.id_to_byte_piece(id, "keep")  # type: ignore[attr-defined]
        spelled = vocabulary.tokens[id]
        assert (spelled.encode() if id in vocabulary.added else byte_level_bytes(spelled)) == raw


def test_alphabet_is_that_of_gpt2() -> None:
    assert byte_alphabet() == {character: byte for byte, character in bytes_to_unicode().items()}


@given(st.binary())
def test_byte_level_spelling_comes_back(raw: bytes) -> None:
    assert byte_level_bytes(byte_level_spelling(raw)) == raw


@given(st.text())
def test_byte_level_text_comes_back(text: str) -> None:
    assert byte_level_text(byte_level_spelling(text.encode())) == text


def test_a_unigram_list_that_repeats_a_token_is_counted_as_the_library_counts_it(tmp_path: Path) -> None:
    listed = [["<unk>", 0.0], ["a", -1.0], ["b", -1.5], ["a", -2.0]]
    whole = document(type="Unigram", unk_id=0, vocab=listed, added_tokens=[added(4)])
    whole["model"].pop("merges")
    known, oracle = read(tmp_path, tokenizer=whole), Tokenizer.from_str(json.dumps(whole))
    assert known is not None
    assert known.entries == oracle.get_vocab_size(with_added_tokens=True) == 5
    assert known.base_size == oracle.get_vocab_size(with_added_tokens=False) == 4
    assert known.added[4].content == oracle.id_to_token(4) == "<x>"
