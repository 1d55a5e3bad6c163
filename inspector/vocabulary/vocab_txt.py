"""`vocab.txt`: one token a line, its id the line's number from 0."""

from __future__ import annotations

from rowscope.inspector.text import say
from rowscope.inspector.vocabulary.alphabet import WORDPIECE, Alphabet
from rowscope.inspector.vocabulary.base import Base, base_from_ids
from rowscope.inspector.vocabulary.classes import spelling_of
from rowscope.inspector.vocabulary.files import TokenizerFolder, decode_utf8
from rowscope.inspector.vocabulary.limits import (
    MOST_ENTRIES,
    MOST_PARSED,
    MOST_TOKEN,
    require,
    require_short,
)

NAME = "vocab.txt"
_FAIRSEQ_CLASSES = ("PhobertTokenizer", "BertweetTokenizer")
_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")


# Unicode's White_Space, which is not quite what str.rstrip removes.
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def read_vocab_txt(folder: TokenizerFolder, tokenizer_class: str | None, name: str = NAME) -> Base:
    """A token that is on several lines has the id of the last, as in the tokenizers library.

    A line ends at `\\n`; blanks at its end, such as the `\\r` before it, do not count. A last line without an
    end counts; nothing behind the last end does not. The fairseq dictionaries of two classes hold
    `token count` lines and leave out the first four tokens.
    """
    data = folder.read_bytes(name, MOST_PARSED)
    require(name, "lines", data.count(b"\n"), MOST_ENTRIES)
    # Before it becomes text, which can take four times the memory; a character has four bytes at most.
    require(name, "bytes in one line", max(map(len, data.split(b"\n"))), 4 * MOST_TOKEN)
    lines = [line.rstrip(_BLANK) for line in decode_utf8(data, name).split("\n")]
    require_short(name, lines)
    if lines[-1] == "":
        lines.pop()
    if tokenizer_class in _FAIRSEQ_CLASSES:
        lines = [*_FAIRSEQ, *(line.strip().rpartition(" ")[0] for line in lines)]
        folder.notes.append(
            say("{file} is a fairseq dictionary: ids are 4 more than the line numbers", file=name)
        )
    ids = {token: place for place, token in enumerate(lines)}
    if len(ids) < len(lines):
        folder.notes.append(
            say(
                "{file} has {count:# line that repeats|# lines that repeat} a token; the last line's id "
                "counts",
                file=name,
                count=len(lines) - len(ids),
            )
        )
    base = base_from_ids(name, ids, folder.notes)
    base.alphabet = spelling_of(tokenizer_class) or Alphabet((WORDPIECE,))
    return base
