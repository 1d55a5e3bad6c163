"""Which tokenizer files there are, and what a claim changes in each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rowscope.inspector.checkpoint import CLAIM_RECORD
from rowscope.inspector.claim.edits.json_text import JsonText
from rowscope.inspector.claim.edits.settings_files import LISTS as SPECIAL_LISTS
from rowscope.inspector.claim.edits.settings_files import (
    edit_added_tokens,
    edit_decoder,
    edit_special_lists,
    edit_vocab_json,
    edit_vocab_txt,
)
from rowscope.inspector.claim.edits.tokenizer_json import edit_tokenizer_json
from rowscope.inspector.claim.model import Claimed, FileEdit
from rowscope.inspector.errors import RefusedError, TokenizerError
from rowscope.inspector.text import say
from rowscope.inspector.vocabulary import ADDED, CONFIG, SPECIAL_MAP, Vocabulary

_TOKENIZER_JSON: Final = re.compile(r"tokenizer(\.\d[\d.]*)?\.json")
_OTHERS: Final = (CONFIG, SPECIAL_MAP, ADDED, "vocab.json", "vocab.txt")
_FOREIGN: Final = re.compile(r".*\.model(\.v\d+(m\d+)?)?|.*\.tiktoken|.*tekken.*\.json")

Edit = Callable[[JsonText, Sequence[Claimed]], list[str]]


def require_editable(vocabulary: Vocabulary) -> None:
    """Refuse tokenizers whose format has no place for an added token.

    Raises:
        RefusedError: sentencepiece, tiktoken or tekken without a tokenizer.json.
    """
    if vocabulary.kind.startswith("tokenizer.json/") or vocabulary.kind in ("vocab.json", "vocab.txt"):
        return
    raise RefusedError(
        f"the tokenizer is {vocabulary.kind} ({', '.join(vocabulary.files[:1])}) without a tokenizer.json, "
        "and its readers would not agree on an added token; convert it once with "
        "AutoTokenizer.from_pretrained(PATH).save_pretrained(PATH), which writes tokenizer.json, and claim "
        "again",
        location=vocabulary.files[0] if vocabulary.files else None,
    )


def read_sources(root: Path) -> dict[str, bytes]:
    """Bytes of every tokenizer file that a claim may have to change, by name.

    Raises:
        TokenizerError: a file that cannot be read.
    """
    names = sorted(entry.name for entry in root.iterdir() if entry.is_file())
    wanted = [name for name in names if name in _OTHERS or _TOKENIZER_JSON.fullmatch(name)]
    try:
        return {name: (root / name).read_bytes() for name in wanted}
    except OSError as error:
        raise TokenizerError(
            f"cannot read {error.filename!r}: {error.strerror}; check its permissions", location=str(root)
        ) from error


def tokenizer_hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file that decides how the tokenizer is loaded, by name."""
    decide = [entry.name for entry in root.iterdir() if entry.is_file() and decides_loading(entry.name)]
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in sorted(decide)}


def decides_loading(name: str) -> bool:
    """Whether a file of this name has a say in how the tokenizer is loaded."""
    known = name in (*_OTHERS, "config.json") or _TOKENIZER_JSON.fullmatch(name) is not None
    return known or _FOREIGN.fullmatch(name) is not None


def is_editable(name: str) -> bool:
    """Whether a claim may change a file of this name: of a tokenizer, or the record of claims."""
    return name in (*_OTHERS, CLAIM_RECORD) or _TOKENIZER_JSON.fullmatch(name) is not None


def foreign_files(root: Path) -> tuple[str, ...]:
    """Tokenizer files of formats that a claim leaves as they are."""
    names = sorted(entry.name for entry in root.iterdir() if entry.is_file())
    return tuple(name for name in names if _FOREIGN.fullmatch(name))


def edit_files(sources: Mapping[str, bytes], claimed: Sequence[Claimed]) -> tuple[FileEdit, ...]:
    """The files with the tokens in them; files that stay as they are are left out.

    Raises:
        RefusedError: a placeholder cannot be renamed in one of them.
    """
    edits = [_edit_json(name, sources[name], steps, claimed) for name, steps in _steps(sources).items()]
    if "vocab.txt" in sources:
        after, changes = edit_vocab_txt(sources["vocab.txt"], claimed, "vocab.txt")
        edits.append(FileEdit("vocab.txt", sources["vocab.txt"], after, tuple(changes)))
    if _unlisted(sources):
        edits.append(_new_added_tokens(claimed))
    if any(claim.special for claim in claimed) and not _flagged(sources):
        edits = _with_special_list(edits, sources, claimed)
    return tuple(edit for edit in edits if edit.before != edit.after)


def _steps(sources: Mapping[str, bytes]) -> dict[str, list[Edit]]:
    steps: dict[str, list[Edit]] = {}
    for name in sources:
        if _TOKENIZER_JSON.fullmatch(name):
            steps[name] = [edit_tokenizer_json]
    if CONFIG in sources:
        listed = _has_decoder(sources)
        steps[CONFIG] = [edit_decoder, edit_special_lists] if listed else [edit_special_lists]
    for name, edit in ((SPECIAL_MAP, edit_special_lists), (ADDED, edit_added_tokens)):
        if name in sources:
            steps[name] = [edit]
    if "vocab.json" in sources:
        steps["vocab.json"] = [edit_vocab_json]
    return steps


def _edit_json(name: str, data: bytes, steps: Sequence[Edit], claimed: Sequence[Claimed]) -> FileEdit:
    file = JsonText(data, name)
    changes = tuple(change for step in steps for change in step(file, claimed))
    return FileEdit(name, data, file.encode(), changes)


def _has_decoder(sources: Mapping[str, bytes]) -> bool:
    if CONFIG not in sources:
        return False
    return isinstance(JsonText(sources[CONFIG], CONFIG).get("added_tokens_decoder"), dict)


def _unlisted(sources: Mapping[str, bytes]) -> bool:
    """Whether no file lists added tokens yet, so that one has to be made for them."""
    listing = any(_TOKENIZER_JSON.fullmatch(name) for name in sources) or ADDED in sources
    return not listing and not _has_decoder(sources)


def _flagged(sources: Mapping[str, bytes]) -> bool:
    """Whether a file says of each added token, or of those in a list, that it is special."""
    if _has_decoder(sources) or any(_TOKENIZER_JSON.fullmatch(name) for name in sources):
        return True
    if SPECIAL_MAP not in sources:
        return False
    there = JsonText(sources[SPECIAL_MAP], SPECIAL_MAP).get()
    return any(isinstance(there.get(key), list) for key in SPECIAL_LISTS)


def _new_added_tokens(claimed: Sequence[Claimed]) -> FileEdit:
    tokens = {claim.token: claim.id for claim in claimed}
    changes = tuple(say("{token!r} with id {id:d}", token=token, id=id) for token, id in tokens.items())
    return FileEdit(ADDED, None, JsonText.of(tokens, ADDED).encode(), changes)


def _with_special_list(
    edits: Sequence[FileEdit], sources: Mapping[str, bytes], claimed: Sequence[Claimed]
) -> list[FileEdit]:
    """added_tokens.json has no flags: what is special stands in a list of tokenizer_config.json."""
    done = {edit.name: edit for edit in edits}
    before = sources.get(CONFIG)
    file = JsonText(done[CONFIG].after, CONFIG) if CONFIG in done else JsonText.of({}, CONFIG)
    there = file.get()
    if "extra_special_tokens" in there or "additional_special_tokens" in there:
        return list(edits)
    names = [claim.token for claim in claimed if claim.special]
    file.insert((), [("additional_special_tokens", [])])
    file.insert(("additional_special_tokens",), names)
    change = f"additional_special_tokens: {', '.join(map(repr, names))}"
    return [
        *(edit for edit in edits if edit.name != CONFIG),
        FileEdit(CONFIG, before, file.encode(), (change,)),
    ]
