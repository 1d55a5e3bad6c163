"""Files that are something else than their names say: what they are is told, and quoted where it is text."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

import rowscope
from rowscope.inspector.errors import MalformedFileError
from rowscope.inspector.header import read_header
from rowscope.inspector.storage import unlike_tensors, unlike_text
from rowscope.inspector.storage.local import local_file

torch_like = {"a": [1.0, 2.0]}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"


def tar():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo("model.safetensors")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"abcd"))
    return target.getvalue()


def zipped():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("data.pkl", b"x" * 40)
    return target.getvalue()


FORMATS = {
    "gzip": gzip.compress(b"x" * 100),
    "bzip2": bz2.compress(b"x" * 100),
    "xz": lzma.compress(b"x" * 100),
    "zip": zipped(),
    "tar": tar(),
    "pickle": pickle.dumps(torch_like),
    "zstd": bytes.fromhex("28b52ffd") + bytes(range(20, 60)),
    "LFS": POINTER,
}

TEXTS = [
    b"Entry not found",
    b"Not Found",
    b"404\n",
    b"Invalid username or password.",
    b"Found. Redirecting to https://cdn.example.org/repos/ab/cd",
    b"Temporary Redirect. Redirecting to https://cdn.example.org/x?Expires=1&Signature=ab~cd",
    b'{"error":"Repository not found"}',
    b"\xef\xbb\xbf<!DOCTYPE html><title>Sign in</title>",
    "\ufeff<html>".encode("utf-16-le"),
    "Accès refusé".encode(),
]


@pytest.mark.parametrize("kind", FORMATS)
def test_other_formats_are_named(tmp_path, kind):
    path = tmp_path / "model.safetensors"
    path.write_bytes(FORMATS[kind])
    with pytest.raises(MalformedFileError, match=kind):
        read_header(local_file(path))


@pytest.mark.parametrize("body", TEXTS)
def test_text_is_quoted(tmp_path, body):
    path = tmp_path / "model.safetensors"
    path.write_bytes(body)
    with pytest.raises(MalformedFileError) as caught:
        read_header(local_file(path))
    encoding = "utf-16" if body.startswith(b"\xff\xfe") else "utf-8-sig"
    words = " ".join(body.decode(encoding).split())
    assert repr(words)[1:40] in caught.value.message
    assert "download the file again" in caught.value.message


def test_sound_files_are_nothing_else():
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    assert unlike_tensors(len(header).to_bytes(8, "little") + header + b"\1") is None
    for text in (b"[PAD]\n[UNK]\n", b"<cls>\n<pad>\n", b"{%- for message in messages %}", b'{"a": 1}'):
        assert unlike_text(text) is None


def test_room_made_for_a_download(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(4096))
    with pytest.raises(MalformedFileError, match="room was made for a download"):
        read_header(local_file(path))


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "vocab.txt", "tokenizer.model", "tekken.json"]
)
@pytest.mark.parametrize(("body", "word"), [(POINTER, "git lfs pull"), (b"<!doctype html>oops", "web page")])
def test_pointers_and_pages_in_place_of_small_files(tmp_path, name, body, word):
    """An audit goes on without the file and says why; a pointer is not read as a vocabulary."""

    shutil.copytree(rowscope.open_checkpoint("demo").root, tmp_path, dirs_exist_ok=True)
    if name != "config.json":
        (tmp_path / "tokenizer.json").unlink()
    (tmp_path / name).write_bytes(body)
    report = rowscope.audit(tmp_path)
    assert report.exit_code() == 3
    assert word in " ".join(skip.why for skip in report.coverage.skipped)


def test_a_pointer_in_place_of_the_index(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_bytes(POINTER)
    with pytest.raises(MalformedFileError, match="git lfs pull"):
        rowscope.open_checkpoint(tmp_path)


def test_trailing_bytes_are_cut(tmp_path, write_checkpoint):
    """The step that the message names works: cut there, the file opens."""
    path = write_checkpoint(tmp_path, {"lm_head.weight": np.ones((4, 4), "f4")}) / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 16)
    with pytest.raises(MalformedFileError) as caught:
        read_header(local_file(path))
    size = int(re.search(r"truncate -s (\d+) FILE", caught.value.message).group(1))
    assert size == len(whole)
    with path.open("r+b") as file:
        file.truncate(size)
    assert read_header(local_file(path)).file_bytes == size
