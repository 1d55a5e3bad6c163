"""`vocab.txt`: one token a line, its id the line's number from 0."""

from __future__ import annotations

from rowscope.inspector.vocabulary.base import Base, base_from_ids
from rowscope.inspector.vocabulary.files import TokenizerFolder

NAME = "vocab.txt"
_FAIRSEQ_CLASSES = ("PhobertTokenizer", "BertweetTokenizer")
_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")


def read_vocab_txt(folder: TokenizerFolder, tokenizer_class: str | None, name: str = NAME) -> Base:
    """A token that is on several lines has the id of the last, as in transformers' BERT reader.

    Python's universal newlines are what transformers reads with: `\\r\\n` and a lone `\\r` end a line too,
    other Unicode line separators do not. A last line without an end counts; nothing behind the last end
    does not. The fairseq dictionaries of two classes hold `token count` lines and leave out the first four.
    """
    text = folder.text(name).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if tokenizer_class in _FAIRSEQ_CLASSES:
        lines = [*_FAIRSEQ, *(line.strip().rpartition(" ")[0] for line in lines)]
        folder.notes.append(f"{name} is a fairseq dictionary: ids are 4 more than the line numbers")
    ids = {token: place for place, token in enumerate(lines)}
    if len(ids) < len(lines):
        folder.notes.append(
            f"{name} has {len(lines) - len(ids)} lines that repeat a token; the last line's id counts"
        )
    return base_from_ids(name, ids, folder.notes)
