"""The hub: one commit, two hosts, a token that stays at the first, the hub's own cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError, MalformedFileError, RemoteError, RowscopeError
from rowscope.inspector.storage import Patience, RemoteOptions, UnreadableError
from rowscope.inspector.storage.remote.hub_address import HubAddress, hub_address

from ..remote_hub import COMMIT, NAME, Hub, files_of
from ..remote_server import Handler

DEMO = Path(rowscope.__file__).parent / "demo"
URL = f"hf://{NAME}"
QUICK = RemoteOptions(patience=Patience(timeout=10, attempts=3, pause=0.01))
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with Hub(files_of(DEMO)) as found:
        for variable, value in {**found.environment, "HF_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(variable, value)
        yield found


def comparable(report: rowscope.Report) -> str:
    """A report without what a place and a run bring: path, time, traffic."""
    body = json.loads(json.dumps(report.to_dict()))
    del body["timings"], body["checkpoint"]["path"]
    for key in ("requests", "bytes_fetched"):
        body["coverage"].pop(key, None)
    return json.dumps(body)


def test_the_report_is_that_of_the_local_copy(hub: Hub) -> None:
    found = rowscope.audit(open_checkpoint(URL, remote=QUICK))
    assert comparable(found) == comparable(rowscope.audit("demo"))


def test_a_hub_that_lists_no_sizes(hub: Hub) -> None:
    """Mirrors may know only the names."""
    siblings = [{"rfilename": name} for name in hub.files] + [
        {"rfilename": "../outside"},
        {"rfilename": "a/../b"},
    ]
    body = json.dumps({"sha": COMMIT, "siblings": siblings}).encode()
    hub.hub.faults[f"/api/models/{NAME}/revision/main"] = lambda handler: handler.answer(200, body) is None
    checkpoint = open_checkpoint(URL, remote=QUICK)
    assert "b" not in checkpoint.folder.names()
    assert comparable(rowscope.audit(checkpoint)) == comparable(rowscope.audit("demo"))


def test_the_token_stays_at_the_host_that_asked_for_it(hub: Hub) -> None:
    rowscope.audit(open_checkpoint(URL, remote=QUICK))
    assert {headers.get("Authorization") for _, headers in hub.hub.seen} == {"Bearer hf_secret"}
    assert hub.cdn.seen
    assert all("Authorization" not in headers for _, headers in hub.cdn.seen)
    assert all("hf_secret" not in str(headers) for _, headers in hub.cdn.seen)
    assert all(headers["Range"] and headers["Accept-Encoding"] == "identity" for _, headers in hub.cdn.seen)


def test_every_request_is_for_the_commit(hub: Hub) -> None:
    checkpoint = open_checkpoint(f"{URL}@a-branch", remote=QUICK)
    rowscope.audit(checkpoint)
    asked = [path for path, _ in hub.hub.seen]
    assert asked[0] == f"/api/models/{NAME}/revision/a-branch"
    assert all(path.startswith(f"/{NAME}/resolve/{COMMIT}/") for path in asked[1:])


def test_a_commit_that_is_asked_for_is_the_one_that_is_read(hub: Hub) -> None:
    assert open_checkpoint(f"{URL}@{COMMIT}", remote=QUICK).tensors
    with pytest.raises(RemoteError, match="does not list the files of a commit"):
        open_checkpoint(f"{URL}@{'d' * 40}", remote=QUICK)


def test_a_signed_address_that_expires_is_asked_for_anew(hub: Hub) -> None:
    checkpoint = open_checkpoint(URL, remote=QUICK)
    hub.signature = "second"
    asked = len(hub.hub.seen)
    assert comparable(rowscope.audit(checkpoint)) == comparable(rowscope.audit("demo"))
    weights = f"/{NAME}/resolve/{COMMIT}/model.safetensors"
    assert weights in [path for path, _ in hub.hub.seen[asked:]]


def test_addresses_that_are_signed_for_one_range(hub: Hub) -> None:
    """As some stores sign them: another range of the same file needs another address."""

    def sign(handler: Handler) -> bool:
        hub.signature = quote(handler.headers.get("Range", ""))
        return hub._answer(handler)

    def check(handler: Handler) -> bool:
        if not handler.path.endswith(f"?Signature={quote(handler.headers['Range'])}"):
            return handler.answer(403) is None
        hub.signature = quote(handler.headers["Range"])
        return hub._content(handler)

    hub.hub.fallback, hub.cdn.fallback = sign, check
    checkpoint = open_checkpoint(URL, remote=QUICK)
    with checkpoint.folder.open("model.safetensors") as file:
        data = b"".join(file.read(at, at + 100_000) for at in range(0, 1_000_000, 100_000))
    assert data == hub.files["model.safetensors"][:1_000_000]
    refused = sum(count == 0 for count in hub.cdn.sent.values())
    assert refused <= 4


def test_a_small_file_that_comes_whole_and_without_a_length(hub: Hub) -> None:
    config = hub.files["config.json"]

    def chunked(handler: Handler, more: bytes = b"") -> bool:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (config[:100], config[100:], more):
            if part:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")
        return True

    at = f"/{NAME}/resolve/{COMMIT}/config.json"
    hub.hub.faults[at] = chunked
    assert open_checkpoint(URL, remote=QUICK).config == json.loads(config)
    hub.hub.faults[at] = lambda handler: chunked(handler, b"more")
    shutil.rmtree(os.environ["HF_HOME"])
    checkpoint = open_checkpoint(URL, remote=QUICK)
    assert any("grew from" in skip.why for skip in checkpoint.skipped)


def test_a_signed_address_that_is_refused_at_once_is_one_error(hub: Hub) -> None:
    hub.cdn.fallback = lambda handler: handler.answer(403, b"<Error>expired</Error>") is None
    with pytest.raises(UnreadableError, match=r"403.*expired"):
        open_checkpoint(URL, remote=QUICK)


@pytest.mark.parametrize(
    ("status", "token", "step"),
    [
        (401, "", "private, gated, or does not exist.*hf auth login.*HF_TOKEN"),
        (401, "hf_secret", "token is not valid"),
        (403, "", "accept the conditions at http.*/org/name, then"),
        (403, "hf_secret", "accept the conditions at http.*/org/name with the account of your token"),
        (404, "hf_secret", "check the name and the revision"),
    ],
)
def test_refusals(hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int, token: str, step: str) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    at = f"/api/models/{NAME}/revision/main"
    said = {"X-Error-Message": "Access to model org/name is restricted."}
    hub.hub.faults[at] = lambda handler: handler.answer(status, b"", said) is None
    with pytest.raises(UnreadableError, match=step) as caught:
        open_checkpoint(URL, remote=QUICK)
    assert "Access to model org/name is restricted." in caught.value.message
    assert "hf_secret" not in caught.value.message
    assert caught.value.exit_code == 3


def test_a_gated_model_lists_its_files_and_refuses_them(hub: Hub) -> None:
    start = f"/{NAME}/resolve/{COMMIT}/"
    for name in hub.files:
        hub.hub.faults[start + name] = lambda handler: handler.answer(403) is None
    with pytest.raises(UnreadableError, match="accept the conditions"):
        open_checkpoint(URL, remote=QUICK)


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"sha": "main", "siblings": []}', b'{"sha": 5}', b"[" * 99999]
)
def test_what_is_no_list_of_files(hub: Hub, body: bytes) -> None:
    hub.hub.faults[f"/api/models/{NAME}/revision/main"] = lambda handler: handler.answer(200, body) is None
    with pytest.raises(RemoteError, match="HF_ENDPOINT"):
        open_checkpoint(URL, remote=QUICK)


def test_a_content_that_is_not_the_listed_one(hub: Hub) -> None:
    """Something in between changes a small file and keeps its length."""
    config = hub.files["config.json"]
    at = f"/{NAME}/resolve/{COMMIT}/config.json"
    wrong = config.replace(b"4096", b"4095")
    assert wrong != config
    hub.hub.faults[at] = lambda handler: handler.serve_bytes(wrong, {"ETag": '"x"'}) is None
    with pytest.raises(RemoteError, match="the hub lists"):
        open_checkpoint(URL, remote=QUICK)


def test_small_files_are_kept_where_the_hubs_library_finds_them(hub: Hub) -> None:
    rowscope.audit(open_checkpoint(URL, remote=QUICK))
    library = pytest.importorskip("huggingface_hub")
    cache = Path(os.environ["HF_HOME"]) / "hub"
    for name in ("config.json", "tokenizer.json"):
        found = library.try_to_load_from_cache(NAME, name, cache_dir=cache)
        assert Path(found).read_bytes() == hub.files[name]
    assert not [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]
    assert library.scan_cache_dir(cache).warnings == []
    requests, sent = hub.requests, hub.sent
    rowscope.audit(open_checkpoint(URL, remote=QUICK))
    assert hub.sent - sent < sent - 250_000  # the tokenizer came from the cache
    with pytest.raises(CheckpointError, match=f"holds no weights; read them from the hub with hf://{NAME}"):
        open_checkpoint(NAME)
    assert requests


def test_a_cached_revision_is_not_moved(hub: Hub) -> None:
    reference = Path(os.environ["HF_HOME"]) / "hub" / "models--org--name" / "refs" / "main"
    reference.parent.mkdir(parents=True)
    reference.write_text("a" * 40)
    rowscope.audit(open_checkpoint(URL, remote=QUICK))
    assert reference.read_text() == "a" * 40


def test_offline_forbids(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RemoteError, match="HF_HUB_OFFLINE forbids"):
        open_checkpoint(URL, remote=QUICK)
    assert hub.requests == 0


def test_a_repository_may_be_named_like_a_file(hub: Hub) -> None:
    with pytest.raises(UnreadableError, match="404"):
        open_checkpoint("hf://org/name.bin", remote=QUICK)
    with pytest.raises(CheckpointError, match="no safetensors file; convert it once"):
        open_checkpoint(f"{URL}/pytorch_model.bin", remote=QUICK)


def test_a_plain_name_never_touches_the_network(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match=f"hf://{NAME}"):
        open_checkpoint(NAME)
    assert hub.requests == 0


def test_the_stored_token_is_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    home = Path(os.environ["HF_HOME"])
    home.mkdir(exist_ok=True)
    (home / "token").write_text("hf_stored\n")
    open_checkpoint(URL, remote=QUICK)
    assert hub.hub.seen[0][1]["Authorization"] == "Bearer hf_stored"
    monkeypatch.setenv("HF_TOKEN", "two\nlines")
    with pytest.raises(RemoteError, match="HF_TOKEN"):
        open_checkpoint(URL, remote=QUICK)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("hf://org/name", HubAddress("org/name", "main", "")),
        ("hf://org/name/", HubAddress("org/name", "main", "")),
        ("hf://gpt2", HubAddress("gpt2", "main", "")),
        ("hf://org/name/sub/folder", HubAddress("org/name", "main", "sub/folder")),
        ("hf://org/name@v1.0/sub", HubAddress("org/name", "v1.0", "sub")),
        ("hf://org/name@refs/pr/7/sub", HubAddress("org/name", "refs/pr/7", "sub")),
        ("hf://org/name@a%2Fb", HubAddress("org/name", "a/b", "")),
        ("hf://models/org/name", HubAddress("org/name", "main", "")),
    ],
)
def test_addresses(url: str, found: HubAddress) -> None:
    assert hub_address(url) == found


@pytest.mark.parametrize(
    "url", ["hf://", "hf://datasets/org/name", "hf://org/../x", "hf://org/na me", "hf://a/b@/c"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(RowscopeError, match="no address of a model"):
        hub_address(url)


def test_pages_of_the_hub_are_addresses_too(hub: Hub) -> None:
    for page in ("", "/tree/main", f"/tree/{COMMIT}", "/blob/main/model.safetensors"):
        assert open_checkpoint(f"{hub.hub.url}/{NAME}{page}", remote=QUICK).tensors
    assert not [path for path, _ in hub.hub.seen if path.startswith("/org/name/tree")]
    for host in ("huggingface.co", "hf.co"):  # a mirror is asked in their place
        assert open_checkpoint(f"https://{host}/{NAME}", remote=QUICK).tensors


def test_nothing_but_the_named_hosts_is_contacted(hub: Hub) -> None:
    """Python's own audit hook sees every name that is looked up and every connection of a whole process."""
    hook = """
import sys
seen = set()
def watch(event, args):
    if event == "socket.connect":
        seen.add(args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.add((args[0], args[1] if len(args) > 1 else 0))
sys.addaudithook(watch)
import rowscope, runpy
sys.argv = ["rowscope", "audit", sys.argv[1]]
try:
    runpy.run_module("rowscope", run_name="__main__")
finally:
    print(sorted(seen, key=str), file=sys.stderr)
"""
    run = subprocess.run(
        [sys.executable, "-c", hook, URL], capture_output=True, text=True, env=os.environ.copy()
    )
    assert run.returncode == 0, run.stderr
    ports = {int(url.rpartition(":")[2]) for url in (hub.hub.url, hub.cdn.url)}
    assert set(eval(run.stderr.splitlines()[-1])) == {("127.0.0.1", port) for port in ports}
    local = subprocess.run([sys.executable, "-c", hook, "demo"], capture_output=True, text=True)
    assert local.stderr.splitlines()[-1] == "[]"


def test_changed_within_a_commit(hub: Hub) -> None:
    checkpoint = open_checkpoint(URL, remote=QUICK)
    hub.files["model.safetensors"] = hub.files["model.safetensors"][:-1] + b"!"
    with pytest.raises((MalformedFileError, RemoteError), match=r"changed"):
        rowscope.audit(checkpoint)
