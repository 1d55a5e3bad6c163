"""Which rows are surely trained and which surely are not, from everything but the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.truths.corpus import Corpus, Counts, count

IMPOSSIBLE: Final = (0xC0, 0xC1, *range(0xF5, 0x100))
"""Bytes that UTF-8 cannot contain."""

OFTEN, IN_FILES = 10, 5
"""An id counts as surely trained when it occurs this often, in this many files."""

CONTEXTS: Final = ("", "x", "q", "0", "(", "\n", " ", "é", "Ж", "_", ".", "中")

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Truth:
    """Sorted ids of a matrix of `rows` rows; what is in neither set is not known.

    `bands` are further sets that are reported alone, such as ids seen two or three times.
    """

    rows: int
    trained: Ids
    untrained: Ids
    sources: dict[str, Ids]
    bands: dict[str, Ids]
    words: str


def from_counts(path: Path) -> Truth:
    """Of the checkpoint whose training was recorded."""
    record = json.loads(path.read_text())
    seen = np.maximum(record["input_counts"], record["target_counts"])
    bands = {
        "seen once": np.flatnonzero(seen == 1),
        "seen 2 or 3 times": np.flatnonzero((seen == 2) | (seen == 3)),
        "seen 4 to 9 times": np.flatnonzero((seen >= 4) & (seen < 10)),
        "seen 10 to 19 times": np.flatnonzero((seen >= 10) & (seen < 20)),
        "seen 20 times and more": np.flatnonzero(seen >= 20),
    }
    untrained = np.flatnonzero(seen == 0)
    return Truth(
        seen.size,
        np.flatnonzero(seen >= 10),
        untrained,
        {"never seen in training": untrained},
        bands,
        "recorded training counts: trained from 10 on, untrained at 0",
    )


def from_text(folder: Path, rows: int, corpus: Corpus, cache: Path) -> Truth:
    """Of a checkpoint with a tokenizer.json: ids frequent in text against ids that no text can produce."""
    tokenizer = load_tokenizer(folder)
    counts = _counted(tokenizer, folder, rows, corpus, cache)
    entries = {id: token for token, id in tokenizer.get_vocab(with_added_tokens=True).items() if id < rows}
    unmapped = np.array(sorted(set(range(rows)) - set(entries)), np.int64)
    impossible = _impossible(entries)
    unreachable = _unreachable(tokenizer, entries)
    unreachable = unreachable[counts.times[unreachable] == 0]
    sources = {"without an entry": unmapped, "impossible bytes": impossible, "unreachable": unreachable}
    untrained = np.unique(np.concatenate(list(sources.values())))
    trained = np.flatnonzero((counts.times >= OFTEN) & (counts.files >= IN_FILES))
    kind = (
        "English prose (documentation and docstrings, ASCII lines)"
        if corpus.english
        else "sources and documentation"
    )
    words = (
        f"{counts.characters / 1e6:.0f} million characters of {kind} in {counts.read:,} files: trained where "
        f"an id occurs {OFTEN} times in {IN_FILES} files; untrained: no entry, a byte that UTF-8 cannot "
        "contain, or no way back from its text and absent from the corpus"
    )
    return Truth(rows, np.setdiff1d(trained, untrained), untrained, sources, {}, words)


def from_ranges(path: Path, rows: int) -> Truth:
    """Of a JSON file with half-open ranges of ids under `trained` and `untrained`."""
    record = json.loads(path.read_text())
    trained, untrained = (
        np.unique(np.concatenate([np.arange(*pair) for pair in record[key]])).astype(np.int64)
        for key in ("trained", "untrained")
    )
    return Truth(rows, trained, untrained, {"listed": untrained}, {}, f"listed in {path.name}")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer, without truncation and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _counted(tokenizer: Any, folder: Path, rows: int, corpus: Corpus, cache: Path) -> Counts:
    path = cache / f"counts-{folder.resolve().name}-{rows}-{corpus.key}.npz"
    if path.exists():
        with np.load(path) as saved:
            return Counts(saved["times"], saved["files"], int(saved["characters"]), int(saved["read"]))
    counts = count(tokenizer, rows, corpus)
    np.savez(path, times=counts.times, files=counts.files, characters=counts.characters, read=counts.read)
    return counts


def _impossible(entries: dict[int, str]) -> Ids:
    """Single bytes that UTF-8 cannot contain, spelled as byte-level BPE or byte fallback do."""
    names = {f"<0x{byte:02X}>" for byte in IMPOSSIBLE}
    if "Ġ" in entries.values():  # byte-level: every byte is a letter, these are letters of their own code
        names |= {chr(byte) for byte in IMPOSSIBLE}
    return np.array(sorted(id for id, token in entries.items() if token in names), np.int64)


def _unreachable(tokenizer: Any, entries: dict[int, str]) -> Ids:
    """Ordinary entries whose text becomes other ids, alone and behind every context."""
    added = set(tokenizer.get_added_tokens_decoder())
    left: dict[int, str] = {}
    for id, token in entries.items():
        text = (
            token.removeprefix("##")
            if token.startswith("##")
            else tokenizer.decode([id], skip_special_tokens=False)
        )
        if id not in added and text and "\ufffd" not in text:
            left[id] = text
    for context in CONTEXTS:
        ids = list(left)
        encodings = tokenizer.encode_batch([context + left[id] for id in ids], add_special_tokens=False)
        for id, encoding in zip(ids, encodings, strict=True):
            if id in encoding.ids:
                del left[id]
    return np.array(sorted(left), np.int64)
