"""What a user should know about a claim before training with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rowscope.inspector.checkpoint import CLAIM_RECORD, Checkpoint
from rowscope.inspector.claim.edits.edits import foreign_files
from rowscope.inspector.claim.model import Caution, Claimed, FileEdit
from rowscope.inspector.text import joined, say
from rowscope.inspector.vocabulary import Vocabulary

_WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".npz")
_NO_WEIGHTS: Final = ("training_args", "optimizer", "scheduler", "scaler", "rng_state")
_READ_FOR_NAMES: Final = (".json", ".jinja", ".txt", ".py")
_MOST_READ: Final = 1 << 20


def training_caution(checkpoint: Checkpoint, claimed: Sequence[Claimed]) -> Caution:
    """Plain LoRA trains no row of a vocabulary matrix."""
    ids = [claim.id for claim in claimed]
    modules = [matrix.tensor.removesuffix(".weight").rpartition(".")[2] for matrix in checkpoint.matrices]
    indices = ", ".join(f"{module!r}: {ids}" for module in modules)
    return Caution(
        "frozen",
        say(
            "plain LoRA leaves these rows as they are: in peft's LoraConfig set "
            "trainable_token_indices={{{indices}}}, or modules_to_save={modules} to train whole matrices",
            indices=indices,
            modules=str(modules),
        ),
    )


def matching_cautions(claimed: Sequence[Claimed], after: Vocabulary) -> Iterator[Caution]:
    """Tokens that the files can only list as normalised ones."""
    loose = [claim.token for claim in claimed if after.added[claim.id].normalized]
    if loose:
        yield Caution(
            "normalised",
            say(
                "{tokens} will be matched in the normalised text, in other spellings too where the tokenizer "
                "lowercases: without tokenizer.json and added_tokens_decoder no file can say otherwise",
                tokens=joined(", ", map(repr, loose)),
            ),
        )


def file_cautions(
    checkpoint: Checkpoint, vocabulary: Vocabulary, claimed: Sequence[Claimed], edits: Sequence[FileEdit]
) -> Iterator[Caution]:
    """What other files of the folder say or hold that a claim does not change."""
    yield from _templates(vocabulary, claimed)
    yield from _mentions(checkpoint.root, claimed, {edit.name: edit.after for edit in edits})
    yield from _suppressed(checkpoint.generation_config, claimed)
    others = foreign_files(checkpoint.root)
    if others:
        yield Caution(
            "other-tokenizer",
            say(
                "{files} will not know the new tokens: programs that read it instead of {main} (llama.cpp, "
                "some servers) must convert from {main}",
                files=joined(", ", others),
                main=vocabulary.files[0],
            ),
        )
    copies = _other_weights(checkpoint)
    if copies:
        yield Caution(
            "other-weights",
            say(
                "{files} may hold the same weights and will keep the old rows; remove or convert anew",
                files=joined(", ", copies),
            ),
        )


def _templates(vocabulary: Vocabulary, claimed: Sequence[Claimed]) -> Iterator[Caution]:
    for claim in claimed:
        used = [t.source for t in vocabulary.chat_templates if claim.replaces and claim.replaces in t.text]
        if used:
            yield Caution(
                "template",
                say(
                    "the chat template in {files} writes {old!r}, which will no longer be a token; it is "
                    "left alone: put {new!r} in its place where that is meant",
                    files=joined(", ", used),
                    old=claim.replaces,
                    new=claim.token,
                ),
            )


def _mentions(root: Path, claimed: Sequence[Claimed], edited: Mapping[str, bytes]) -> Iterator[Caution]:
    """Other small text files that name a replaced placeholder."""
    names = [claim.replaces for claim in claimed if claim.replaces is not None]
    if not names:
        return
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if not entry.is_file() or not entry.name.endswith(_READ_FOR_NAMES):
            continue
        if entry.name.startswith(("chat_template", CLAIM_RECORD)) or (
            entry.name not in edited and entry.stat().st_size > _MOST_READ
        ):
            continue
        text = edited.get(entry.name) or Path(entry.path).read_bytes()
        found = [name for name in names if name.encode() in text]
        if found:
            yield Caution(
                "mention",
                say(
                    "{file} still names {tokens}; check whether that is meant",
                    file=entry.name,
                    tokens=joined(", ", map(repr, found)),
                ),
            )


def _suppressed(config: Mapping[str, Any] | None, claimed: Sequence[Claimed]) -> Iterator[Caution]:
    if config is None:
        return
    listed = {id for key in ("suppress_tokens", "begin_suppress_tokens") for id in config.get(key) or ()}
    listed |= {
        word[0] for word in config.get("bad_words_ids") or () if isinstance(word, list) and len(word) == 1
    }
    ids = [claim.id for claim in claimed if claim.id in listed]
    if ids:
        yield Caution(
            "suppressed",
            say(
                "generation_config.json keeps the ids {ids} from being generated; take them out of its lists",
                ids=str(ids),
            ),
        )


def _other_weights(checkpoint: Checkpoint) -> list[str]:
    opened = {shard.name for shard in checkpoint.shards}
    return sorted(
        entry.name
        for entry in os.scandir(checkpoint.root)
        if entry.is_file()
        and entry.name.endswith(_WEIGHTS)
        and entry.name not in opened
        and not entry.name.startswith(_NO_WEIGHTS)
    )
