"""The line itself: TLS, proxies, secrets in addresses, kept connections; what local audits never load."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rowscope
from rowscope.inspector.checkpoint import open_checkpoint
from rowscope.inspector.errors import CheckpointError, RemoteError, UsageError
from rowscope.inspector.storage import Patience, RemoteOptions
from rowscope.inspector.storage.pace import Pace
from rowscope.inspector.storage.remote.plan import bridged, joined, parts, within, without

from ..remote_hub import files_of
from ..remote_server import Handler, Server

DEMO = Path(rowscope.__file__).parent / "demo"
FILES = {f"/m/{name}": data for name, data in files_of(DEMO).items()}
TABLE = "model.embed_tokens.weight"
QUICK = RemoteOptions(patience=Patience(timeout=10, attempts=2, pause=0.01))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(FILES) as found:
        yield found


def _certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1, signed by itself, in one file."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "both.pem"
    path.write_bytes(text + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_is_checked(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.secure(context)
    url = server.url.replace("http://", "https://") + "/m/"
    with pytest.raises(RemoteError, match="certificate that is not trusted"):
        open_checkpoint(url, remote=QUICK)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert rowscope.audit(open_checkpoint(url, remote=QUICK)).exit_code() == 0


def test_no_redirect_from_a_secured_place_to_an_open_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with Server(FILES) as open_one:
        server.secure(context)
        place = {"Location": f"{open_one.url}/m/model.safetensors"}
        server.faults["/m/model.safetensors"] = lambda handler: handler.answer(302, b"", place) is None
        with pytest.raises(RemoteError, match="redirects from https:// to http://"):
            open_checkpoint(server.url.replace("http://", "https://") + "/m/", remote=QUICK)
        assert open_one.seen == []


def test_a_proxy_is_asked_for_hosts_that_no_proxy_does_not_name(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stands for a proxy: it sees whole addresses of a host that is not there."""
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://me:word@"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert open_checkpoint("http://a-host.invalid/m/", remote=QUICK).tensors
    headers = server.seen[0][1]
    assert headers["Host"] == "a-host.invalid"
    assert headers["Proxy-Authorization"].startswith("Basic ")
    server.seen.clear()
    assert open_checkpoint(f"{server.url}/m/", remote=QUICK).tensors
    assert "Proxy-Authorization" not in server.seen[0][1]
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(UsageError, match="socks5"):
        open_checkpoint("http://a-host.invalid/m/", remote=QUICK)


def test_a_tunnel_through_a_proxy(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy sees the host and no more, the host no word for the proxy."""
    pem = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.secure(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=_tunnels, args=(proxy, asked), daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://me:word@127.0.0.1:{proxy.getsockname()[1]}")
        url = server.url.replace("http://", "https://")
        assert rowscope.audit(open_checkpoint(f"{url}/m/", remote=QUICK)).exit_code() == 0
    host = url.removeprefix("https://").encode()
    assert asked
    assert all(head.startswith(b"CONNECT " + host + b" ") for head in asked)
    assert all(b"\r\nproxy-authorization: basic " in head.lower() for head in asked)
    assert all("Proxy-Authorization" not in headers for _, headers in server.seen)


def _tunnels(proxy: socket.socket, asked: list[bytes]) -> None:
    """Take connections for as long as the socket is open."""
    while True:
        try:
            threading.Thread(target=_tunnel, args=(proxy.accept()[0], asked), daemon=True).start()
        except OSError:
            return


def _tunnel(client: socket.socket, asked: list[bytes]) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    asked.append(head)
    host, _, port = head.split()[1].decode().partition(":")
    with client, socket.create_connection((host, int(port))) as behind:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pour, args=(behind, client), daemon=True)
        back.start()
        _pour(client, behind)
        back.join(10)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_secrets_of_an_address_are_sent_and_not_said(server: Server) -> None:
    url = server.url.replace("http://", "http://me:secret-word@") + "/m/?signature=secret-sign"
    checkpoint = open_checkpoint(url, remote=QUICK)
    report = str(rowscope.audit(checkpoint).to_dict())
    assert "secret" not in report
    assert report.count(f"{server.url}/m/")
    assert all(headers["Authorization"].startswith("Basic ") for _, headers in server.seen)
    server.faults["/m/model.safetensors"] = lambda handler: handler.answer(403) is None
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(url.replace("/m/?", "/m/model.safetensors?"), remote=QUICK)
    assert "secret" not in str(caught.value.__dict__) + str(caught.value)


def test_connections_are_kept(server: Server) -> None:
    seen = set()

    def note(handler: Handler) -> bool:
        seen.add(handler.client_address)
        return False

    server.faults = dict.fromkeys([*FILES, "/m/vocab.json", "/m/params.json"], note)
    rowscope.audit(open_checkpoint(f"{server.url}/m/", remote=QUICK))
    assert len(seen) < len([path for path, _ in server.seen if path in server.faults])


def test_a_connection_that_the_server_closed_meanwhile(server: Server) -> None:
    """Every answer is the last of its connection, and none says so."""

    def close(handler: Handler) -> bool:
        handler.serve()
        handler.close_connection = True
        return True

    server.faults = dict.fromkeys(FILES, close)
    assert rowscope.audit(open_checkpoint(f"{server.url}/m/", remote=QUICK)).exit_code() == 0


def test_a_store_without_a_listing_refuses_what_is_not_there(server: Server) -> None:
    """S3 answers 403 for a key that is not there where nobody may list."""
    server.fallback = lambda handler: handler.at not in FILES and handler.answer(403) is None
    assert rowscope.audit(open_checkpoint(f"{server.url}/m/", remote=QUICK)).exit_code() == 0
    with pytest.raises(CheckpointError, match="403"):
        open_checkpoint(f"{server.url}/elsewhere/", remote=QUICK)


def test_a_folder_with_nothing_known(server: Server) -> None:
    with pytest.raises(CheckpointError, match="none of the files that checkpoints have"):
        open_checkpoint(f"{server.url}/elsewhere/", remote=QUICK)


def test_shards_are_found_by_their_index(server: Server) -> None:
    server.files = {
        "/m/model.safetensors.index.json": json.dumps(
            {"weight_map": {TABLE: "part one.safetensors"}}
        ).encode(),
        "/m/part one.safetensors": FILES["/m/model.safetensors"],
        "/m/config.json": FILES["/m/config.json"],
    }
    checkpoint = open_checkpoint(f"{server.url}/m/", remote=QUICK)
    assert [shard.name for shard in checkpoint.shards] == ["part one.safetensors"]
    assert checkpoint.matrices
    named = open_checkpoint(f"{server.url}/m/model.safetensors.index.json", remote=QUICK)
    assert named.tensors.keys() == checkpoint.tensors.keys()


def test_local_audits_load_nothing_of_a_network() -> None:
    code = """
import sys, rowscope
rowscope.audit("demo")
print([name for name in ("http.client", "ssl", "socket", "urllib.request", "huggingface_hub", "obstore",
    "rowscope.inspector.storage.remote.opening") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


Ranges = list[tuple[int, int]]
RANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)).map(lambda pair: (pair[0], sum(pair))))


def _covered(ranges: Ranges) -> set[int]:
    return {at for start, stop in ranges for at in range(start, stop)}


@settings(deadline=None)
@given(RANGES, RANGES, st.integers(0, 40))
def test_ranges_are_sets_of_bytes(
    some: list[tuple[int, int]], others: list[tuple[int, int]], gap: int
) -> None:
    clean, present = joined(some, 0), joined(others, 0)
    assert _covered(clean) == _covered(some)
    assert all(one[1] < other[0] for one, other in pairwise(clean))
    assert _covered(without(clean, present)) == _covered(some) - _covered(others)
    assert _covered(within(clean, (50, 120))) == _covered(some) & set(range(50, 120))
    wide = bridged(clean, gap)
    assert _covered(wide) >= _covered(some)
    assert all(other[0] - one[1] > 0 for one, other in pairwise(wide))
    assert len(wide) <= len(clean)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(10**4, 10**6), st.integers(1, 16))
def test_parts_are_the_range(start: int, length: int, size: int, lanes: int) -> None:
    found = list(parts(start, start + length, max(size, lanes), lanes))
    assert [stop for _, stop in found[:-1]] == [begin for begin, _ in found[1:]]
    assert sum(stop - begin for begin, stop in found) == length
    assert all(0 < stop - begin <= max(size, lanes) for begin, stop in found)


def test_near_ranges_are_joined_and_far_ones_are_not() -> None:
    near, far = [(0, 1000), (1500, 2500)], [(0, 1000), (10**6, 10**6 + 1000)]
    assert bridged(near, 10_000) == [(0, 2500)]
    assert bridged(far, 10_000) == far
    scattered = [(at * 300_000, at * 300_000 + 1800) for at in range(1000)]
    assert sum(stop - start for start, stop in bridged(scattered, 1 << 20)) <= 1800 * 1000 + (1 << 20)


def test_the_pace_says_what_to_join() -> None:
    assert Pace(latency=0.1, bandwidth=1e7).gap(16) == 62_500
    assert Pace(latency=1, bandwidth=1e9).gap(16) == 1 << 20
    assert Pace(latency=1e-4, bandwidth=1e6).gap(16) == 8 << 10
