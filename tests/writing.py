"""Files that tests write, each in one way: shards and indexes, raw headers, tokenizer files."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import numpy as np
import safetensors
from safetensors.numpy import save_file

from rowscope.inspector.checkpoint import Checkpoint
from rowscope.inspector.storage.local import LocalFolder
from rowscope.inspector.vocabulary import Vocabulary, read_vocabulary

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
EMBED = {"model.embed_tokens.weight": np.zeros((8, 4), np.float32)}
NORM = {"model.norm.weight": np.ones(4, np.float32)}


def write(folder: Path, name: str, arrays: dict[str, np.ndarray]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path, metadata={"format": "pt"})
    return path


def write_index(folder: Path, weight_map: object, name: str = "model.safetensors.index.json", **rest: object):
    folder.mkdir(parents=True, exist_ok=True)
    content = {"metadata": {"total_size": 144}, "weight_map": weight_map, **rest}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder / name


def names(checkpoint: Checkpoint) -> list[str]:
    return [shard.name for shard in checkpoint.shards]


def entry(dtype="F32", shape="[2]", offsets="[0,8]", extra=""):
    """One tensor's JSON, with values of any kind."""
    dtype = f'"{dtype}"' if re.fullmatch(r"\w+", dtype) else dtype
    return f'{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{extra}}}'


def one(**changes):
    return f'{{"a":{entry(**changes)}}}'


def pack(header: str | bytes, data: bytes | int = 8, length: int | None = None) -> bytes:
    raw = header.encode("utf-8", "surrogatepass") if isinstance(header, str) else header
    body = bytes(data) if isinstance(data, int) else data
    return struct.pack("<Q", len(raw) if length is None else length) + raw + body


def oracle(file: bytes) -> bool:
    """Whether safetensors takes the file."""
    try:
        safetensors.deserialize(file)
    except safetensors.SafetensorError:
        return False
    return True


Document = dict[str, object]


def added(id: object, content: object = "<x>", **flags: object) -> Document:
    absent = dict.fromkeys(("special", "normalized", "lstrip", "rstrip", "single_word"), False)
    return {"id": id, "content": content, **absent, **flags}


def document(**changes: object) -> Document:
    """A small tokenizer.json; `vocab` and `merges` and the like change its model."""
    model: Document = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    whole: Document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [added(3)]}
    whole |= dict.fromkeys(("normalizer", "pre_tokenizer", "post_processor", "decoder")) | {"model": model}
    for key, value in changes.items():
        (whole if key in whole else model)[key] = value
    return whole


def read(root: Path, **files: object) -> Vocabulary | None:
    """Write `name=…` as name.json, bytes as they are, and read the folder."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (root / f"{name}.json").write_bytes(data)
    return read_vocabulary(LocalFolder(root))


def write_json(folder: Path, **files: object) -> Path:
    """`tokenizer_config={…}` becomes tokenizer_config.json."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
