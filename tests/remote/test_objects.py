"""Object stores: the same report, refusals with their next step, no secret in a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError, MalformedFileError, MissingExtraError, RemoteError
from rowscope.inspector.storage import Patience, RemoteOptions, UnreadableError

from ..remote_bucket import Bucket
from ..remote_hub import files_of
from ..remote_server import Server

DEMO = Path(rowscope.__file__).parent / "demo"
QUICK = RemoteOptions(patience=Patience(timeout=10, attempts=2, pause=0.01))


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket(files_of(DEMO)) as found:
        yield found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    pytest.importorskip("obstore")
    with Server() as found:
        for variable, value in {
            "AWS_ENDPOINT_URL": found.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-bucket",
        }.items():
            monkeypatch.setenv(variable, value)
        yield found


def test_the_report_is_that_of_the_local_copy(bucket: Bucket) -> None:
    found = [
        json.loads(json.dumps(rowscope.audit(open_checkpoint(path, remote=QUICK)).to_dict()))
        for path in (bucket.url, "demo")
    ]
    assert found[0]["coverage"]["bytes_fetched"] > 1_000_000
    assert found[0]["coverage"]["requests"] < 15
    for report in found:
        del report["timings"], report["checkpoint"]["path"]
        del report["coverage"]["requests"], report["coverage"]["bytes_fetched"]
    assert found[0] == found[1]


def test_a_file_of_a_bucket(bucket: Bucket) -> None:
    assert open_checkpoint(f"{bucket.url}model.safetensors", remote=QUICK).config


def test_changed_while_it_is_read(bucket: Bucket) -> None:
    checkpoint = open_checkpoint(bucket.url, remote=QUICK)
    bucket.put("model.safetensors", (DEMO / "model.safetensors").read_bytes()[:-1] + b"!")
    with pytest.raises(MalformedFileError, match="changed while it was read"):
        rowscope.audit(checkpoint)


def test_nothing_there(bucket: Bucket) -> None:
    with pytest.raises(CheckpointError, match="No such file or directory"):
        open_checkpoint("s3://no-such-bucket/place", remote=QUICK)
    with pytest.raises(CheckpointError, match="No such file or directory"):
        open_checkpoint("s3://a-bucket/no/such/place", remote=QUICK)


@pytest.mark.parametrize("status", [401, 403])
def test_refused(server: Server, status: int) -> None:
    body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
    server.fallback = lambda handler: handler.answer(status, body) is None
    with pytest.raises(UnreadableError, match="Permission denied; set AWS_ACCESS_KEY_ID") as caught:
        open_checkpoint("s3://a-bucket/some/place", remote=QUICK)
    assert caught.value.exit_code == 3


def test_a_store_that_fails(server: Server) -> None:
    server.fallback = lambda handler: handler.answer(503, b"busy") is None
    with pytest.raises(RemoteError, match="2 times in a row") as caught:
        open_checkpoint("s3://a-bucket/some/place", remote=QUICK)
    assert "secret-of-the-bucket" not in caught.value.message
    assert "\n" not in caught.value.message
    assert len(server.seen) == 2


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(MissingExtraError, match=r"rowscope\[remote\]"):
        open_checkpoint("s3://a-bucket/some/place")


def test_an_account_that_is_not_told() -> None:
    pytest.importorskip("obstore")
    with pytest.raises(CheckpointError, match="Account must be specified; give az://CONTAINER/PATH and set"):
        open_checkpoint("az://container/some/place")


@pytest.mark.parametrize(
    ("url", "variables", "store"),
    [
        ("gs://a-bucket/some/place", {"GOOGLE_SKIP_SIGNATURE": "true"}, "GCSStore"),
        (
            "az://container/some/place",
            {"AZURE_SKIP_SIGNATURE": "true", "AZURE_STORAGE_ACCOUNT_NAME": "account"},
            "AzureStore",
        ),
        ("s3://a-bucket/some/place", {"AWS_SKIP_SIGNATURE": "true", "AWS_REGION": "eu-west-1"}, "S3Store"),
    ],
)
def test_kinds_of_stores(
    url: str, variables: dict[str, str], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    from rowscope.inspector.storage.remote.objects import ObjectPlace

    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    place = ObjectPlace(url, QUICK)
    assert type(place._store).__name__ == store
    assert place._store.prefix == "some/place"
